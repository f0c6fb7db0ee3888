"""Whether a value may stand in the journal."""

from collections.abc import Mapping

from synovia.errors import Fault
from synovia.journal.moment import is_instant
from synovia.tables import DECISIONS, STAGES

__all__ = ["faults_of"]

_MAY_BE_EMPTY = frozenset({"shown", "supersedes", "reason", "note", "before", "after", "outcome"})
_CHOICES = {"stage": STAGES, "verdict": DECISIONS.column("verdict").choices}


def faults_of(name: str, value: object) -> list[Fault]:
    """What is wrong with the value of one field of an event.

    Examples
    --------
    >>> print(faults_of("verdict", "maybe")[0])
    column verdict: found 'maybe'; wanted one of include, exclude, not retrieved.
    """
    if name == "values":
        return _mapping_faults(name, value)
    if name == "key":
        return _key_faults(value)
    if not isinstance(value, str):
        return [Fault(repr(value), "a text", column=name)]
    return _text_faults(name, value) or _word_faults(name, value)


def _key_faults(value: object) -> list[Fault]:
    if not isinstance(value, list | tuple) or not value:
        return [Fault(repr(value), "the values of the table's key columns, at least one", column="key")]
    return [fault for part in value for fault in _text_faults("key", part)]


def _mapping_faults(name: str, value: object) -> list[Fault]:
    if not isinstance(value, Mapping):
        return [Fault(repr(value), "column names and their texts", column=name)]
    return [fault for pair in value.items() for text in pair for fault in _text_faults(name, text)]


def _text_faults(name: str, value: object) -> list[Fault]:
    if not isinstance(value, str):
        return [Fault(repr(value), "a text", column=name)]
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as problem:
        advice = "The file was probably read with the wrong encoding; save it as UTF-8 and import it again."
        found = f"half of a character ({value[problem.start]!a}) at position {problem.start + 1}"
        return [Fault(found, "text that can be written as UTF-8", column=name, advice=advice)]
    return []


def _word_faults(name: str, value: str) -> list[Fault]:
    if not value.strip() and name not in _MAY_BE_EMPTY:
        return [Fault("an empty text", f"a filled {name}", column=name)]
    if name == "at" and not is_instant(value):
        return [Fault(repr(value), "a time in UTC such as 2025-03-01T09:30:00Z", column=name)]
    if name in _CHOICES and value not in _CHOICES[name]:
        return [Fault(repr(value), "one of " + ", ".join(_CHOICES[name]), column=name)]
    return []
