"""Derived tables kept by content: the same needs give the same key, and a known key is not computed again."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable

import pandas as pd

from synovia import tables
from synovia.review.folder import Folder, write_whole
from synovia.tables import digest

__all__ = ["Frames", "code_digest", "load", "save"]

Frames = dict[str, pd.DataFrame]


@cache
def code_digest() -> str:
    """Digest of Synovia's version and of every file of the package that can change a result."""
    parts = {
        name: digest.of_bytes(file.read_bytes()) for name, file in _files(resources.files("synovia"), "")
    }
    return digest.of_rows({"version": version("synovia"), "files": parts})


def _files(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        name = f"{prefix}{entry.name}"
        if entry.is_dir() and entry.name != "__pycache__":
            found += _files(entry, f"{name}/")
        elif entry.is_file() and not entry.name.endswith(".pyc"):
            found.append((name, entry))
    return found


def save(folder: Folder, stage: str, key: str, frames: Mapping[str, pd.DataFrame]) -> None:
    """Keep the tables of a stage under their key, in place of what the stage kept before."""
    kept = {name: _plain(frame) for name, frame in frames.items()}
    content = {"key": key, "digest": digest.of_rows(kept), "tables": kept}
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    write_whole(
        folder.hidden / "cache" / f"{stage}.json", text.encode(), shown=f".synovia/cache/{stage}.json"
    )


def load(folder: Folder, stage: str, key: str, gives: Sequence[tables.Table]) -> Frames | None:
    """Tables kept under that key, or None when they must be computed, damaged ones included."""
    text = folder.read(f".synovia/cache/{stage}.json")
    if text is None:
        return None
    try:
        content = json.loads(text)
        kept = content["tables"]
        if content["key"] != key or content["digest"] != digest.of_rows(kept):
            return None
        return {table.name: _typed(table, kept[table.name]) for table in gives}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _plain(frame: pd.DataFrame) -> dict[str, list[object]]:
    return {str(name): [_json_value(value) for value in frame[name].tolist()] for name in frame.columns}


def _json_value(value: object) -> object:
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def _typed(table: tables.Table, columns: Mapping[str, list[object]]) -> pd.DataFrame:
    """The frame as it was: declared columns typed by their table, others (line numbers) as integers."""
    count = len(next(iter(columns.values()), []))
    rows = [{name: columns[name][i] for name in table.names if name in columns} for i in range(count)]
    frame = tables.frame(table, rows)
    for name in columns:
        if name not in table.names:
            frame[name] = pd.Series(columns[name], dtype="int64")
    return frame
