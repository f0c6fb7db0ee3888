"""Human decisions as events: who, when, what was shown, what was decided and why."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from types import MappingProxyType
from typing import cast

from synovia.errors import Fault, InputError, UnreadableEvent
from synovia.journal.checks import faults_of

__all__ = [
    "KINDS",
    "Adjudicated",
    "Amended",
    "Entered",
    "Event",
    "Judged",
    "Merged",
    "Screened",
    "Split",
    "Withdrawn",
    "from_mapping",
    "to_mapping",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event says.

    Attributes
    ----------
    by : str
        Who decided.
    at : str
        When, in UTC, as ISO 8601 with seconds or microseconds: ``2025-03-01T09:30:00Z``.
    shown : str
        Digest of what the person was shown; empty when nothing was.
    supersedes : str
        Digest of the journal line that this event takes the place of; empty when none.

    Raises
    ------
    InputError
        When a text is missing, cannot be written as UTF-8, or is not one of the allowed words.
    """

    by: str
    at: str
    shown: str = ""
    supersedes: str = ""

    def __post_init__(self) -> None:
        faults = [fault for name in _names(type(self)) for fault in faults_of(name, getattr(self, name))]
        if faults or (faults := _too_early(self)):
            raise InputError(faults)


@dataclass(frozen=True, slots=True)
class Screened(Event):
    """One person's decision on one record at one stage of screening.

    Attributes
    ----------
    record_id : str
        Record that was shown.
    stage : {"title-abstract", "full-text"}
        Stage of screening.
    verdict : {"include", "exclude", "not retrieved"}
        Decision; a report is sought, and may be missed, only at full text.
    reason : str
        Primary reason of an exclusion.
    note : str
        Anything else the person wrote.

    Examples
    --------
    >>> vote = Screened("r1", "title-abstract", "exclude", "animals", by="ann", at="2025-03-01T09:30:00Z")
    >>> vote.by, vote.verdict
    ('ann', 'exclude')
    """

    record_id: str
    stage: str
    verdict: str
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Adjudicated(Event):
    """The ruling of an adjudicator on one record at one stage; it stands over the readers' votes.

    Attributes
    ----------
    record_id, stage, verdict, reason, note : str
        As in `Screened`.
    """

    record_id: str
    stage: str
    verdict: str
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Merged(Event):
    """Two records are the same report.

    Attributes
    ----------
    record_id, other_id : str
        The two records, in either order.
    reason : str
        Why.
    """

    record_id: str
    other_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Split(Event):
    """Two records are not the same report, whatever their identifiers say.

    Attributes
    ----------
    record_id, other_id : str
        The two records, in either order.
    reason : str
        Why.
    """

    record_id: str
    other_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Entered(Event):
    """One row of an evidence table as a person entered it.

    Attributes
    ----------
    table : str
        Name of the table.
    key : tuple of str
        Values of the table's key columns, in their declared order.
    values : mapping of str to str
        Every column as typed, by name; kept in the order of the names.
    """

    table: str
    key: tuple[str, ...]
    values: Mapping[str, str]

    def __post_init__(self) -> None:
        Event.__post_init__(self)
        object.__setattr__(self, "key", tuple(self.key))
        object.__setattr__(self, "values", MappingProxyType(dict(sorted(self.values.items()))))


@dataclass(frozen=True, slots=True)
class Withdrawn(Event):
    """A row of an evidence table was taken back; its history stays.

    Attributes
    ----------
    table : str
        Name of the table.
    key : tuple of str
        Values of the table's key columns.
    reason : str
        Why.
    """

    table: str
    key: tuple[str, ...]
    reason: str = ""

    def __post_init__(self) -> None:
        Event.__post_init__(self)
        object.__setattr__(self, "key", tuple(self.key))


@dataclass(frozen=True, slots=True)
class Judged(Event):
    """One person's judgement of one domain of an appraisal instrument.

    Attributes
    ----------
    study_id, instrument, domain, judgement : str
        What was judged, by which instrument, and how.
    outcome : str
        Outcome the judgement is about; empty when it is about the whole study.
    reason : str
        Why.
    """

    study_id: str
    outcome: str
    instrument: str
    domain: str
    judgement: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Amended(Event):
    """A change of the protocol after the review began.

    Attributes
    ----------
    what : str
        Place in the protocol, e.g. ``eligibility.designs``.
    before, after : str
        What it said and what it says.
    reason : str
        Why.
    """

    what: str
    before: str
    after: str
    reason: str = ""


KINDS: Mapping[str, type[Event]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (Screened, Adjudicated, Merged, Split, Entered, Withdrawn, Judged, Amended)
    }
)
"""Every kind of event by its name in the journal."""


def _names(kind: type[Event]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _too_early(event: Event) -> list[Fault]:
    if not isinstance(event, Screened | Adjudicated):
        return []
    if (event.stage, event.verdict) != ("title-abstract", "not retrieved"):
        return []
    return [Fault("'not retrieved' at title and abstract", "include or exclude", column="verdict")]


def to_mapping(event: Event) -> dict[str, object]:
    """The event as plain values under the names of its fields, and its kind under ``event``.

    Examples
    --------
    >>> to_mapping(Merged("r1", "r2", by="ann", at="2025-03-01T09:30:00Z"))["event"]
    'Merged'
    """
    plain = {name: _plain(getattr(event, name)) for name in _names(type(event))}
    return {"event": type(event).__name__, **plain}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def from_mapping(values: Mapping[str, object]) -> Event:
    """The event that `to_mapping` wrote.

    Raises
    ------
    UnreadableEvent
        When the kind or a field is not known, a field is missing, or a value is not allowed.

    Examples
    --------
    >>> split = Split("r1", "r2", by="ann", at="2025-03-01T09:30:00Z")
    >>> from_mapping(to_mapping(split)) == split
    True
    """
    name = values.get("event")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise UnreadableEvent(
            f"found an event of kind {name!r}; wanted one of {', '.join(KINDS)}. "
            "A newer Synovia may have written it: bring Synovia up to date and try again."
        )
    given = {field: value for field, value in values.items() if field != "event"}
    _check_fields(kind, given)
    try:
        return kind(**cast("dict[str, str]", given))
    except InputError as error:
        raise UnreadableEvent(f"found an event {kind.__name__} with a value out of place: {error}") from error


def _check_fields(kind: type[Event], given: Mapping[str, object]) -> None:
    unknown = sorted(set(given) - set(_names(kind)))
    missing = [f.name for f in fields(kind) if f.default is MISSING and f.name not in given]
    if unknown or missing:
        found = f"an unknown field {unknown[0]!r}" if unknown else f"no field {missing[0]!r}"
        raise UnreadableEvent(
            f"found {found} in an event {kind.__name__}; wanted {', '.join(_names(kind))}. "
            "A newer Synovia may have written it: bring Synovia up to date and try again."
        )
