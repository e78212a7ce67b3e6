"""python -m tfcolor.beam."""

from tfcolor.cli.beam import main

main()
