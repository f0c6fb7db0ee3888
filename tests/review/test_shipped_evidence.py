"""The shipped review's evidence tables: declared columns, whole references, the numbers as handed over."""

import csv
import re
import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from synovia.tables import (
    ARMS,
    CONTRASTS,
    FINDINGS,
    OUTCOMES,
    PREPARATIONS,
    PUBLISHED,
    STUDIES,
    Row,
    Table,
    parse,
)

ROOT = Path(__file__).parents[2]
EVIDENCE = ROOT / "reviews" / "knee-oa" / "evidence"
SHARED = ROOT.parent / "shared" / "data" / "knee-oa"
TABLES = (STUDIES, ARMS, OUTCOMES, CONTRASTS, PREPARATIONS, FINDINGS, PUBLISHED)

TREATMENTS = {
    "ha", "prp", "corticosteroid", "saline", "plasma", "msc", "ev", "dextrose", "exercise", "nsaid-oral",
    "ozone", "ha+corticosteroid", "ha+chondroitin", "ha+nsaid", "ha+bisphosphonate", "msc+ha", "msc+prp",
    "lmwf5a",
}  # fmt: skip
OUTCOME_IDS = {
    "pain", "function", "stiffness", "total", "quality-of-life", "symptoms", "sport", "responder",
    "adverse-event", "structure", "other",
}  # fmt: skip
STUDY_OF_TRIAL = {
    "AMELIA2011": "amelia-2011",
    "ArthrumHCS2015": "arthrum-hcs-2015",
    "Bansal2021": "bansal-2021",
    "BuendiaLopez2018": "buendia-lopez-2018",
    "Cingal1301_subgroup2017": "cingal-13-01",
    "Gel200_pooled2018": "gel200-2018",
    "Ha2017_XLHA": "ha-2017",
    "JoshiJubert2017": "joshi-jubert-2017",
    "LamoEspinosa2016": "lamo-espinosa-2016",
    "LamoEspinosa2020": "lamo-espinosa-2020",
    "LeeBW2025": "lee-2025",
    "LinKY2019": "lin-2019",
    "LMWF5A_2018": "lmwf5a-2018",
    "NunesTamashiro2022": "nunes-tamashiro-2022",
    "RESTORE2021": "restore-2021",
    "Rabago2013": "rabago-2013",
    "Structovial2012": "structovial-2012",
    "Tavassoli2019": "tavassoli-2019",
    "UCMSC_repeat2023": "ucmsc-repeat-2023",
    "Variofill2013": "variofill-2013",
    "Wang2017_MPC": "wang-mpc-2017",
}
STATISTIC = {
    "mean at time": "mean",
    "mean change from baseline": "mean change",
    "mean annual % change": "mean change",
    "median (IQR)": "median",
    "events": "events",
    "central value (mean/median not stated in excerpt)": "none printed",
}
MEASURE = {
    "WOMAC (0-100, higher better version)": "WOMAC 0-100, higher better",
    "WOMAC (subscale not named in excerpt)": "WOMAC, subscale not named",
    "KOOS (subscale not named in excerpt)": "KOOS, subscale not named",
    "OARSI 2004 responders (events in mean column)": "OARSI 2004 responder",
}
NUMBERS = ("n", "mean", "sd", "se", "median", "q1", "q3")


