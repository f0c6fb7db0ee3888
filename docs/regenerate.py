"""Write the reference pages from the declarations they describe. The test suite fails when they differ."""

from pathlib import Path

import click

from synovia import errors, tables
from synovia.cli.main import synovia
from synovia.fields import load_field
from synovia.review.evidence import HUMAN_TABLES
from synovia.review.protocol import json_schema

HERE = Path(__file__).parent / "reference"
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


def _page(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"


PAGES = {
    "tables.md": tables_page,
    "commands.md": commands_page,
    "protocol.md": protocol_page,
    "scales.md": scales_page,
    "errors.md": errors_page,
}

if __name__ == "__main__":
    for file, make in PAGES.items():
        (HERE / file).write_text(make(), encoding="utf-8")
