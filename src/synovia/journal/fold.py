"""State by folding: tables of decisions and of evidence, computed from events. Pure."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import pandas as pd

from synovia.journal.event import (
    Adjudicated,
    Amended,
    Entered,
    Event,
    Judged,
    Merged,
    Screened,
    Split,
    Withdrawn,
)
from synovia.journal.moment import instant
from synovia.tables import DECISIONS, STAGES, Row, frame

__all__ = [
    "amendments", "decisions", "entered", "history", "merges", "name_superseded", "splits", "subject",
    "timeline", "undecided",
]  # fmt: skip

AnyEvent = TypeVar("AnyEvent", bound=Event)
Decision = TypeVar("Decision", Screened, Adjudicated)


def timeline(events: Iterable[Event]) -> tuple[Event, ...]:
    """The events in one order that does not depend on how the events of different people interleave.

    By time; at the same time by name; and always in each person's own order, even where that person's clock
    was set back.

    Examples
    --------
    >>> ann = Merged("r1", "r2", by="ann", at="2025-03-01T09:30:00Z")
    >>> bob = Split("r1", "r2", by="bob", at="2025-03-01T09:31:00Z")
    >>> timeline([bob, ann]) == timeline([ann, bob]) == (ann, bob)
    True
    """
    latest: dict[str, str] = {}
    own: Counter[str] = Counter()
    placed: list[tuple[str, str, int, Event]] = []
    for event in events:
        latest[event.by] = max(instant(event.at), latest.get(event.by, ""))
        own[event.by] += 1
        placed.append((latest[event.by], event.by, own[event.by], event))
    return tuple(place[-1] for place in sorted(placed, key=lambda place: place[:-1]))


def subject(event: Event) -> tuple[Hashable, ...]:
    """What an event is about: a later event about the same subject takes its place.

    Examples
    --------
    >>> subject(Screened("r1", "full-text", "include", by="ann", at="2025-03-01T09:30:00Z"))
    ('Screened', 'r1', 'full-text', 'ann')
    """
    if isinstance(event, Screened | Adjudicated):
        return (type(event).__name__, event.record_id, event.stage, event.by)
    if isinstance(event, Merged | Split):
        return ("pair", *_pair(event))
    if isinstance(event, Entered | Withdrawn):
        return ("row", event.table, event.key)
    if isinstance(event, Judged):
        return ("Judged", event.study_id, event.outcome, event.instrument, event.domain, event.by)
    return (event,)


def _pair(event: Merged | Split) -> tuple[str, str]:
    first, second = sorted((event.record_id, event.other_id))
    return first, second


def decisions(events: Iterable[Event]) -> pd.DataFrame:
    """The latest decision of each person on each record at each stage.

    Returns
    -------
    DataFrame
        The table ``decisions``, by record, stage, reviewer and role.

    Examples
    --------
    >>> first = Screened("r1", "full-text", "exclude", "no control", by="ann", at="2025-03-01T09:30:00Z")
    >>> second = Screened("r1", "full-text", "include", by="ann", at="2025-03-01T09:35:00Z")
    >>> decisions([first, second])["verdict"].tolist()
    ['include']
    """
    latest: dict[tuple[Hashable, ...], Screened | Adjudicated] = {}
    for event in events:
        if isinstance(event, Screened | Adjudicated):
            latest[subject(event)] = event
        elif isinstance(event, Withdrawn) and event.table == DECISIONS.name:
            record_id, stage, person, role = event.key
            kind = "Adjudicated" if role == "adjudicator" else "Screened"
            latest.pop((kind, record_id, stage, person), None)
    rows = [_decision(event) for event in latest.values()]
    rows.sort(key=lambda row: (row["record_id"], STAGES.index(row["stage"]), row["reviewer"], row["role"]))
    return frame(DECISIONS, rows)


def _decision(event: Screened | Adjudicated) -> dict[str, str]:
    return {
        "record_id": event.record_id,
        "stage": event.stage,
        "reviewer": event.by,
        "role": "adjudicator" if isinstance(event, Adjudicated) else "reviewer",
        "verdict": event.verdict,
        "reason": event.reason,
        "note": event.note,
    }


def _pairs(events: Iterable[Event]) -> dict[tuple[str, str], Event]:
    return {_pair(event): event for event in timeline(events) if isinstance(event, Merged | Split)}


def merges(events: Iterable[Event]) -> tuple[tuple[str, str], ...]:
    """Pairs of records that people hold to be the same report, each pair and the whole in order.

    Examples
    --------
    >>> merge = Merged("r2", "r1", by="ann", at="2025-03-01T09:30:00Z")
    >>> merges([merge])
    (('r1', 'r2'),)
    >>> merges([merge, Split("r1", "r2", by="ann", at="2025-03-01T09:31:00Z")])
    ()
    """
    return tuple(sorted(pair for pair, event in _pairs(events).items() if isinstance(event, Merged)))


def splits(events: Iterable[Event]) -> tuple[tuple[str, str], ...]:
    """Pairs of records that people hold to be different reports, each pair and the whole in order.

    Examples
    --------
    >>> splits([Split("r2", "r1", by="ann", at="2025-03-01T09:31:00Z")])
    (('r1', 'r2'),)
    """
    return tuple(sorted(pair for pair, event in _pairs(events).items() if isinstance(event, Split)))


def entered(events: Iterable[Event], table: str) -> tuple[Row, ...]:
    """The rows of an evidence table as people last entered them.

    Parameters
    ----------
    events : iterable of Event
        The journal.
    table : str
        Name of the table.

    Returns
    -------
    tuple of Row
        In the order in which the rows were first entered; ``line`` is where the row stands in the exported
        file, whose header is line 1.

    Examples
    --------
    >>> row = Entered("links", ("r1",), {"record_id": "r1"}, by="ann", at="2025-03-01T09:30:00Z")
    >>> [(row.line, dict(row.values)) for row in entered([row], "links")]
    [(2, {'record_id': 'r1'})]
    """
    state: dict[tuple[str, ...], Entered | Withdrawn] = {}
    for event in timeline(events):
        if isinstance(event, Entered | Withdrawn) and event.table == table:
            state[event.key] = event
    present = [event for event in state.values() if isinstance(event, Entered)]
    return tuple(Row(line, event.values) for line, event in enumerate(present, start=2))


def history(events: Iterable[Event], table: str, key: Sequence[str]) -> tuple[Entered | Withdrawn, ...]:
    """Everything that was ever entered for one row, oldest first.

    Examples
    --------
    >>> row = Entered("links", ("r1",), {"record_id": "r1"}, by="ann", at="2025-03-01T09:30:00Z")
    >>> history([row], "links", ("r1",)) == (row,)
    True
    """
    return tuple(
        event
        for event in timeline(events)
        if isinstance(event, Entered | Withdrawn) and event.table == table and event.key == tuple(key)
    )


def amendments(events: Iterable[Event]) -> tuple[Amended, ...]:
    """Changes of the protocol, oldest first.

    Examples
    --------
    >>> amendments([])
    ()
    """
    return tuple(event for event in timeline(events) if isinstance(event, Amended))


def undecided(wanted: Iterable[Decision], events: Iterable[Event]) -> list[Decision]:
    """The decisions that the journal does not hold yet, so that an interrupted import can be finished.

    For each person, record and stage, decisions already recorded in the same order are left out; what
    remains, appended, makes the last decision wanted the latest one. Asked again after that, nothing remains.

    Parameters
    ----------
    wanted : iterable of Screened or Adjudicated
        The decisions to record, in order; two decisions are equal when verdict, reason and note are.
    events : iterable of Event
        The journal.

    Returns
    -------
    list of Screened or Adjudicated
        In the order wanted.

    Examples
    --------
    >>> one = Screened("r1", "full-text", "include", by="ann", at="2025-03-01T09:30:00Z")
    >>> two = Screened("r2", "full-text", "include", by="ann", at="2025-03-01T09:31:00Z")
    >>> [vote.record_id for vote in undecided([one, two], [one])]
    ['r2']
    """
    asked = list(wanted)
    recorded = _contents(event for event in events if isinstance(event, Screened | Adjudicated))
    skip = {about: _overlap(texts, recorded.get(about, [])) for about, texts in _contents(asked).items()}
    seen: Counter[Hashable] = Counter()
    remaining: list[Decision] = []
    for event in asked:
        about = subject(event)
        seen[about] += 1
        if seen[about] > skip[about]:
            remaining.append(event)
    return remaining


def _contents(events: Iterable[Screened | Adjudicated]) -> dict[Hashable, list[tuple[str, str, str]]]:
    contents: dict[Hashable, list[tuple[str, str, str]]] = {}
    for event in events:
        contents.setdefault(subject(event), []).append((event.verdict, event.reason, event.note))
    return contents


def _overlap(wanted: list[tuple[str, str, str]], recorded: list[tuple[str, str, str]]) -> int:
    """How many of the first decisions wanted are the last ones recorded."""
    longest = min(len(wanted), len(recorded))
    return next((n for n in range(longest, 0, -1) if recorded[-n:] == wanted[:n]), 0)


def name_superseded(
    new: Iterable[AnyEvent], recorded: Iterable[Event], digests: Iterable[str]
) -> list[AnyEvent]:
    """New events, each naming the line whose place it takes: the latest about the same subject.

    Parameters
    ----------
    new : iterable of Event
        Events to append; one that names a line already is left as it is. The second of two new events about
        one subject names the line that the first does, for the first has no line yet.
    recorded, digests : iterable
        The journal's events and the digests of their lines, in the same order.

    Examples
    --------
    >>> first = Screened("r1", "full-text", "exclude", by="ann", at="2025-03-01T09:30:00Z")
    >>> second = Screened("r1", "full-text", "include", by="ann", at="2025-03-01T09:31:00Z")
    >>> name_superseded([second], [first], ["5d41"])[0].supersedes
    '5d41'
    """
    latest = {subject(event): digest for event, digest in zip(recorded, digests, strict=True)}
    return [
        event if event.supersedes else replace(event, supersedes=latest.get(subject(event), ""))
        for event in new
    ]
