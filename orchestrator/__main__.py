"""`python -m orchestrator` is the `assay` command."""

from orchestrator.cli import main

if __name__ == "__main__":
    main()
