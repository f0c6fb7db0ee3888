"""``python -m synovia``."""

from synovia.cli import main

if __name__ == "__main__":
    main()
