"""Write the reference pages from the declarations they describe. The test suite fails when they differ."""

import ast
import gzip
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import click

from synovia import errors, tables
from synovia.cli.main import synovia
from synovia.fields import load_field
from synovia.review.evidence import HUMAN_TABLES
from synovia.review.protocol import json_schema

HERE = Path(__file__).parent / "reference"
PARITY = Path(__file__).parents[1] / "tests" / "parity"
NOTICE = "<!-- written by docs/regenerate.py from the code; change that, then run it again -->"


def tables_page() -> str:
    """Every declared table, column by column."""
    parts = [
        "# Tables",
        NOTICE,
        "People edit the tables under *entered*, in `evidence/`; "
        "Synovia computes those under *derived*, in `out/tables/`.",
    ]
    for heading, group in (("Entered", HUMAN_TABLES), ("Derived", tables.DERIVED)):
        parts.append(f"## {heading}")
        parts += [_table(table) for table in group]
    return _page(parts)


def _table(table: tables.Table) -> str:
    rows = [
        f"| `{c.name}` | {c.wanted} | {c.unit} | {'yes' if c.required else ''} | {c.help} |"
        for c in table.columns
    ]
    head = ["| column | holds | unit | required | what it is |", "|---|---|---|---|---|"]
    return "\n".join(
        [f"### {table.name}", "", f"{table.help}. Key: {', '.join(table.key)}.", "", *head, *rows]
    )


def commands_page() -> str:
    """Every command with its help."""
    parts = [
        "# Commands",
        NOTICE,
        "Every command that prints a result takes `--json`. "
        "Exit codes: 0 done, 1 `check` found something to mend, 2 refused.",
    ]
    context = click.Context(synovia, info_name="synovia", help_option_names=["-h", "--help"])
    for name in synovia.list_commands(context):
        command = synovia.get_command(context, name)
        if command is not None:
            parts += _command(command, name, context)
    return _page(parts)


def _command(command: click.Command, name: str, parent: click.Context) -> list[str]:
    context = click.Context(command, info_name=name, parent=parent)
    path, help_text = context.command_path, command.get_help(context)
    found = [f"## {path}", f"```text\n{help_text}\n```"]
    if isinstance(command, click.Group):
        for inner_name, inner in sorted(command.commands.items()):
            found += _command(inner, inner_name, context)
    return found


def protocol_page() -> str:
    """Every key of review.toml."""
    schema = json_schema()
    parts = [
        "# Protocol: `review.toml`",
        NOTICE,
        "`synovia schema` prints the same as JSON schema; `synovia new NAME` writes a commented starter.",
    ]
    definitions = {"Protocol": schema, **schema["$defs"]}
    for name, section in definitions.items():
        head = ["| key | allowed | default | what it is |", "|---|---|---|---|"]
        rows = [_key(key, value, section) for key, value in section.get("properties", {}).items()]
        parts.append("\n".join([f"## {name}", "", section.get("description", ""), "", *head, *rows]))
    return _page(parts)


def _key(name: str, value: dict[str, object], section: dict[str, object]) -> str:
    required = section.get("required", [])
    default = "required" if isinstance(required, list) and name in required else f"`{value.get('default')}`"
    return f"| `{name}` | {_allowed(value)} | {default} | {value.get('description', '')} |"


