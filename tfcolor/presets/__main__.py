from tfcolor.cli.presets import main

main()
