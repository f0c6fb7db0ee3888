"""The reference cases in the repository are those that may be there, all of them, unchanged."""

from pathlib import Path

import pytest

from parity.grid import BESIDE, KEPT
from parity.keep import KEPT_TOPICS, gather, is_kept, unpack

FILES = sorted(KEPT.glob("*.json.gz"))
BESIDE_ONLY = pytest.mark.skipif(
    not BESIDE.is_dir(), reason="the full reference set stands beside the repository only"
)


@BESIDE_ONLY
def test_kept_equals_what_would_be_written() -> None:
    topics, tables = gather()
    assert {path.name.removesuffix(".json.gz"): unpack(path.read_bytes()) for path in FILES} == topics
    assert {path.name: path.read_bytes() for path in (KEPT / "data").glob("*.csv")} == tables


def test_kept_is_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < 3_000_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_kept_case_rests_on_open_data_that_are_here(path: Path) -> None:
    topics = [unpack(file.read_bytes()) for file in FILES]
    made = {name: how for found in topics for case in found["cases"] for name, how in _made(case).items()}
    found = next(found for found, file in zip(topics, FILES, strict=True) if file == path)
    assert found["topic"] in KEPT_TOPICS
    assert found["n_cases"] == len(found["cases"])
    for case in found["cases"]:
        assert is_kept(case, made), case["id"]


def _made(case: dict[str, object]) -> dict[str, str]:
    made = case.get("data_prep")
    return made if isinstance(made, dict) else {}


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ("metadat::dat.bcg", True),
        ('as.data.frame(escalc(measure="RR", ai=tpos, bi=tneg, ci=cpos, di=cneg, data=dat.bcg))', True),
        ("data.frame(xi=c(0,4), ni=c(10,15))", True),
        ("corrdat", False),
        ("data.frame(label=Rubin1981$school)", False),
        ('as.data.frame(pairwise(treatment, event=r, n=N, data=Woods2010, sm="OR"))', False),
        ("other[1:7,]", False),
    ],
)
def test_only_metadat_and_what_is_written_out(how: str, kept: bool) -> None:
    assert is_kept({"dataset": "one"}, {"one": how}) is kept
