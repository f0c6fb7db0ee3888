"""What the command line prints: words for people, JSON for programs."""

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import TextIO, TypeVar

import click

from synovia.errors import InputError

__all__ = ["emit", "explain", "folder_argument", "json_option", "out_option"]

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PLAINER = str.maketrans({"\u202f": " ", "\xa0": " ", "\u2013": "-", "\u2212": "-", "\u2022": "*"})

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
    if as_json:
        _print_json(result, indent=2)
    else:
        click.echo(_printable(words, sys.stdout))


def _print_json(result: Mapping[str, object], *, indent: int | None = None) -> None:
    click.echo(json.dumps(result, ensure_ascii=not _is_unicode(sys.stdout), indent=indent, allow_nan=False))


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf")


def _printable(words: str, stream: TextIO) -> str:
    """The words as this terminal can show them: what it lacks is spelled, what would steer it is not sent."""
    words = _STEERING.sub("\N{REPLACEMENT CHARACTER}", words)
    if _is_unicode(stream):
        return words.encode("utf-8", "replace").decode("utf-8")
    encoding = stream.encoding
    return words.translate(_PLAINER).encode(encoding, "backslashreplace").decode(encoding)


def explain(problem: Exception, *, as_json: bool) -> None:
    """Say on standard error what went wrong; with ``--json`` on standard output, fault by fault."""
    if not as_json:
        click.echo(_printable(f"synovia: {problem}", sys.stderr), err=True)
        return
    faults = (
        [dataclasses.asdict(fault) for fault in problem.faults] if isinstance(problem, InputError) else []
    )
    message = problem.format_message() if isinstance(problem, click.ClickException) else str(problem)
    _print_json({"error": type(problem).__name__, "message": message, "faults": faults})
