"""`python -m convnets`, the same as the `convnets` command."""

from convnets.cli import main

main()
