from collections.abc import Sequence
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import TableError
from synovia.screening import ReasonConflict, Task, queue, reason_conflicts, verdicts
from synovia.tables import DECISIONS, STAGES, VERDICTS, Row, format_cell, frame, parse

TITLE, FULL = STAGES


def vote(
    person: str,
    verdict: str,
    reason: str = "",
    *,
    stage: str = TITLE,
    role: str = "reviewer",
    record: str = "r1",
) -> dict[str, str]:
    return {
        "record_id": record,
        "stage": stage,
        "reviewer": person,
        "role": role,
        "verdict": verdict,
        "reason": reason,
    }


def full(person: str, verdict: str, reason: str = "") -> dict[str, str]:
    return vote(person, verdict, reason, stage=FULL)


def ruling(person: str, verdict: str, reason: str = "", *, stage: str = TITLE) -> dict[str, str]:
    return vote(person, verdict, reason, stage=stage, role="adjudicator")


def table(*votes: dict[str, str]) -> pd.DataFrame:
    return frame(DECISIONS, votes)


def last(*votes: dict[str, str], readers: int = 2) -> tuple[str, str, str, str]:
    """Stage, state, reason and deciders of the furthest stage of record r1."""
    row = verdicts(table(*votes), ["r1"], readers=readers).iloc[-1]
    return row["stage"], row["state"], row["reason"], row["decided_by"]


INCLUDED = (vote("ann", "include"), vote("bob", "include"))


@pytest.mark.parametrize(
    ("votes", "state", "reason", "by"),
    [
        ([], "awaiting", "", ""),
        ([vote("ann", "include")], "awaiting", "", "ann"),
        ([vote("ann", "exclude", "x")], "awaiting", "", "ann"),
        ([vote("bob", "exclude"), vote("ann", "exclude")], "exclude", "", "ann; bob"),
        ([vote("ann", "exclude", "x"), vote("bob", "exclude", "x")], "exclude", "x", "ann; bob"),
        ([vote("ann", "exclude", "x"), vote("bob", "exclude")], "exclude", "x", "ann; bob"),
        ([vote("ann", "exclude", "x"), vote("bob", "exclude", "y")], "exclude", "", "ann; bob"),
        ([vote("ann", "include"), vote("bob", "exclude", "x")], "conflict", "", "ann; bob"),
        ([*INCLUDED, vote("cat", "exclude")], "conflict", "", "ann; bob; cat"),
        (
            [vote("ann", "include"), vote("bob", "exclude"), ruling("cat", "exclude", "x")],
            "exclude",
            "x",
            "cat",
        ),
        ([*INCLUDED, ruling("cat", "exclude", "x")], "exclude", "x", "cat"),
        ([ruling("cat", "exclude", "x")], "exclude", "x", "cat"),
        ([ruling("cat", "exclude"), ruling("dan", "include")], "conflict", "", "cat; dan"),
    ],
)
def test_title_and_abstract(votes: list[dict[str, str]], state: str, reason: str, by: str) -> None:
    assert last(*votes) == (TITLE, state, reason, by)


@pytest.mark.parametrize(
    ("votes", "state", "reason", "by"),
    [
        ([], "awaiting", "", ""),
        ([full("ann", "include"), full("bob", "include")], "include", "", "ann; bob"),
        ([full("ann", "exclude", "x"), full("bob", "exclude", "x")], "exclude", "x", "ann; bob"),
        ([full("ann", "exclude", "x"), full("bob", "exclude", "y")], "exclude", "", "ann; bob"),
        ([full("ann", "not retrieved"), full("bob", "not retrieved", "x")], "not retrieved", "", "ann; bob"),
        ([full("ann", "not retrieved"), full("bob", "exclude", "x")], "conflict", "", "ann; bob"),
        (
            [
                full("ann", "exclude", "x"),
                full("bob", "exclude", "y"),
                ruling("cat", "exclude", "y", stage=FULL),
            ],
            "exclude",
            "y",
            "cat",
        ),
    ],
)
def test_full_text(votes: list[dict[str, str]], state: str, reason: str, by: str) -> None:
    assert last(*INCLUDED, *votes) == (FULL, state, reason, by)


def test_full_text_waits_for_title_and_abstract() -> None:
    assert last(vote("ann", "include"), full("ann", "include"), full("bob", "include")) == (
        TITLE, "awaiting", "", "ann",
    )  # fmt: skip
    assert last(*INCLUDED, ruling("cat", "exclude"), full("ann", "include"))[0] == TITLE


def test_single_screening() -> None:
    assert last(vote("ann", "exclude", "x"), readers=1) == (TITLE, "exclude", "x", "ann")
    assert last(vote("ann", "include"), full("ann", "not retrieved"), readers=1)[1] == "not retrieved"
    assert last(vote("ann", "include"), vote("bob", "exclude"), readers=1)[1] == "conflict"


def test_one_person_is_one_reader() -> None:
    """After two records are merged, one reader may have decided on both."""
    assert last(vote("ann", "include"), vote("ann", "include"))[1] == "awaiting"
    assert last(vote("ann", "include"), vote("ann", "exclude"), readers=1)[1] == "conflict"


