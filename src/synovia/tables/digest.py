"""Content digests: the same content has the same digest, wherever and whenever it is computed."""

import hashlib
import json
from collections.abc import Mapping

import pandas as pd

from synovia.tables.schema import Table, format_cell

__all__ = ["of_bytes", "of_parts", "of_rows", "of_table", "of_text"]


def of_bytes(data: bytes) -> str:
    """Sha256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def of_text(text: str) -> str:
    """Sha256 of a text in UTF-8.

    Examples
    --------
    >>> of_text("")[:8]
    'e3b0c442'
    """
    return of_bytes(text.encode("utf-8"))


def of_rows(values: object) -> str:
    """Digest of plain values (mappings, lists, texts, numbers): canonical JSON with sorted keys."""
    return of_text(json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def of_table(table: Table, data: pd.DataFrame) -> str:
    """Digest of a table's declared columns, in row order."""
    columns = [table.column(name) for name in table.names]
    rows = [
        [format_cell(c, v) for c, v in zip(columns, row, strict=True)]
        for row in data[list(table.names)].to_numpy()
    ]
    return of_rows({"table": table.name, "rows": rows})


def of_parts(parts: Mapping[str, str]) -> str:
    """Digest of named digests."""
    return of_rows(dict(parts))
