"""What the decisions on each record add up to, and who still has to decide what."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from synovia.tables import DECISIONS, STAGES, VERDICTS, check, frame

__all__ = ["ReasonConflict", "Task", "queue", "reason_conflicts", "verdicts"]


@dataclass(frozen=True, slots=True)
class _Vote:
    person: str
    role: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReasonConflict:
    """A record that everyone excludes at full text, for different primary reasons.

    Attributes
    ----------
    record_id, stage : str
        Which record, and where.
    reasons : tuple of (str, str)
        Reader and reason, by reader.
    """

    record_id: str
    stage: str
    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Task:
    """One decision that one person still has to make.

    Attributes
    ----------
    record_id, stage : str
        Which record, and where.
    person : str
        Who; empty when nobody who may decide it was named.
    role : {"reviewer", "adjudicator"}
        As what.
    """

    record_id: str
    stage: str
    person: str
    role: str


Votes = Mapping[tuple[str, str], Sequence[_Vote]]


def verdicts(decisions: pd.DataFrame, record_ids: Iterable[str], *, readers: int = 2) -> pd.DataFrame:
    """The state of every record at every stage it has reached.

    Parameters
    ----------
    decisions : DataFrame
        The table ``decisions``: the latest of each person, on the records that stand for their clusters.
    record_ids : iterable of str
        The records, in the order wanted.
    readers : int
        How many people must decide on each record: 2 for dual, 1 for single screening.

    Returns
    -------
    DataFrame
        The table ``verdicts``. A record has a full-text row once it is included at title and abstract.

        - *awaiting*: fewer than ``readers`` have decided, and no adjudicator;
        - *conflict*: enough have decided and they differ, or two adjudicators differ;
        - otherwise what they agree on; an adjudicator's ruling stands over the readers' votes.

        ``reason`` is the agreed primary reason of an exclusion, empty when the readers gave different ones
        (see `reason_conflicts`); ``decided_by`` names those whose decisions count, so far.

    Examples
    --------
    >>> from synovia.tables import DECISIONS, frame
    >>> vote = {"record_id": "r1", "stage": "title-abstract", "role": "reviewer", "verdict": "include"}
    >>> votes = frame(DECISIONS, [{**vote, "reviewer": "ann"}, {**vote, "reviewer": "bob"}])
    >>> verdicts(votes, ["r1", "r2"])[["record_id", "state"]].to_numpy().tolist()
    [['r1', 'include'], ['r1', 'awaiting'], ['r2', 'awaiting']]
    """
    votes = _votes(decisions)
    rows = [row for record_id in record_ids for row in _rows(record_id, votes, readers)]
    return frame(VERDICTS, rows)


def _votes(decisions: pd.DataFrame) -> Votes:
    columns = check(DECISIONS, decisions)
    votes: dict[tuple[str, str], list[_Vote]] = defaultdict(list)
    for record_id, stage, person, role, verdict, reason, _ in columns.itertuples(index=False, name=None):
        votes[record_id, stage].append(_Vote(person, role, verdict, reason))
    return votes


def _rows(record_id: str, votes: Votes, readers: int) -> list[dict[str, str]]:
    rows = []
    for stage in STAGES:
        row = _row(votes.get((record_id, stage), ()), readers)
        rows.append({"record_id": record_id, "stage": stage, **row})
        if row["state"] != "include":
            break
    return rows


def _row(votes: Sequence[_Vote], readers: int) -> dict[str, str]:
    counted = _counted(votes)
    state = _state(counted, readers)
    reasons = _reasons(counted) if state == "exclude" else set()
    return {
        "state": state,
        "reason": reasons.pop() if len(reasons) == 1 else "",
        "decided_by": "; ".join(sorted({vote.person for vote in counted})),
    }


def _counted(votes: Sequence[_Vote]) -> Sequence[_Vote]:
    """The adjudicators' rulings when there are any, else the readers' votes."""
    return [vote for vote in votes if vote.role == "adjudicator"] or votes


def _state(counted: Sequence[_Vote], readers: int) -> str:
    ruled = any(vote.role == "adjudicator" for vote in counted)
    if not ruled and len({vote.person for vote in counted}) < readers:
        return "awaiting"
    said = {vote.verdict for vote in counted}
    return said.pop() if len(said) == 1 else "conflict"


def _reasons(counted: Sequence[_Vote]) -> set[str]:
    """The reasons given; a reader who named none agrees with the others."""
    return {vote.reason for vote in counted if vote.reason}


def reason_conflicts(
    decisions: pd.DataFrame, record_ids: Iterable[str], *, readers: int = 2
) -> tuple[ReasonConflict, ...]:
    """Full-text exclusions whose readers gave different primary reasons.

    The record is excluded all the same; PRISMA 2020 wants one primary reason for each report excluded at full
    text, so an adjudicator names it.

    Parameters
    ----------
    decisions, record_ids, readers
        As in `verdicts`.

    Examples
    --------
    >>> from synovia.tables import DECISIONS, empty
    >>> reason_conflicts(empty(DECISIONS), ["r1"])
    ()
    """
    votes = _votes(decisions)
    return tuple(
        ReasonConflict(row["record_id"], row["stage"], _named_reasons(votes[row["record_id"], row["stage"]]))
        for record_id in record_ids
        for row in _rows(record_id, votes, readers)
        if _lacks_one_reason(row, votes)
    )


def _lacks_one_reason(row: Mapping[str, str], votes: Votes) -> bool:
    if row["stage"] != "full-text" or row["state"] != "exclude":
        return False
    return len(_reasons(_counted(votes[row["record_id"], row["stage"]]))) > 1


def _named_reasons(votes: Sequence[_Vote]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({(vote.person, vote.reason) for vote in _counted(votes)}))


def queue(
    decisions: pd.DataFrame,
    record_ids: Iterable[str],
    *,
    reviewers: Sequence[str],
    adjudicators: Sequence[str] = (),
    readers: int = 2,
) -> tuple[Task, ...]:
    """Who still has to decide what.

    Parameters
    ----------
    decisions, record_ids, readers
        As in `verdicts`.
    reviewers : sequence of str
        Who screens. When more are named than needed, each who may still take the record has a task.
    adjudicators : sequence of str
        Who rules on conflicts of verdict, and of primary reason at full text.

    Returns
    -------
    tuple of Task
        By record, stage and person as given.

    Examples
    --------
    >>> from synovia.tables import DECISIONS, empty
    >>> [task.person for task in queue(empty(DECISIONS), ["r1"], reviewers=["ann", "bob"])]
    ['ann', 'bob']
    """
    votes = _votes(decisions)
    tasks: list[Task] = []
    for record_id in record_ids:
        for row in _rows(record_id, votes, readers):
            given = votes.get((record_id, row["stage"]), ())
            if row["state"] == "awaiting":
                tasks += _tasks(row, _remaining(reviewers, given), "reviewer")
            elif row["state"] == "conflict" or _lacks_one_reason(row, votes):
                tasks += _tasks(row, adjudicators, "adjudicator")
    return tuple(tasks)


def _remaining(reviewers: Sequence[str], given: Sequence[_Vote]) -> list[str]:
    done = {vote.person for vote in given}
    return [person for person in reviewers if person not in done]


def _tasks(row: Mapping[str, str], people: Sequence[str], role: str) -> list[Task]:
    return [Task(row["record_id"], row["stage"], person, role) for person in people or [""]]
