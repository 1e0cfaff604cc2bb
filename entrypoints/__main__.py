"""`python -m entrypoints`: the `basepay` command from a checkout."""

from entrypoints.cli import main

main()
