"""`python -m adamtune` does what `adamtune` does."""

from adamtune.cli.app import main

if __name__ == "__main__":
    main()
