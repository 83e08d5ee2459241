"""`python -m heredity.cli`: the command line without its script."""

from heredity.cli.main import main

main()