def read(table: Table) -> list[dict[str, str]]:
    with (EVIDENCE / f"{table.name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_shared(name: str) -> list[dict[str, str]]:
    file = SHARED / name
    if not file.exists():
        pytest.skip(f"{name} was handed over beside the repository and is not here")
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def number(text: str) -> float | None:
    return float(text) if text.strip() else None


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_row_meets_the_declaration(table: Table) -> None:
    rows = [Row(line, values) for line, values in enumerate(read(table), start=2)]
    parsed = parse(table, rows, file=f"evidence/{table.name}.csv")
    assert [str(fault) for fault in parsed.faults] == []
    assert len(parsed.frame) == len(rows) > 0


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_files_are_plain_utf8_with_the_declared_header(table: Table) -> None:
    data = (EVIDENCE / f"{table.name}.csv").read_bytes()
    text = data.decode("utf-8")
    assert "\r" not in text
    assert not text.startswith("\ufeff")
    assert text.endswith("\n")
    assert text.splitlines()[0] == ",".join(table.names)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_row_has_source_and_locator(table: Table) -> None:
    assert [row for row in read(table) if not row["source"].strip() or not row["locator"].strip()] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_cell_names_a_path_or_starts_a_formula(table: Table) -> None:
    path = re.compile(r"(^|[\s\"'(])(/[A-Za-z_.-]+){2,}|[A-Za-z]:\\|\.\./|file:")
    texts = [column.name for column in table.columns if column.kind == "text"]
    cells = [(name, row[name]) for row in read(table) for name in texts]
    assert [cell for cell in cells if path.search(cell[1])] == []
    assert [cell for cell in cells if cell[1][:1] in tuple("=@\t")] == []


def test_arms_belong_to_studies() -> None:
    studies = {row["study_id"] for row in read(STUDIES)}
    assert {row["study_id"] for row in read(ARMS)} <= studies
    for table in (PREPARATIONS, FINDINGS):
        assert {row["study_id"] for row in read(table)} <= studies


def test_outcomes_and_contrasts_belong_to_arms() -> None:
    arms = {(row["study_id"], row["arm_id"]) for row in read(ARMS)}
    assert {(row["study_id"], row["arm_id"]) for row in read(OUTCOMES)} <= arms
    for row in read(CONTRASTS):
        assert (row["study_id"], row["arm_id"]) in arms
        assert (row["study_id"], row["comparator_id"]) in arms
        assert row["arm_id"] != row["comparator_id"]


def test_every_study_says_something() -> None:
    told = {row["study_id"] for table in (OUTCOMES, PREPARATIONS) for row in read(table)}
    assert {row["study_id"] for row in read(STUDIES)} == told


def test_subgroups_add_up_to_the_randomised_arm() -> None:
    arms = {(row["study_id"], row["arm_id"]): row for row in read(ARMS)}
    sizes: Counter[tuple[str, str]] = Counter()
    baseline = {(row["study_id"], row["arm_id"]): int(row["n"]) for row in read(OUTCOMES) if row["n"]}
    for (study, arm), row in arms.items():
        if not row["part_of"]:
            continue
        parent = arms[(study, row["part_of"])]
        assert parent["part_of"] == ""
        assert parent["treatment"] == row["treatment"]
        sizes[(study, row["part_of"])] += baseline[(study, arm)]
    assert sizes == {
        ("cingal-13-01", "Cingal"): 149,
        ("cingal-13-01", "Monovisc"): 150,
        ("cingal-13-01", "Saline"): 69,
    }


def test_vocabularies_are_those_of_the_review() -> None:
    assert {row["treatment"] for row in read(ARMS)} <= TREATMENTS
    for table in (OUTCOMES, CONTRASTS):
        assert {row["outcome"] for row in read(table)} <= OUTCOME_IDS


def test_scales_are_registered() -> None:
    registry = files("synovia.fields").joinpath("knee_oa", "scales.toml")
    known = {scale["id"] for scale in tomllib.loads(registry.read_text(encoding="utf-8"))["scale"]}
    for table in (OUTCOMES, CONTRASTS):
        assert {row["scale"] for row in read(table)} - {""} <= known


def test_a_row_that_is_not_used_says_why() -> None:
    assert [row for row in read(OUTCOMES) if row["use"] == "no" and not row["caution"]] == []


def test_every_row_of_an_ineligible_study_is_unused() -> None:
    ineligible = {row["study_id"] for row in read(STUDIES) if row["eligible"] == "no"}
    assert ineligible == {"wang-mpc-2017"}
    assert {row["use"] for row in read(OUTCOMES) if row["study_id"] in ineligible} == {"no"}


def test_events_do_not_exceed_participants() -> None:
    counted = [row for row in read(OUTCOMES) if row["statistic"] == "events"]
    assert len(counted) == 70
    assert [row for row in counted if not int(row["events"]) <= int(row["n"])] == []


def test_flexx_has_its_printed_arm_sizes() -> None:
    # FLEXX printed 293 participants with hyaluronic acid and 295 with saline: proof of the corrected labels.
    rows = [row for row in read(OUTCOMES) if row["study_id"] == "jansen-altman2"]
    assert {(row["arm_id"], row["n"]) for row in rows} == {("3HY-2.4-3.6", "293"), ("placebo", "295")}
    treatments = {
        row["arm_id"]: row["treatment"] for row in read(ARMS) if row["study_id"] == "jansen-altman2"
    }
    assert treatments == {"3HY-2.4-3.6": "ha", "placebo": "saline"}


def test_no_derived_number_is_entered() -> None:
    # Standard errors of the hyaluronic-acid data set are entered as printed; SDs are Synovia's to derive.
    rows = [row for row in read(OUTCOMES) if row["study_id"].startswith("jansen-")]
    assert len(rows) == 150
    assert {row["sd"] for row in rows} == {""}
    assert [row for row in rows if not row["se"]] == []


def test_jansen_rows_equal_the_data_set() -> None:
    given = {
        (f"jansen-{row['studyID'].lower()}", row["treatment_corrected"], float(row["time"])): (
            number(row["n"]),
            float(row["y"]),
            float(row["se"]),
        )
        for row in read_shared("trials/ha_viscosupplement_timecourse_jansen2015.csv")
    }
    entered = {
        (row["study_id"], row["arm_id"], float(row["weeks"])): (
            number(row["n"]),
            float(row["mean"]),
            float(row["se"]),
        )
        for row in read(OUTCOMES)
        if row["study_id"].startswith("jansen-")
    }
    assert len(given) == 150
    assert entered == given


def _given_key(row: dict[str, str]) -> tuple[object, ...]:
    statistic = STATISTIC[row["stat"]]
    values = {name: number(row[name]) for name in NUMBERS}
    if statistic in ("events", "none printed"):
        values["mean"] = None
    events = number(row["mean"]) if statistic == "events" else None
    place = (STUDY_OF_TRIAL[row["trial_id"]], row["arm_id"], MEASURE.get(row["outcome"], row["outcome"]))
    return (*place, row["timepoint"], number(row["weeks"]), statistic, *values.values(), events)


def _entered_key(row: dict[str, str]) -> tuple[object, ...]:
    place = (row["study_id"], row["arm_id"], row["measure"], row["timepoint"], number(row["weeks"]))
    return (*place, row["statistic"], *(number(row[name]) for name in NUMBERS), number(row["events"]))


def test_every_row_handed_over_with_numbers_is_entered_once() -> None:
    handed = read_shared("trials/trial_arm_outcomes.csv")
    given = [row for row in handed if any(row[name] for name in ("mean", "sd", "se", "median"))]
    entered = Counter(_entered_key(row) for row in read(OUTCOMES))
    assert len(given) == 511
    assert [row for row in given if entered[_given_key(row)] != 1] == []


def test_central_values_of_unknown_kind_stand_in_the_note() -> None:
    given = [
        (row["arm_id"], row["outcome"], row["timepoint"], f"{float(row['mean']):g}")
        for row in read_shared("trials/trial_arm_outcomes.csv")
        if row["stat"].startswith("central value")
    ]
    entered = [
        (row["arm_id"], row["measure"], row["timepoint"], row["note"].split()[2])
        for row in read(OUTCOMES)
        if row["study_id"] == "ucmsc-repeat-2023" and row["statistic"] == "none printed"
    ]
    assert len(given) == 6
    assert entered == given


def test_counts_equal_those_handed_over() -> None:
    given = Counter(
        (STUDY_OF_TRIAL[row["trial_id"]], row["arm"], row["outcome"], int(row["events"]), int(row["n"]))
        for row in read_shared("trials/trial_binary_outcomes.csv")
        if row["events"]
    )
    entered = Counter(
        (row["study_id"], row["arm_id"], row["measure"], int(row["events"]), int(row["n"]))
        for row in read(OUTCOMES)
        if row["statistic"] == "events"
    )
    assert entered == given


def test_published_results_equal_those_handed_over() -> None:
    columns = {"estimate": "estimate", "ci_low": "ci_low", "ci_high": "ci_high", "p": "p_value", "i2": "i2"}
    given = {
        row["id"]: tuple(row[name] for name in columns)
        for row in read_shared("published/published_meta_analyses.csv")
    }
    entered = {row["result_id"]: tuple(row[name] for name in columns.values()) for row in read(PUBLISHED)}
    assert len(given) == 117
    assert entered == given


def _estimate_is_outside(row: dict[str, str]) -> bool:
    limits = [number(row[name]) for name in ("ci_low", "estimate", "ci_high")]
    known = [limit for limit in limits if limit is not None]
    return len(known) == 3 and known != sorted(known)


def test_an_estimate_outside_its_interval_carries_a_caution() -> None:
    # "0.38 to 0.43" and the like stand only where no interval is printed.
    rows = [row for row in read(PUBLISHED) if row["ci_low"] and row["ci_high"]]
    outside = {row["result_id"] for row in rows if _estimate_is_outside(row)}
    assert outside == {"MA060"}
    assert all("outside" in row["caution"] for row in rows if row["result_id"] in outside)


def test_published_results_name_known_comparisons() -> None:
    protocol = tomllib.loads((EVIDENCE.parent / "review.toml").read_text(encoding="utf-8"))
    known = {comparison["id"] for comparison in protocol["comparison"]}
    rows = read(PUBLISHED)
    named = {row["comparison_id"] for row in rows} - {""}
    assert {"ha-vs-saline", "prp-vs-ha"} <= named <= known
    assert {row["outcome_id"] for row in rows} <= {"", "pain", "function"}
    assert [row for row in rows if row["kind"] == "pre-post" and row["comparison_id"]] == []


def test_readings_of_damaged_print_are_labelled() -> None:
    readings = [
        row[name] for row in read(PREPARATIONS) for name in ("dose_read", "volume_read", "interval_read")
    ]
    assert [reading for reading in readings if reading and "our reading" not in reading] == []
    assert len([reading for reading in readings if reading]) > 10


def test_the_twelve_vesicle_studies_have_preparation_and_findings() -> None:
    designs = ("animal experiment", "in vitro study")
    preclinical = {row["study_id"] for row in read(STUDIES) if row["design"] in designs}
    assert len(preclinical) == 12
    assert {row["study_id"] for row in read(PREPARATIONS)} == preclinical
    findings = [row for row in read(FINDINGS) if row["setting"] != "human"]
    assert {row["study_id"] for row in findings} == preclinical
    without_animals = {row["study_id"] for row in read(PREPARATIONS) if row["animal_model"] == "none"}
    assert len(without_animals) == 4
    assert not without_animals & {row["study_id"] for row in findings if row["setting"] == "in vivo"}


def test_the_randomised_vesicle_trial_shows_no_difference() -> None:
    human = [row for row in read(FINDINGS) if row["setting"] == "human"]
    assert {(row["study_id"], row["direction"]) for row in human} == {("bolandnazar-2024", "no difference")}
