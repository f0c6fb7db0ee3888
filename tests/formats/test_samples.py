"""Real exports of many platforms: every record start becomes a record, counted another way.

The files live beside the repository and are not part of it; without them the tests skip.
"""

import csv
import io
import re
from pathlib import Path

import pytest

from synovia.formats import decode, read_export
from synovia.formats.encoding import unify_line_ends

SAMPLES = Path(__file__).parents[2].parent / "shared" / "data" / "records" / "samples"
PLATFORMS = "citation-file-formatting/Datasets"
NOT_OURS = {"ris_rispy_example_wos.ris"}  # Web of Science tagged text under another name
# Starts that are no records, with the reason seen in the file.
REJECTED = {
    "jabref_RisImporterCorrupted.ris": 1,  # no TY line
    "_baseline_abstrackr.csv": 5,  # a second table of unlabelled citations below the first
    "embase.csv": 1,  # cut off inside a quoted abstract
    "who_ictrp_2020.csv": 7,  # line ends inside unquoted cells
}
STARTS = {"ris": r"(?m)^TY {1,2}-(?: |$)", "nbib": r"(?m)^(?:PMID-|OWN - ERIC)"}


def sample_files() -> list[Path]:
    found = [path for path in SAMPLES.rglob("*") if path.suffix in {".ris", ".nbib", ".csv", ".tsv"}]
    found += [*SAMPLES.glob("asreview*.txt"), *SAMPLES.glob("jabref_Medline*.txt")]
    return sorted(path for path in found if path.name not in NOT_OURS)


def count_starts(text: str, format_name: str) -> int:
    if format_name in STARTS:
        return len(re.findall(STARTS[format_name], text))
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    rows = [
        row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)
    ]
    names = [cell.strip().lower() for row in rows[:5] for cell in row[:1]]
    preamble = 2 if names[0] == "search query" else 0
    return len(rows) - 1 - preamble


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample exports are not here")
@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.name)
def test_every_start_is_a_record(path: Path) -> None:
    data = path.read_bytes()
    export = read_export(path.name, data, search_id="s")
    text = unify_line_ends(decode(path.name, data).text)
    headless = int(path.name == "jabref_RisImporterCorrupted.ris")
    assert export.starts == count_starts(text, export.format) + headless
    assert export.rejected == REJECTED.get(path.name, 0)
    assert len(export.records) == export.starts - export.rejected


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample exports are not here")
@pytest.mark.parametrize(
    "name",
    [
        "cinahl",
        "cochrane_refman",
        "covidence_zotero",
        "embase",
        "mendeley",
        "rayyan",
        "scopus",
        "webofscience",
    ],
)
def test_platforms_fill_the_telling_columns(name: str) -> None:
    export = read_export(
        f"{name}.ris", (SAMPLES / PLATFORMS / "RIS" / f"_baseline_{name}.ris").read_bytes(), search_id="s"
    )
    for column in ("title", "authors", "source"):
        assert (export.records[column] != "").all(), column
    assert export.records["year"].notna().all()
    assert (export.records["doi"] != "").all() or name == "cinahl"  # its RIS has no DOI field
