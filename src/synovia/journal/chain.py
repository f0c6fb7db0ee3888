"""The chain: one canonical line of text per event, each naming the digest of the line before."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from synovia.errors import BrokenChain, UnreadableEvent
from synovia.journal.event import Event, from_mapping, to_mapping
from synovia.tables.digest import of_text

__all__ = ["Break", "first_break", "read_line", "seal", "seal_event", "split_lines", "verify"]

_ADVICE = (
    "Restore the file from its last good copy (for instance: git log -p -- evidence) and verify again; where "
    "the live journal is whole, move the file away and run: synovia export FOLDER."
)


@dataclass(frozen=True, slots=True)
class Break:
    """The first line at which the chain does not hold.

    Attributes
    ----------
    line_number : int
        Counted from 1.
    reason : str
        What was found there, as a sentence.
    """

    line_number: int
    reason: str


def _canonical(values: object) -> str:
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def seal_event(event: Event, prev: str) -> str:
    """The event as one line of the journal, after the line whose digest is ``prev``.

    Parameters
    ----------
    event : Event
        What was decided.
    prev : str
        Sha256 of the line before, in UTF-8 and without its newline; empty for the first line.

    Examples
    --------
    >>> from synovia.journal.event import Merged
    >>> seal_event(Merged("r1", "r2", by="ann", at="2025-03-01T09:30:00Z"), "")[:61]
    '{"at":"2025-03-01T09:30:00Z","by":"ann","event":"Merged","oth'
    """
    return _canonical({**to_mapping(event), "prev": prev})


def seal(events: Iterable[Event], prev: str = "") -> Iterator[str]:
    """The events as lines, each naming the digest of the line before.

    Examples
    --------
    >>> from synovia.journal.event import Merged
    >>> merge = Merged("r1", "r2", by="ann", at="2025-03-01T09:30:00Z")
    >>> first_break(seal([merge, merge])) is None
    True
    """
    for event in events:
        line = seal_event(event, prev)
        prev = of_text(line)
        yield line


def read_line(line: str) -> Event:
    """The event of one line.

    Raises
    ------
    UnreadableEvent
        When the line is not an event that this version knows.

    Examples
    --------
    >>> from synovia.journal.event import Merged
    >>> merge = Merged("r1", "r2", by="ann", at="2025-03-01T09:30:00Z")
    >>> read_line(seal_event(merge, "")) == merge
    True
    """
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnreadableEvent(f"found a line that is not JSON ({error}); wanted one event.") from error
    if not isinstance(values, dict):
        raise UnreadableEvent("found a line that is not a JSON object; wanted one event.")
    return from_mapping({name: value for name, value in values.items() if name != "prev"})


def split_lines(text: str) -> list[str]:
    r"""The lines of an exported journal; only a line feed ends a line.

    Examples
    --------
    >>> split_lines("a\nb\u2028c\n")
    ['a', 'b\u2028c']
    """
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def first_break(lines: Iterable[str], prev: str = "") -> Break | None:
    """The first line at which the chain does not hold, or None.

    A change of line ``i`` shows at line ``i + 1``, which names the digest of line ``i`` as it was. A change
    of the last line shows only against the digest of the whole journal, see `verify`.

    Examples
    --------
    >>> first_break(["{}"])
    Break(line_number=1, reason='line 1 does not name the line before it')
    """
    for number, line in enumerate(lines, start=1):
        reason = _misshapen(line, number) or _mislinked(line, number, prev)
        if reason:
            return Break(number, reason)
        prev = of_text(line)
    return None


def _misshapen(line: str, number: int) -> str:
    if line.endswith("\r"):
        return f"line {number} ends in a carriage return: an editor or git changed the line endings"
    try:
        line.encode("utf-8")
        values = json.loads(line)
    except (ValueError, RecursionError):
        return f"line {number} is not JSON: it was cut short or edited"
    if not isinstance(values, dict):
        return f"line {number} is not an event: it was edited"
    if not isinstance(values.get("prev"), str):
        return f"line {number} does not name the line before it"
    return "" if _is_canonical(line, values) else f"line {number} is not written as Synovia writes it"


def _is_canonical(line: str, values: object) -> bool:
    try:
        return _canonical(values) == line
    except ValueError:
        return False


def _mislinked(line: str, number: int, prev: str) -> str:
    named = json.loads(line)["prev"]
    if named == prev:
        return ""
    if number == 1:
        return f"line 1 names {named[:12]} as the line before it, but it is the first: lines above are gone"
    return (
        f"line {number} names {named[:12]} as the digest of the line before it, "
        f"but line {number - 1} has {prev[:12] or 'none'}: "
        f"line {number - 1} was changed, or lines were removed, added or moved here"
    )


def verify(lines: Iterable[str], *, head: str = "") -> None:
    """Make sure that no line was changed, removed, added or moved.

    Parameters
    ----------
    lines : iterable of str
        The journal, oldest line first.
    head : str
        Digest that the last line must have, for instance the one printed in a report; empty to leave the
        last line's content unchecked.

    Raises
    ------
    BrokenChain
        Naming the first line that does not fit, what was found there and what to do.

    Examples
    --------
    >>> verify([])
    """
    entries = list(lines)
    found = first_break(entries)
    if found is None and head:
        found = _wrong_head(entries, head)
    if found is not None:
        raise BrokenChain(f"The journal is broken: {found.reason}. {_ADVICE}")


def _wrong_head(lines: list[str], head: str) -> Break | None:
    last = of_text(lines[-1]) if lines else ""
    if last == head:
        return None
    reason = f"the last line, {len(lines)}, has digest {last[:12] or 'none'}, but {head[:12]} was expected"
    return Break(len(lines), reason)
