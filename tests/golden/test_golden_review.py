"""One whole story: the synthetic mini-review, from exports to report, compared byte for byte."""

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("regenerate_golden", HERE / "regenerate.py")
assert spec is not None
assert spec.loader is not None
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    results: dict[str, bytes] = golden.build(tmp_path_factory.mktemp("golden"))
    return results


def expected_names() -> list[str]:
    root = HERE / "expected"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_the_same_files_are_written(built: dict[str, bytes]) -> None:
    assert sorted(built) == expected_names()


@pytest.mark.parametrize("name", expected_names())
def test_every_byte_is_the_same(built: dict[str, bytes], name: str) -> None:
    wanted = (HERE / "expected" / name).read_bytes()
    if built[name] != wanted:
        old, new = (data.decode().splitlines() for data in (wanted, built[name]))
        at = next(
            (i for i, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]),
            min(len(old), len(new)),
        )
        pytest.fail(
            f"{name} differs from line {at + 1}; look at the difference, then: make golden\n"
            f"  was {old[at : at + 1]}\n  is  {new[at : at + 1]}"
        )


def test_everything_in_it_says_synthetic() -> None:
    for line in (
        (HERE / "synthetic-mini-review" / "evidence" / "studies.csv")
        .read_text(encoding="utf-8")
        .splitlines()[1:]
    ):
        assert line.startswith("synthetic-")
