"""The parity grid: every case of every topic, against R.

A topic is a module of ``topics`` with ``check(case)``, which raises AssertionError where we differ, and
``COVERS``, a pattern of the ids that this version answers. Cases in ``disagreements.toml`` must differ, and as
much as it says: an entry that no longer differs is out of date.
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


def find_disagreement(case: Case) -> dict[str, Any] | None:
    return next(
        (
            said
            for said in DISAGREEMENTS
            if said["topic"] == case.topic and re.fullmatch(said["cases"], case.id)
        ),
        None,
    )


@pytest.mark.parametrize("case", collect())
def test_case(case: Case) -> None:
    check = load(case.topic).check
    if find_disagreement(case) is None:
        check(case)
        return
    with pytest.raises(AssertionError):
        check(case)
