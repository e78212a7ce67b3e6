"""python -m tfcolor.presets."""

from tfcolor.cli.presets import main

main()
