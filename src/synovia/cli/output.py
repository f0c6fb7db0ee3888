"""What the command line prints: words for people, JSON for programs."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import TypeVar

import click

from synovia.errors import InputError, SynoviaError

__all__ = ["emit", "explain", "folder_argument", "json_option", "out_option"]

Command = TypeVar("Command", bound=Callable[..., object])


def json_option(command: Command) -> Command:
    """The option ``--json`` that every command printing a result has."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def folder_argument(command: Command) -> Command:
    """The review folder a command works on."""
    return click.argument("folder", type=click.Path(), default=".")(command)


def out_option(command: Command) -> Command:
    """Where results go, when not to ``FOLDER/out``."""
    return click.option(
        "--out", type=click.Path(), default=None, help="Folder for the results instead of FOLDER/out."
    )(command)


def emit(result: Mapping[str, object], words: str, *, as_json: bool) -> None:
    """Print a result once, in the form asked for."""
    click.echo(json.dumps(result, ensure_ascii=False, indent=2, allow_nan=False) if as_json else words)


def explain(problem: SynoviaError, *, as_json: bool) -> None:
    """Say on standard error what went wrong; with ``--json`` on standard output, fault by fault."""
    if not as_json:
        click.echo(f"synovia: {problem}", err=True)
        return
    faults = (
        [dataclasses.asdict(fault) for fault in problem.faults] if isinstance(problem, InputError) else []
    )
    click.echo(
        json.dumps(
            {"error": type(problem).__name__, "message": str(problem), "faults": faults}, ensure_ascii=False
        )
    )
