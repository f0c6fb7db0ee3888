"""``synovia schema``."""

import json

import click

from synovia.review.protocol import json_schema

__all__ = ["schema_command"]


@click.command("schema")
@click.option("--json", "as_json", is_flag=True, help="The schema is JSON in any case.")
def schema_command(as_json: bool) -> None:  # noqa: ARG001 - accepted like everywhere else
    """Print the JSON schema of review.toml: every key, what it means, what it allows."""
    click.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))
