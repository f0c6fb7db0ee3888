"""``synovia run``."""

import sys

import click
from rich.console import Console

from synovia.cli.output import emit, folder_argument, json_option, out_option
from synovia.review.folder import Folder
from synovia.review.results import Results, produce

__all__ = ["result_of", "run_command", "words_of"]


@click.command("run")
@folder_argument
@out_option
@json_option
def run_command(folder: str, out: str | None, as_json: bool) -> None:
    """Run the review in FOLDER: every stage whose needs have changed, then the report; prints the answer."""
    place = Folder.at(folder, out=out)
    if as_json or not sys.stderr.isatty():
        results = produce(place)
    else:
        with Console(stderr=True).status("reading the review") as status:
            results = produce(place, on_stage=lambda _, label: status.update(label))
    emit(result_of(results), words_of(results), as_json=as_json)


def result_of(results: Results) -> dict[str, object]:
    """The result as plain values."""
    return {
        "report": str(results.report),
        "changed": results.changed,
        "stages": {state.name: state.state for state in results.stages},
        "answers": [{"synthesis_id": name, "sentence": sentence} for name, sentence in results.sentences],
        "cautions": list(results.cautions),
    }


def words_of(results: Results) -> str:
    """The result as a person reads it: the answer, cautions, what was done, and where the report is."""
    lines = [results.title, ""]
    lines += [f"• {sentence}" for _, sentence in results.sentences]
    lines += ["", *(f"Note: {caution}" for caution in results.cautions)] if results.cautions else [""]
    computed = [state.name for state in results.stages if state.state == "computed"]
    lines.append(
        f"Computed: {', '.join(computed)}."
        if computed
        else "Nothing has changed; nothing was computed again."
    )
    lines.append(f"Report: {results.report}")
    return "\n".join(lines)
