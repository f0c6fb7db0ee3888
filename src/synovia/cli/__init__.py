"""The command line: one file per command, loaded only when it is asked for."""

from synovia.cli.main import main

__all__ = ["main"]
