"""What is kept between runs may be damaged in any way: it is then computed again, never believed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synovia.review.folder import Folder
from synovia.review.results import produce
from synovia.review.stages import STAGES

MINI = Path(__file__).parents[1] / "golden" / "synthetic-mini-review"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    root = tmp_path_factory.mktemp("cache") / "mini"
    shutil.copytree(MINI, root, ignore=shutil.ignore_patterns("out", ".synovia"))
    folder = Folder.at(root)
    produce(folder)
    return folder


def without_tables(content: dict[str, Any]) -> None:
    content["tables"] = {}


def a_short_column(content: dict[str, Any]) -> None:
    table = next(iter(content["tables"].values()))
    table[list(table)[-1]].append(None)


def another_number(content: dict[str, Any]) -> None:
    table = next(iter(content["tables"].values()))
    table["line" if "line" in table else next(iter(table))] = [-99]


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
@pytest.mark.parametrize("damage", [without_tables, a_short_column, another_number])
def test_a_damaged_table_is_computed_again(
    finished: Folder, stage: str, damage: Callable[[dict[str, Any]], None]
) -> None:
    report = finished.present_out("report.html")
    file = finished.hidden / "cache" / f"{stage}.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    damage(content)
    file.write_text(json.dumps(content), encoding="utf-8")
    states = {state.name: state.state for state in produce(finished, rewrite=True).stages}
    assert states[stage] == "computed"
    assert finished.present_out("report.html") == report


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[1]", b"null", b'{"key": 1}', b"[" * 100_000])
def test_damaged_bookkeeping_is_made_again(finished: Folder, data: bytes) -> None:
    report = finished.present_out("report.html")
    (finished.hidden / "results.json").write_bytes(data)
    (finished.hidden / "cache" / "screen.json").write_bytes(data)
    assert produce(finished).changed
    assert finished.present_out("report.html") == report
