"""`python -m enginehouse` is the command `enginehouse`."""

from enginehouse.cli.main import main

main()
