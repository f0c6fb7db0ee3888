"""The reference pages say what the code declares."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def regenerator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("regenerate", DOCS / "regenerate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = ["tables.md", "commands.md", "protocol.md", "scales.md", "errors.md", "differences.md"]


@pytest.mark.parametrize("page", PAGES)
def test_reference_page_is_up_to_date(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    written = (DOCS / "reference" / page).read_text(encoding="utf-8")
    assert written == regenerator().PAGES[page](), "run python docs/regenerate.py"


def test_every_page_is_tested_and_linked() -> None:
    assert list(regenerator().PAGES) == PAGES
    linked = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [page for page in PAGES if f"(reference/{page})" not in linked] == []


def test_differences_name_every_entry_in_a_whole_row() -> None:
    rows = [line for line in regenerator().differences_page().split("## The list")[1].splitlines() if line]
    entries = (DOCS.parent / "tests" / "parity" / "disagreements.toml").read_text(encoding="utf-8")
    assert len(rows) - 2 == entries.count("\n[[disagreement]]")
    assert {len(row.replace(r"\|", "").split("|")) for row in rows} == {7}
