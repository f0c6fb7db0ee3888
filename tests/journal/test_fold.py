from collections.abc import Iterator, Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.journal import (
    Adjudicated,
    Amended,
    Entered,
    Event,
    Merged,
    Screened,
    Split,
    Withdrawn,
    amendments,
    decisions,
    entered,
    history,
    merges,
    name_superseded,
    splits,
    subject,
    timeline,
    undecided,
)
from synovia.tables import DECISIONS


def at(second: int) -> str:
    return f"2025-03-01T09:30:{second:02}Z"


def vote(record_id: str, verdict: str, *, by: str = "ann", second: int = 0, reason: str = "") -> Screened:
    return Screened(record_id, "title-abstract", verdict, reason, by=by, at=at(second))


def row(key: str, value: str, *, by: str = "ann", second: int = 0) -> Entered:
    return Entered("links", (key,), {"record_id": key, "report_id": value}, by=by, at=at(second))


def gone(key: str, *, by: str = "ann", second: int = 0) -> Withdrawn:
    return Withdrawn("links", (key,), by=by, at=at(second))


def interleavings(first: Sequence[Event], second: Sequence[Event]) -> Iterator[list[Event]]:
    if not first or not second:
        yield [*first, *second]
        return
    for rest in interleavings(first[1:], second):
        yield [first[0], *rest]
    for rest in interleavings(first, second[1:]):
        yield [second[0], *rest]


def state(events: Sequence[Event]) -> tuple[object, ...]:
    return (
        decisions(events).to_csv(),
        merges(events),
        splits(events),
        entered(events, "links"),
        history(events, "links", ("r1",)),
        amendments(events),
    )


def test_latest_decision_of_each_person_counts() -> None:
    table = decisions(
        [
            vote("r2", "exclude", reason="animals"),
            vote("r1", "exclude", by="bob"),
            vote("r1", "include"),
            vote("r2", "include"),
            Adjudicated("r1", "title-abstract", "include", by="ann", at=at(9)),
            Screened("r1", "full-text", "exclude", "no control", "see p. 3", by="ann", at=at(9)),
        ]
    )
    assert tuple(table.columns) == DECISIONS.names
    assert table.to_numpy().tolist() == [
        ["r1", "title-abstract", "ann", "adjudicator", "include", "", ""],
        ["r1", "title-abstract", "ann", "reviewer", "include", "", ""],
        ["r1", "title-abstract", "bob", "reviewer", "exclude", "", ""],
        ["r1", "full-text", "ann", "reviewer", "exclude", "no control", "see p. 3"],
        ["r2", "title-abstract", "ann", "reviewer", "include", "", ""],
    ]


def test_no_decisions_is_an_empty_table() -> None:
    assert tuple(decisions([]).columns) == DECISIONS.names
    assert len(decisions([])) == 0


def test_merge_split_merge() -> None:
    events: list[Event] = [Merged("r2", "r1", by="ann", at=at(1))]
    assert (merges(events), splits(events)) == ((("r1", "r2"),), ())
    events.append(Split("r1", "r2", by="bob", at=at(2)))
    assert (merges(events), splits(events)) == ((), (("r1", "r2"),))
    events.append(Merged("r1", "r2", by="ann", at=at(3)))
    assert (merges(events), splits(events)) == ((("r1", "r2"),), ())


def test_rows_stand_in_first_entered_order() -> None:
    events = [row("r2", "a"), row("r1", "b"), row("r2", "c"), row("r3", "d"), gone("r1")]
    rows = entered(events, "links")
    assert [(r.line, r.values["record_id"], r.values["report_id"]) for r in rows] == [
        (2, "r2", "c"),
        (3, "r3", "d"),
    ]
    assert entered(events, "arms") == ()


def test_history_of_a_row_is_whole() -> None:
    events = [
        row("r1", "a", second=1),
        row("r2", "x", second=2),
        gone("r1", second=3),
        row("r1", "b", second=4),
    ]
    assert history(events, "links", ["r1"]) == (events[0], events[2], events[3])
    assert entered(events, "links")[0].values["report_id"] == "b"


def test_own_order_holds_when_a_clock_is_set_back() -> None:
    events = [row("r1", "a", second=9), row("r1", "b", second=3)]
    assert entered(events, "links")[0].values["report_id"] == "b"
    assert timeline(events) == tuple(events)


def test_amendments_in_order() -> None:
    first = Amended("question", "a", "b", by="ann", at=at(1))
    second = Amended("question", "b", "c", by="bob", at=at(2))
    assert amendments([second, vote("r1", "include"), first]) == (first, second)


def test_all_ten_interleavings_of_two_readers_fold_to_one_state() -> None:
    ann = [vote("r1", "exclude"), vote("r1", "include"), vote("r2", "exclude")]
    bob = [vote("r1", "include", by="bob"), vote("r2", "include", by="bob")]
    orders = list(interleavings(ann, bob))
    assert len(orders) == 10
    assert len({decisions(order).to_csv() for order in orders}) == 1