def test_rows_follow_the_records_asked_for() -> None:
    votes = table(*INCLUDED, vote("ann", "exclude", record="r9"))
    found = verdicts(votes, ["r3", "r1"])
    assert tuple(found.columns) == VERDICTS.names
    assert found[["record_id", "stage", "state"]].to_numpy().tolist() == [
        ["r3", TITLE, "awaiting"],
        ["r1", TITLE, "include"],
        ["r1", FULL, "awaiting"],
    ]
    assert len(verdicts(votes, [])) == 0


def test_a_table_without_its_columns_is_refused() -> None:
    with pytest.raises(TableError, match="wanted column role"):
        verdicts(table(*INCLUDED).drop(columns="role"), ["r1"])


def test_reason_conflicts_are_listed() -> None:
    apart = table(*INCLUDED, full("bob", "exclude", "y"), full("ann", "exclude", "x"))
    assert reason_conflicts(apart, ["r1"]) == (ReasonConflict("r1", FULL, (("ann", "x"), ("bob", "y"))),)
    same = table(*INCLUDED, full("bob", "exclude", "x"), full("ann", "exclude", "x"))
    assert reason_conflicts(same, ["r1"]) == ()
    early = table(vote("ann", "exclude", "x"), vote("bob", "exclude", "y"))
    assert reason_conflicts(early, ["r1"]) == ()


def test_a_ruling_settles_the_reason() -> None:
    votes = [*INCLUDED, full("bob", "exclude", "y"), full("ann", "exclude", "x")]
    assert reason_conflicts(table(*votes, ruling("cat", "exclude", "x", stage=FULL)), ["r1"]) == ()


def tasks(
    *votes: dict[str, str], adjudicators: Sequence[str] = ("cat",), readers: int = 2
) -> list[tuple[str, ...]]:
    found = queue(table(*votes), ["r1"], reviewers=["ann", "bob"], adjudicators=adjudicators, readers=readers)
    assert all(isinstance(task, Task) for task in found)
    return [(task.record_id, task.stage, task.person, task.role) for task in found]


def test_queue_names_who_has_to_decide() -> None:
    assert tasks() == [("r1", TITLE, "ann", "reviewer"), ("r1", TITLE, "bob", "reviewer")]
    assert tasks(vote("ann", "include")) == [("r1", TITLE, "bob", "reviewer")]
    assert tasks(*INCLUDED, full("bob", "include")) == [("r1", FULL, "ann", "reviewer")]
    assert tasks(vote("ann", "exclude"), vote("bob", "exclude")) == []
    assert tasks(vote("ann", "include"), readers=1) == [
        ("r1", FULL, "ann", "reviewer"),
        ("r1", FULL, "bob", "reviewer"),
    ]


def test_queue_sends_conflicts_to_the_adjudicator() -> None:
    split = (vote("ann", "include"), vote("bob", "exclude"))
    assert tasks(*split) == [("r1", TITLE, "cat", "adjudicator")]
    assert tasks(*split, adjudicators=()) == [("r1", TITLE, "", "adjudicator")]
    reasons = (*INCLUDED, full("ann", "exclude", "x"), full("bob", "exclude", "y"))
    assert tasks(*reasons) == [("r1", FULL, "cat", "adjudicator")]
    assert tasks(*reasons, ruling("cat", "exclude", "x", stage=FULL)) == []


def test_queue_says_when_readers_are_too_few() -> None:
    votes = (vote("ann", "include"), vote("bob", "include"))
    assert tasks(*votes, readers=3) == [("r1", TITLE, "", "reviewer")]


votes_of_three = st.lists(
    st.builds(
        vote,
        st.sampled_from(["ann", "bob", "cat"]),
        st.sampled_from(["include", "exclude"]),
        st.sampled_from(["", "x", "y"]),
        stage=st.sampled_from(STAGES),
        role=st.sampled_from(["reviewer", "adjudicator"]),
    ),
    max_size=8,
)


@given(votes_of_three, st.integers(1, 3), st.randoms(use_true_random=False))
def test_order_of_decisions_never_matters(votes: list[dict[str, str]], readers: int, dice: Random) -> None:
    shuffled = sorted(votes, key=lambda _: dice.random())
    one = verdicts(table(*votes), ["r1"], readers=readers)
    assert one.equals(verdicts(table(*shuffled), ["r1"], readers=readers))
    rows = [
        Row(line, {c.name: format_cell(c, value) for c, value in zip(VERDICTS.columns, row, strict=True)})
        for line, row in enumerate(one.itertuples(index=False), start=2)
    ]
    assert parse(VERDICTS, rows).faults == ()


@given(votes_of_three, st.integers(1, 3))
def test_something_is_queued_exactly_when_something_is_open(
    votes: list[dict[str, str]], readers: int
) -> None:
    decisions = table(*votes)
    found = verdicts(decisions, ["r1"], readers=readers)
    still_open = found["state"].isin(["awaiting", "conflict"]).any()
    queued = queue(decisions, ["r1"], reviewers=["ann", "bob", "cat"], adjudicators=["dan"], readers=readers)
    assert bool(queued) == bool(still_open or reason_conflicts(decisions, ["r1"], readers=readers))
