"""Where each key of a TOML text stands, so that a mistake can be named by its line."""

import re

__all__ = ["Path", "line_of", "lines_of"]

Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[|\[)\s*([^\[\]]+?)\s*(\]\]|\])\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-\"'.]+)\s*=\s*(.*)$")
_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')


def lines_of(text: str) -> dict[Path, int]:
    r"""Line, counted from 1, of every table header and key.

    Examples
    --------
    >>> lines_of("[review]\ntitle = 'x'\n[[search]]\nid = 'a'")[("search", 0, "id")]
    4
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    open_value = _Open()
    for number, line in enumerate(text.splitlines(), start=1):
        if open_value.continues(line):
            continue
        header = _HEADER.match(line)
        if header:
            table = _enter(header, counts)
            found.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key:
            found.setdefault(table + _parts(key.group(1)), number)
            open_value.start(key.group(2))
    return found


def line_of(text: str, path: Path) -> int | None:
    """Line of the nearest thing on the way to ``path`` that has one."""
    known = lines_of(text)
    for length in range(len(path), 0, -1):
        if path[:length] in known:
            return known[path[:length]]
    return None


def _parts(name: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in name.split("."))


def _enter(header: re.Match[str], counts: dict[Path, int]) -> Path:
    """The path of a header, with an index after every array of tables on the way."""
    path: Path = ()
    parts = _parts(header.group(2))
    for position, part in enumerate(parts):
        path = (*path, part)
        last = position == len(parts) - 1
        if last and header.group(1) == "[[":
            counts[path] = counts.get(path, -1) + 1
            path = (*path, counts[path])
        elif path in counts:
            path = (*path, counts[path])
    return path


class _Open:
    """Whether a value that began on an earlier line is still open."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0

    def start(self, value: str) -> None:
        for quote in ('"""', "'''"):
            if value.count(quote) % 2 == 1:
                self._quote = quote
                return
        self._depth = _depth(value)

    def continues(self, line: str) -> bool:
        if self._quote:
            if self._quote in line:
                self._quote = ""
            return True
        if self._depth > 0:
            self._depth += _depth(line)
            return True
        return False


def _depth(line: str) -> int:
    bare = _STRING.sub("", line).split("#")[0]
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")