def steps(by: str) -> st.SearchStrategy[list[Event]]:
    seconds = st.integers(0, 3)
    records = st.sampled_from(["r1", "r2"])
    return st.lists(
        st.one_of(
            st.builds(vote, records, st.sampled_from(["include", "exclude"]), by=st.just(by), second=seconds),
            st.builds(row, records, st.sampled_from(["p", "q"]), by=st.just(by), second=seconds),
            st.builds(gone, records, by=st.just(by), second=seconds),
            st.builds(lambda s: Merged("r1", "r2", by=by, at=at(s)), seconds),
            st.builds(lambda s: Split("r2", "r1", by=by, at=at(s)), seconds),
            st.builds(lambda s: Amended("question", "a", by, by=by, at=at(s)), seconds),
        ),
        max_size=4,
    )


@given(steps("ann"), steps("bob"))
def test_interleaving_never_matters(ann: list[Event], bob: list[Event]) -> None:
    states = [state(order) for order in interleavings(ann, bob)]
    assert all(found == states[0] for found in states)


@given(steps("ann"), steps("bob"))
def test_timeline_keeps_each_persons_order(ann: list[Event], bob: list[Event]) -> None:
    order = timeline([*bob, *ann])
    assert [event for event in order if event.by == "ann"] == ann
    assert [event for event in order if event.by == "bob"] == bob


def test_subjects_tell_people_apart_in_decisions_and_not_in_rows() -> None:
    assert subject(vote("r1", "include")) != subject(vote("r1", "include", by="bob"))
    assert subject(row("r1", "a")) == subject(row("r1", "b", by="bob")) == subject(gone("r1"))


def test_undecided_leaves_out_what_is_recorded() -> None:
    wanted = [vote("r1", "include"), vote("r2", "exclude", reason="animals"), vote("r3", "include")]
    assert undecided(wanted, []) == wanted
    assert undecided(wanted, wanted[:1]) == wanted[1:]
    assert undecided(wanted, wanted) == []
    assert undecided(wanted, [vote("r2", "exclude", reason="dose")]) == wanted
    assert undecided(wanted, [vote("r1", "include", by="bob")]) == wanted
    assert undecided(wanted, [wanted[0], vote("r1", "exclude")]) == wanted
    assert undecided(wanted[:1], [vote("r1", "exclude"), vote("r1", "include", second=5)]) == []


def test_undecided_keeps_a_change_of_mind() -> None:
    wanted = [vote("r1", "exclude"), vote("r2", "include"), vote("r1", "include")]
    assert undecided(wanted, wanted[:1]) == wanted[1:]
    assert undecided(wanted, wanted[:2]) == wanted[2:]
    assert undecided(wanted, wanted) == []


def test_undecided_tells_rulings_from_votes() -> None:
    ruling = Adjudicated("r1", "title-abstract", "include", by="ann", at=at(0))
    assert undecided([ruling], [vote("r1", "include")]) == [ruling]
    assert undecided([ruling], [ruling]) == []


VOTES = st.lists(
    st.builds(vote, st.sampled_from(["r1", "r2"]), st.sampled_from(["include", "exclude"])), max_size=6
)


@given(VOTES, VOTES, st.integers(0, 6))
def test_an_interrupted_import_can_always_be_finished(
    before: list[Screened], wanted: list[Screened], done: int
) -> None:
    first = undecided(wanted, before)
    interrupted = [*before, *first[:done]]
    finished = [*interrupted, *undecided(wanted, interrupted)]
    assert undecided(wanted, finished) == []
    assert decisions(finished).equals(decisions([*before, *first]))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_first_of_equal_times_goes_by_name(order: tuple[int, ...]) -> None:
    rows = [row("r1", "a", by="ann"), row("r2", "b", by="bob"), row("r3", "c", by="cat")]
    assert timeline([rows[i] for i in order]) == tuple(rows)


def test_new_events_name_the_line_they_supersede() -> None:
    recorded = [row("r1", "p1"), row("r2", "p2"), row("r1", "p3")]
    new = [
        row("r1", "p4"),
        Withdrawn("links", ("r2",), by="bob", at=at(0)),
        row("r9", "p9"),
        Screened("r1", "full-text", "include", by="ann", at=at(0)),
        Merged("r1", "r2", by="ann", at=at(0), supersedes="given"),
    ]
    named = name_superseded(new, recorded, ["d1", "d2", "d3"])
    assert [event.supersedes for event in named] == ["d3", "d2", "", "", "given"]


def test_a_withdrawn_decision_is_gone_and_may_be_made_again() -> None:
    gone = Withdrawn("decisions", ("r1", "title-abstract", "ann", "reviewer"), by="bob", at=at(1))
    assert decisions([vote("r1", "include"), gone]).empty
    assert decisions([vote("r1", "include"), gone, vote("r1", "exclude", second=2)])["verdict"].tolist() == [
        "exclude"
    ]
