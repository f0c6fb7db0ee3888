"""The command line, as a person and as a program use it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synovia.cli import main

MINI = Path(__file__).parents[1] / "golden" / "synthetic-mini-review"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def synovia(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: exit code, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["synovia", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    """A private copy of the synthetic mini-review."""
    review = tmp_path / "mini"
    shutil.copytree(MINI, review, ignore=shutil.ignore_patterns("out", ".synovia"))
    return review


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_run_answers_then_has_nothing_to_do(synovia: Run, mini: Path) -> None:
    code, out, _ = synovia("run", mini)
    assert code == 0
    assert "Computed: collect, deduplicate, screen, extract, synthesise, connect, follow, report." in out
    assert f"Report: {mini / 'out' / 'report.html'}" in out
    first = {path: path.read_bytes() for path in (mini / "out").rglob("*") if path.is_file()}
    code, out, _ = synovia("run", mini)
    assert "Nothing has changed; nothing was computed again." in out
    assert {path: path.read_bytes() for path in first} == first


def test_only_what_depends_on_a_change_is_computed(synovia: Run, mini: Path) -> None:
    synovia("run", mini)
    edit(mini / "review.toml", "high = 17", "high = 20")
    result = json.loads(synovia("run", mini, "--json")[1])
    assert result["stages"] == {
        "collect": "unchanged", "deduplicate": "unchanged", "screen": "unchanged", "extract": "unchanged",
        "synthesise": "computed", "connect": "computed", "follow": "unchanged", "report": "computed",
    }  # fmt: skip


def test_a_deleted_result_is_written_again(synovia: Run, mini: Path) -> None:
    synovia("run", mini)
    (mini / "out" / "tables" / "effects.csv").unlink()
    result = json.loads(synovia("run", mini, "--json")[1])
    assert result["changed"]
    assert (mini / "out" / "tables" / "effects.csv").exists()


def test_built_twice_in_two_places_the_results_are_the_same_bytes(
    synovia: Run, mini: Path, tmp_path: Path
) -> None:
    shutil.copytree(mini, tmp_path / "elsewhere")
    for review in (mini, tmp_path / "elsewhere"):
        assert synovia("run", review)[0] == 0
    for path in (mini / "out").rglob("*.*"):
        assert (
            path.read_bytes()
            == (tmp_path / "elsewhere" / "out" / path.relative_to(mini / "out")).read_bytes()
        )


def test_an_edit_is_refused_until_it_is_recorded(synovia: Run, mini: Path) -> None:
    edit(mini / "evidence" / "outcomes.csv", ",yes,", ",no,")
    code, _, err = synovia("run", mini)
    assert code == 2
    assert "1 edit in evidence/ not yet in the journal" in err
    assert "evidence/outcomes.csv, line 2" in err
    assert "use 'yes' -> 'no'" in err
    assert "synovia import" in err
    code, _, err = synovia("import", mini)
    assert code == 2
    assert "--by" in err
    assert synovia("import", mini, "--by", "Ann Synthetic")[1].startswith("Recorded 1 event;")
    assert synovia("run", mini)[0] == 0


def test_import_then_export_is_lossless(synovia: Run, mini: Path) -> None:
    before = {path.name: path.read_bytes() for path in (mini / "evidence").iterdir()}
    assert synovia("export", mini)[0] == 0
    assert {path.name: path.read_bytes() for path in (mini / "evidence").iterdir()} == before
    shutil.rmtree(mini / ".synovia")
    assert synovia("export", mini)[0] == 0
    assert {path.name: path.read_bytes() for path in (mini / "evidence").iterdir()} == before


def test_a_wrong_row_is_refused_and_nothing_is_recorded(synovia: Run, mini: Path) -> None:
    journal = (mini / "evidence" / "journal.jsonl").read_bytes()
    table = mini / "evidence" / "outcomes.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",3.1,", ',"3,1",'), encoding="utf-8")
    code, _, err = synovia("import", mini, "--by", "Ann Synthetic")
    assert code == 2
    assert (
        "column se: found '3,1'; wanted a number above 0. Write the decimal point as a full stop: 3.1." in err
    )
    assert (mini / "evidence" / "journal.jsonl").read_bytes() == journal


def test_a_decision_that_disappears_is_refused(synovia: Run, mini: Path) -> None:
    table = mini / "evidence" / "decisions.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join([lines[0], *lines[2:]]), encoding="utf-8")
    code, _, err = synovia("import", mini)
    assert code == 2
    assert "A decision is superseded, never deleted" in err


def test_a_row_taken_out_of_the_evidence_is_withdrawn_not_lost(synovia: Run, mini: Path) -> None:
    table = mini / "evidence" / "links.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(lines[:-1]), encoding="utf-8")
    assert synovia("import", mini, "--by", "Ann Synthetic")[0] == 0
    log = json.loads(synovia("journal", "log", mini, "--last", "1", "--json")[1])["events"]
    assert log[0]["event"] == "Withdrawn"
    assert lines[-1].split(",")[0] in (mini / "evidence" / "journal.jsonl").read_text(encoding="utf-8")


def test_a_tampered_journal_is_found(synovia: Run, mini: Path) -> None:
    journal = mini / "evidence" / "journal.jsonl"
    edit(journal, '"verdict":"include"', '"verdict":"exclude"')
    code, _, err = synovia("journal", "verify", mini)
    assert code == 2
    assert "line" in err


def test_check_says_what_to_know_and_what_to_mend(synovia: Run, mini: Path) -> None:
    code, out, _ = synovia("check", mini)
    assert code == 0, out
    assert "0 to mend" in out
    edit(mini / "review.toml", 'measure = "MD"', 'measure = "MDD"')
    code, out, _ = synovia("check", mini)
    assert code == 1
    assert "ERROR (protocol) review.toml, line" in out


def test_an_outcome_that_nobody_reported_is_said(synovia: Run, mini: Path) -> None:
    text = (mini / "review.toml").read_text(encoding="utf-8")
    text += '\n[[outcome]]\nid = "sleep"\nlabel = "sleep"\n'
    (mini / "review.toml").write_text(
        text.replace('outcomes = ["pain"]\nwindows', 'outcomes = ["pain", "sleep"]\nwindows', 1),
        encoding="utf-8",
    )
    code, out, _ = synovia("run", mini)
    assert code == 0
    assert "comparison 'ha-vs-saline' asks for the outcome 'sleep'" in out
    assert "no row of evidence/outcomes.csv reports it" in out
    assert "(reported: pain)" in out


def test_a_missing_export_says_which_files_are_there(synovia: Run, mini: Path) -> None:
    (mini / "searches" / "synthetic-pubmed.nbib").unlink()
    code, _, err = synovia("run", mini)
    assert code == 2
    assert "wanted searches/synthetic-pubmed.nbib" in err
    assert "synthetic-embase.ris" in err


def test_errors_as_json_are_faults(synovia: Run, mini: Path) -> None:
    edit(mini / "review.toml", 'measure = "MD"', 'measure = "MDD"')
    code, out, _ = synovia("run", mini, "--json")
    assert code == 2
    result = json.loads(out)
    assert result["error"] == "ProtocolError"
    assert result["faults"][0]["file"] == "review.toml"


def test_new_overwrites_nothing(synovia: Run, tmp_path: Path) -> None:
    assert synovia("new", tmp_path / "fresh")[0] == 0
    code, _, err = synovia("new", tmp_path / "fresh")
    assert code == 2
    assert "nothing was overwritten" in err


def test_schema_is_json(synovia: Run) -> None:
    assert json.loads(synovia("schema")[1])["title"] == "Protocol"


def test_unknown_command_and_folder_are_explained(synovia: Run, tmp_path: Path) -> None:
    assert synovia("rnu")[0] == 2
    assert "no such folder" in synovia("run", tmp_path / "nowhere")[2]


def test_help_is_fast_and_lists_every_command(synovia: Run) -> None:
    out = synovia("--help")[1]
    for name in ("new", "run", "check", "report", "import", "export", "journal", "schema"):
        assert f"\n  {name} " in out
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "synovia", "--help"], check=True, capture_output=True)
    assert time.perf_counter() - start < 2, "generous: the benchmark holds it to 0.4 s on a quiet machine"


@pytest.mark.parametrize(
    "arguments",
    [
        ("zork", "--json"),
        ("run", "--zork", "--json"),
        ("run", "a", "b", "--json"),
        ("new", "--json"),
        ("journal", "log", "--last", "-3", "--json"),
    ],
)
def test_a_wrong_call_is_json_too(synovia: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = synovia(*arguments)
    assert code == 2
    assert err == ""
    assert json.loads(out)["message"]


def test_a_terminal_without_our_letters_still_gets_the_answer(mini: Path) -> None:
    for encoding in ("cp1252", "ascii"):
        for option in ([], ["--json"]):
            done = subprocess.run(
                [sys.executable, "-m", "synovia", "run", str(mini), *option],
                capture_output=True,
                check=True,
                env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            )
            words = done.stdout.decode(encoding)
            assert json.loads(words)["answers"] if option else "lowered pain by 12.4 points" in words


def test_nothing_read_from_outside_steers_the_terminal(synovia: Run, tmp_path: Path) -> None:
    _, _, err = synovia("run", tmp_path / "\x1b[2J\u202enot there")
    assert "\x1b" not in err
    assert "\u202e" not in err
    assert "no such folder" in err


@pytest.mark.parametrize("name", ["two\nlines", 'q"uo\\te', "a b", "-dash"])
def test_any_folder_name_gives_a_review_that_runs(synovia: Run, tmp_path: Path, name: str) -> None:
    assert synovia("new", tmp_path / name)[0] == 0
    assert synovia("check", tmp_path / name)[0] == 0


def test_a_review_made_in_the_folder_one_stands_in(
    synovia: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert synovia("new", ".")[0] == 0
    assert synovia("check")[0] == 0


def test_rows_taken_out_are_counted(synovia: Run, mini: Path) -> None:
    file = mini / "evidence" / "outcomes.csv"
    header = file.read_text(encoding="utf-8").split("\n", 1)[0]
    file.write_text(header + "\n", encoding="utf-8")
    code, out, _ = synovia("import", mini, "--by", "Ann")
    assert code == 0
    assert "17 rows were taken out of evidence/; the journal keeps them." in out
