from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import InputError, UnreadableEvent
from synovia.journal import (
    KINDS,
    Adjudicated,
    Amended,
    Entered,
    Event,
    Judged,
    Merged,
    Screened,
    Split,
    Withdrawn,
    from_mapping,
    instant,
    stamp,
    to_mapping,
)

AT = "2025-03-01T09:30:00Z"
EXAMPLES: tuple[Event, ...] = (
    Screened("r1", "title-abstract", "exclude", "animals", "a note", by="ann", at=AT, shown="d1"),
    Adjudicated("r1", "full-text", "not retrieved", by="cat", at=AT, supersedes="d2"),
    Merged("r1", "r2", "same DOI", by="ann", at=AT),
    Split("r1", "r2", "two papers", by="ann", at=AT),
    Entered("arms", ("s1", "a"), {"study_id": "s1", "arm_id": "a"}, by="ann", at=AT),
    Withdrawn("arms", ("s1", "a"), "entered twice", by="ann", at=AT),
    Judged("s1", "pain", "rob2", "randomisation", "low", "central list", by="ann", at=AT),
    Amended("eligibility.designs", "RCT", "RCT or quasi-RCT", "too few", by="ann", at=AT),
)


def test_examples_cover_every_kind() -> None:
    assert {type(event) for event in EXAMPLES} == set(KINDS.values())


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_mapping_and_back(event: Event) -> None:
    assert from_mapping(to_mapping(event)) == event


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_unknown_field_is_named(event: Event) -> None:
    with pytest.raises(UnreadableEvent, match="unknown field 'mood'"):
        from_mapping({**to_mapping(event), "mood": "good"})


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_missing_person_is_named(event: Event) -> None:
    values = {name: value for name, value in to_mapping(event).items() if name != "by"}
    with pytest.raises(UnreadableEvent, match="no field 'by'"):
        from_mapping(values)


def test_optional_field_may_be_absent() -> None:
    values = to_mapping(EXAMPLES[2])
    del values["shown"]
    assert from_mapping(values) == EXAMPLES[2]


@pytest.mark.parametrize("kind", ["Guessed", "", None, 7, ["Screened"]])
def test_unknown_kind_is_named(kind: object) -> None:
    with pytest.raises(UnreadableEvent, match=r"wanted one of Screened, .*newer Synovia"):
        from_mapping({"event": kind, "by": "ann", "at": AT})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdict": "maybe"}, "'maybe'; wanted one of include, exclude, not retrieved"),
        ({"stage": "abstract"}, "'abstract'; wanted one of title-abstract, full-text"),
        ({"verdict": "not retrieved"}, "at title and abstract; wanted include or exclude"),
        ({"record_id": "  "}, "an empty text; wanted a filled record_id"),
        ({"by": ""}, "an empty text; wanted a filled by"),
        ({"at": "2025-03-01 09:30"}, "wanted a time in UTC such as"),
        ({"at": "2025-02-30T09:30:00Z"}, "wanted a time in UTC such as"),
        ({"at": "2025-03-01T09:30:00+01:00"}, "wanted a time in UTC such as"),
        ({"note": 3}, "column note: found 3; wanted a text"),
        ({"note": "a\ud800b"}, r"column note: found half of a character \('\\ud800'\) at position 2"),
    ],
)
def test_value_out_of_place_is_named(change: dict[str, object], words: str) -> None:
    values = {**to_mapping(EXAMPLES[0]), **change}
    with pytest.raises(UnreadableEvent, match=words):
        from_mapping(values)
    fields = {name: value for name, value in values.items() if name != "event"}
    with pytest.raises(InputError, match=words):
        Screened(**fields)  # type: ignore[arg-type]  # wrong types are the point


@pytest.mark.parametrize(
    ("key", "values", "words"),
    [
        ((), {"a": "b"}, "at least one"),
        ("s1", {"a": "b"}, "the values of the table's key columns"),
        ((1,), {"a": "b"}, "found 1; wanted a text"),
        (("s1",), {"a": 1}, "column values: found 1; wanted a text"),
        (("s1",), {"\udfff": "b"}, "half of a character"),
        (("s1",), [], "wanted column names and their texts"),
    ],
)
def test_bad_rows_are_named(key: object, values: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Entered("arms", key, values, by="ann", at=AT)  # type: ignore[arg-type]  # wrong types are the point


def test_entered_values_cannot_be_changed_afterwards() -> None:
    typed = {"b": "2", "a": "1"}
    event = Entered("arms", ("s1",), typed, by="ann", at=AT)
    typed["a"] = "9"
    assert list(event.values.items()) == [("a", "1"), ("b", "2")]
    with pytest.raises(TypeError):
        event.values["a"] = "9"  # type: ignore[index]  # that it cannot is the point


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 hypothesis wants naive bounds


@given(MOMENTS, MOMENTS)
def test_instants_sort_as_times_do(first: datetime, second: datetime) -> None:
    whole = first.replace(microsecond=0)
    one, two = whole.strftime("%Y-%m-%dT%H:%M:%SZ"), second.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert (instant(one) < instant(two)) == (whole < second)
    assert Merged("a", "b", by="ann", at=one).at == one


def test_stamp_never_goes_back() -> None:
    noon = datetime(2025, 3, 1, 12, tzinfo=UTC)
    assert stamp(noon.astimezone(timezone(timedelta(hours=5)))) == "2025-03-01T12:00:00.000000Z"
    assert stamp(noon, "2025-03-01T11:00:00Z") == "2025-03-01T12:00:00.000000Z"
    assert stamp(noon, "2025-03-01T12:00:00.999999Z") == "2025-03-01T12:00:01.000000Z"
    assert Merged("a", "b", by="ann", at=stamp(noon, stamp(noon))).at == "2025-03-01T12:00:00.000001Z"
