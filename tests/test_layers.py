"""The rooms import downwards only. A room's row names every room it may see."""

import ast
from pathlib import Path

SRC = Path(__file__).parents[1] / "src" / "synovia"
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "tables": {"errors"},
    "kernel": {"errors"},
    "examples": {"errors", "tables"},
    "fields": {"errors", "tables"},
    "journal": {"errors", "tables"},
    "formats": {"errors", "tables"},
    "records": {"errors", "tables"},
    "screening": {"errors", "tables"},
    "extraction": {"errors", "tables", "fields"},
    "effects": {"errors", "tables"},
    "synthesis": {"errors", "tables", "effects", "kernel"},
    "diagnosis": {"errors", "tables", "kernel", "synthesis"},
    "plots": {"errors", "tables"},
    "report": {"errors", "tables", "plots", "fields"},
    "review": {
        "errors", "tables", "fields", "journal", "formats", "records", "screening", "extraction", "effects",
        "synthesis", "plots", "report",
    },
    "cli": {"errors", "tables", "review", "formats", "report"},
}  # fmt: skip


def imported_rooms(path: Path) -> set[str]:
    """Rooms named by the absolute imports of one file, also those inside functions."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("synovia.")}
    return rooms


def room_files(room: str) -> list[Path]:
    return sorted((SRC / room).rglob("*.py")) if (SRC / room).is_dir() else [SRC / f"{room}.py"]


def test_rooms_import_downwards() -> None:
    broken = [
        f"{path.relative_to(SRC)} imports {seen}"
        for room, allowed in MAY_IMPORT.items()
        for path in room_files(room)
        for seen in sorted((imported_rooms(path) & set(MAY_IMPORT)) - allowed - {room})
    ]
    assert broken == []


def test_every_room_is_ruled() -> None:
    present = {path.stem for path in SRC.iterdir() if path.name[0] not in "_." and path.suffix in ("", ".py")}
    assert present - {"py"} == set(MAY_IMPORT)


def test_kernel_sees_numbers_only() -> None:
    for path in room_files("kernel"):
        text = path.read_text(encoding="utf-8")
        assert "pandas" not in text, path
        assert "logging" not in text, path


def test_only_review_appends_to_the_journal() -> None:
    callers = [
        str(path.relative_to(SRC))
        for path in sorted(SRC.rglob("*.py"))
        if ".append_events(" in path.read_text(encoding="utf-8")
        and path.parent.name not in ("journal", "review")
    ]
    assert callers == []
