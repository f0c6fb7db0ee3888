"""A new review: a commented protocol and empty evidence tables to fill in."""

from importlib import resources
from pathlib import Path

from synovia import formats
from synovia.errors import Fault, InputError
from synovia.review.evidence import HUMAN_TABLES
from synovia.review.folder import Folder, write_whole

__all__ = ["new_review"]

_GITATTRIBUTES = "# the journal is compared byte by byte\nevidence/* -text\nsearches/* -text\n"
_GITIGNORE = "# derived: rebuilt by synovia run\n.synovia/\nout/\n"


def new_review(path: str | Path) -> Folder:
    """Write a starter review.

    Parameters
    ----------
    path : path
        Folder to make; it must not exist yet, or be empty.

    Raises
    ------
    InputError
        When something is already there: nothing is overwritten.
    StorageError
        When the disk refuses.
    """
    root = Path(path)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        advice = "Choose another name; nothing was overwritten."
        raise InputError(
            [Fault("something already there", "a new or empty folder", str(path), advice=advice)]
        )
    title = _title(root)
    starter = resources.files("synovia.review").joinpath("starter.toml").read_text(encoding="utf-8")
    _write(root, "review.toml", starter.replace("{name}", title))
    _write(root, ".gitignore", _GITIGNORE)
    _write(root, ".gitattributes", _GITATTRIBUTES)
    _write(root, "searches/.gitkeep", "")
    for table in HUMAN_TABLES:
        _write(root, f"evidence/{table.name}.csv", formats.write_rows(table, []))
    return Folder.at(root)


def _title(root: Path) -> str:
    """The folder's name as a title that fits between quotes in TOML."""
    name = root.resolve().name.encode("utf-8", "replace").decode("utf-8")
    shown = "".join(letter if letter.isprintable() else " " for letter in name)
    return shown.replace("\\", "/").replace('"', "'").strip() or "review"


def _write(root: Path, name: str, text: str) -> None:
    write_whole(root / name, text.encode(), shown=name)
