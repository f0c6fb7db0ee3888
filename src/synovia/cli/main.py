"""``synovia``: the commands and where they live."""

import importlib
import sys

import click

from synovia.cli.output import explain
from synovia.errors import SynoviaError

__all__ = ["main", "synovia"]

_COMMANDS = {
    "new": ("Make a starter review.", "new"),
    "run": ("Run a review and print its answer.", "run"),
    "check": ("Check a review: protocol, journal, exports, numbers.", "check"),
    "report": ("Write the report again and say where it is.", "report"),
    "import": ("Record edits of the evidence tables in the journal.", "evidence"),
    "export": ("Write the journal and the evidence tables as text.", "evidence"),
    "journal": ("Look into the journal of human decisions.", "journal"),
    "schema": ("Print the JSON schema of review.toml.", "schema"),
}


class _Commands(click.Group):
    """A group that imports a command's file when the command is used, so that help is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"synovia.cli.{_COMMANDS[cmd_name][1]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (help_text, _) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="synovia", prog_name="synovia")
def synovia() -> None:
    """Turn a field's scattered studies into an honest answer, and keep that answer alive.

    Start with `synovia new NAME`, or look at a finished review with `synovia run reviews/knee-oa`.
    """


def main() -> None:
    """Run the command line; a mistake is explained in words, with exit code 2."""
    as_json = "--json" in sys.argv
    try:
        synovia.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        explain(click.ClickException("Stopped. Everything acknowledged is kept."), as_json=as_json)
        sys.exit(130)
    except click.ClickException as problem:
        if as_json:
            explain(problem, as_json=True)
        else:
            problem.show()
        sys.exit(problem.exit_code)
    except SynoviaError as problem:
        explain(problem, as_json=as_json)
        sys.exit(2)
