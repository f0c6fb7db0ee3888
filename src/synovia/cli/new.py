"""``synovia new``."""

import click

from synovia.cli.output import emit, json_option
from synovia.review.starter import new_review

__all__ = ["new_command"]


@click.command("new")
@click.argument("name", type=click.Path())
@json_option
def new_command(name: str, as_json: bool) -> None:
    """Make the review folder NAME with a commented protocol and empty evidence tables."""
    new_review(name)
    words = (
        f"{name}/ is ready.\n"
        f"  1. Write down what you want to know: {name}/review.toml\n"
        f"  2. Save search exports in {name}/searches/ and name them in review.toml\n"
        f"  3. Enter studies, arms and outcomes in {name}/evidence/*.csv\n"
        f'  4. Record them: synovia import {name} --by "YOUR NAME"\n'
        f"  5. Run it: synovia run {name}"
    )
    emit({"folder": name, "protocol": f"{name}/review.toml"}, words, as_json=as_json)
