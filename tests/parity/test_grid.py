"""The parity grid: every case of every topic, against R.

A topic is a module of ``topics`` with ``check(case)``, which raises AssertionError where we differ, and
``COVERS``, a pattern of the ids that this version answers. Cases in ``disagreements.toml`` must differ: an entry
that no longer does is out of date. Where only some numbers of a case differ, the entry names a ``part`` and the
topic's ``PARTS`` has the check of these numbers, which ``check`` leaves out: the rest must agree, the part differ.
"""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from parity.grid import Case, read_cases

HERE = Path(__file__).parent
DISAGREEMENTS: list[dict[str, Any]] = tomllib.loads((HERE / "disagreements.toml").read_text()).get(
    "disagreement", []
)


def collect() -> list[Any]:
    found = []
    for path in sorted((HERE / "topics").glob("topic_*.py")):
        topic = path.stem.removeprefix("topic_")
        covers = getattr(load(topic), "COVERS", ".*")
        cases = [case for case in read_cases(topic) if re.fullmatch(covers, case.id)]
        found += [pytest.param(case, id=f"{topic}-{case.id}") for case in cases]
    return found


def load(topic: str) -> Any:
    return importlib.import_module(f"parity.topics.topic_{topic}")


def find_disagreements(case: Case) -> list[dict[str, Any]]:
    return [
        said for said in DISAGREEMENTS if said["topic"] == case.topic and re.fullmatch(said["cases"], case.id)
    ]


@pytest.mark.parametrize("case", collect())
def test_case(case: Case) -> None:
    topic, said = load(case.topic), find_disagreements(case)
    if all("part" in entry for entry in said):
        topic.check(case)
    for entry in said:
        differs = topic.PARTS[entry["part"]] if "part" in entry else topic.check
        with pytest.raises(AssertionError):
            differs(case)


@pytest.mark.parametrize("entry", DISAGREEMENTS, ids=lambda entry: f"{entry['topic']} {entry['cases']}")
def test_disagreement_names_cases_that_are_there(entry: dict[str, Any]) -> None:
    cases = read_cases(entry["topic"])
    if not cases:
        pytest.skip(f"the cases of {entry['topic']} stand beside the repository only")
    assert any(re.fullmatch(entry["cases"], case.id) for case in cases)
    assert {"size", "cause", "right"} <= entry.keys()