def _allowed(value: dict[str, object]) -> str:
    if "enum" in value:
        return ", ".join(str(one) or "empty" for one in value["enum"])  # type: ignore[attr-defined]
    if "$ref" in value:
        return str(value["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in value:
        return " or ".join(_allowed(option) for option in value["anyOf"])  # type: ignore[attr-defined]
    if value.get("type") == "array":
        items = value.get("items", {})
        return f"list of {_allowed(items)}" if isinstance(items, dict) else "list"
    return str(value.get("type", value.get("const", "")))


def scales_page() -> str:
    """Every registered scale with range, direction and published thresholds."""
    field = load_field("knee_oa")
    head = ["| id | scale | range | better | published thresholds |", "|---|---|---|---|---|"]
    rows = []
    for scale_id in sorted(field.scale_ids):
        scale = field.scale(scale_id)
        thresholds = "; ".join(f"{m.value:g} {m.unit} ({m.citation}; {m.basis})" for m in scale.mcids)
        rows.append(
            f"| `{scale.id}` | {scale.name} | {scale.minimum:g} to {scale.maximum:g} "
            f"| {scale.better} | {thresholds} |"
        )
    return _page(
        [
            "# Scales",
            NOTICE,
            f"Field: {field.name}. A mean outside its range is refused.",
            "\n".join([*head, *rows]),
        ]
    )


def errors_page() -> str:
    """The tree of errors."""
    tree = (errors.__doc__ or "").split("::")[1].split("Every message")[0]
    rows = [f"- `{name}`: {getattr(errors, name).__doc__.splitlines()[0]}" for name in errors.__all__]
    return _page(["# Errors", NOTICE, "```text" + tree.rstrip() + "\n```", "\n".join(rows)])


DIFFERENCES = """
R's packages for meta-analysis are the reference of this one, and a generous one: open, documented, used by
thousands. Where a number of ours is not theirs, it is listed below with its reason; a test fails when a
number differs that is not listed, and when a listed one no longer does.

**How the comparison is made.** The cases were made with R 4.2.2, metafor 5.0-1, meta 8.3-0, clubSandwich
0.6.0, robumeta 2.1, mixmeta 1.2.0 and mada 0.5.12, where possible with tight stopping rules. Each is
checked twice:

- *at R's estimate of the heterogeneity* everything that follows from it (coefficients, standard errors,
  tests, intervals, predictions, likelihoods) agrees to a relative 1e-9, the rounding of sums in another
  order;
- *from the data to the end* closed forms agree to 1e-8 and searched numbers to 1e-5, or to where R's own
  search stops, with the reason beside the tolerance; and our likelihood is at least R's less 1e-8.

The cases whose data come from the registry package metadat are kept in the repository and run on every
clone; the others stand beside it and run where they are present.
"""

LIMITS = """
**Where R's tools reach a limit.** None of these is an error in a formula, and for most reviews none
matters:

- metafor's default stopping rules are loose enough for print: estimates of a small tau2 differ from the
  converged ones by up to 2 % (median 1e-5). With `control=list(threshold=1e-12, maxiter=10000)` they agree
  with ours.
- Its REML by Fisher scoring stopped with an error in 106 of 10,000 simulated sets of 20 studies; a smaller
  `stepadj` helps. `permutest` leaves such orders out of its distribution.
- Its matrices are k by k: 100,000 studies ask for 74.5 GB, which is refused. Ours are as long as the data.
"""


def differences_page() -> str:
    """Every number of R that ours is not, from the list that the tests hold."""
    entries = tomllib.loads((PARITY / "disagreements.toml").read_text(encoding="utf-8"))["disagreement"]
    entries.sort(key=lambda entry: entry["topic"])
    counted = ["| topic | what | cases on every clone | entries below |", "|---|---|---|---|"]
    for path in sorted((PARITY / "topics").glob("topic_*.py")):
        topic = path.stem.removeprefix("topic_")
        listed = sum(entry["topic"] == topic for entry in entries)
        counted.append(f"| {topic} | {_first_line(path)} | {_count_cases(path)} | {listed or ''} |")
    head = [
        "| topic | cases | how far apart | why | who is right, and how we know |",
        "|---|---|---|---|---|",
    ]
    table = "\n".join([*head, *map(_difference, entries)])
    parts = ["# Where R and Synovia differ", NOTICE, DIFFERENCES.strip(), "\n".join(counted), LIMITS.strip()]
    return _page([*parts, "## The list", table])


def _first_line(path: Path) -> str:
    return (ast.get_docstring(_parse(path)) or "").splitlines()[0]


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _count_cases(path: Path) -> str:
    """Cases in the repository that a topic's ``COVERS`` names; empty when there are none."""
    kept = PARITY / "cases" / f"{path.stem.removeprefix('topic_')}.json.gz"
    if not kept.is_file():
        return ""
    covers = ".*"
    for line in _parse(path).body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "COVERS":
            covers = ast.literal_eval(line.value)
    cases = json.loads(gzip.decompress(kept.read_bytes()))["cases"]
    return str(sum(re.fullmatch(covers, case["id"]) is not None for case in cases) or "")


def _difference(entry: dict[str, Any]) -> str:
    cases = f"`{entry['cases'].replace(chr(92), '')}`"
    if "part" in entry:
        cases += f"; only {entry['part']}"
    cells = [entry["topic"], cases, *(entry[name] for name in ("size", "cause", "right"))]
    return "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in cells) + " |"


def _page(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"


PAGES = {
    "tables.md": tables_page,
    "commands.md": commands_page,
    "protocol.md": protocol_page,
    "scales.md": scales_page,
    "errors.md": errors_page,
    "differences.md": differences_page,
}

if __name__ == "__main__":
    for file, make in PAGES.items():
        (HERE / file).write_text(make(), encoding="utf-8")
