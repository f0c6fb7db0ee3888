"""Tables: good rows are kept, and every fault names file, line, what was found, what is wanted, what to do."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia import tables
from synovia.errors import TableError
from synovia.tables import OUTCOMES, Column, Row, Table, check, digest, empty, format_cell, frame, parse

DOSES = Table(
    "doses",
    "one dose",
    (
        Column("arm", "text", "arm", required=True),
        Column("kind", "text", "kind of dose", choices=("single", "repeated")),
        Column("dose", "number", "dose", "mL", above=0),
        Column("n", "integer", "people", at_least=1, at_most=10_000),
        Column("blind", "boolean", "whether the injector was blind"),
    ),
    ("arm",),
)
GOOD = {"arm": "a", "kind": "single", "dose": "2.5", "n": "12", "blind": "yes"}


def faults_of(**changes: str) -> list[str]:
    return [str(fault) for fault in parse(DOSES, [Row(7, {**GOOD, **changes})], file="doses.csv").faults]


def test_good_row_is_typed() -> None:
    parsed = parse(DOSES, [Row(2, GOOD)])
    assert parsed.faults == ()
    assert parsed.frame.to_dict("records") == [
        {"arm": "a", "kind": "single", "dose": 2.5, "n": 12.0, "blind": "yes", "line": 2}
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"dose": "1,5"},
            "doses.csv, line 7, column dose: found '1,5'; wanted a number above 0. Write the decimal point as a full stop: 1.5.",
        ),
        (
            {"dose": "0"},
            "doses.csv, line 7, column dose: found 0; wanted a number above 0. Check it against the source.",
        ),
        (
            {"dose": "-2"},
            "doses.csv, line 7, column dose: found -2; wanted a number above 0. Check it against the source.",
        ),
        (
            {"dose": "2 mL"},
            "doses.csv, line 7, column dose: found '2 mL'; wanted a number above 0. Move any words to a note and leave only the number.",
        ),
        (
            {"dose": "nan"},
            "doses.csv, line 7, column dose: found 'nan'; wanted a number above 0. Leave the cell empty when the number is not known.",
        ),
        (
            {"n": "0"},
            "doses.csv, line 7, column n: found 0; wanted a whole number at least 1 and at most 10000. Check it against the source.",
        ),
        (
            {"n": "2.5"},
            "doses.csv, line 7, column n: found '2.5'; wanted a whole number at least 1 and at most 10000.",
        ),
        (
            {"kind": "singel"},
            "doses.csv, line 7, column kind: found 'singel'; wanted one of single, repeated. Check the spelling.",
        ),
        (
            {"arm": " "},
            "doses.csv, line 7, column arm: found an empty cell; wanted text. Fill it in, or remove the row.",
        ),
        ({"blind": "perhaps"}, "doses.csv, line 7, column blind: found 'perhaps'; wanted yes or no."),
    ],
)
def test_each_fault_is_one_clear_sentence(changes: dict[str, str], sentence: str) -> None:
    assert faults_of(**changes) == [sentence]


def test_a_second_row_for_a_key_names_the_first() -> None:
    parsed = parse(DOSES, [Row(2, GOOD), Row(9, GOOD)], file="doses.csv")
    assert len(parsed.frame) == 1
    assert "line 9: found a second row for arm 'a'; wanted one row per arm. The first is on line 2" in str(
        parsed.faults[0]
    )


def test_a_missing_column_is_named_with_what_it_is() -> None:
    row = {name: text for name, text in GOOD.items() if name != "arm"}
    (fault,) = parse(DOSES, [Row(2, row)], file="doses.csv").faults
    assert (
        str(fault)
        == "doses.csv, line 1: found columns kind, dose, n, blind; wanted column arm. Add the column: arm."
    )


def test_an_unknown_column_is_a_fault_not_a_loss() -> None:
    (fault,) = parse(DOSES, [Row(2, {**GOOD, "dosis": "3"})], file="doses.csv").faults
    assert "found column 'dosis'; wanted columns of doses: arm, kind, dose, n, blind" in str(fault)


def test_good_rows_survive_bad_ones_and_all_faults_are_told() -> None:
    parsed = parse(
        DOSES,
        [Row(2, GOOD), Row(3, {**GOOD, "arm": "b", "n": "x", "dose": "y"}), Row(4, {**GOOD, "arm": "c"})],
    )
    assert parsed.frame["arm"].tolist() == ["a", "c"]
    assert [fault.line for fault in parsed.faults] == [3, 3]
    with pytest.raises(TableError) as caught:
        parsed.frame_or_raise()
    assert len(caught.value.faults) == 2


def test_an_sd_of_zero_and_an_n_of_zero_are_refused_in_outcomes() -> None:
    row = dict.fromkeys(OUTCOMES.names, "") | {
        "study_id": "s", "arm_id": "a", "outcome": "pain", "measure": "VAS", "timepoint": "w", "statistic": "mean",
        "use": "yes", "source": "x", "locator": "y", "sd": "0", "n": "0",
    }  # fmt: skip
    assert {fault.column for fault in parse(OUTCOMES, [Row(2, row)]).faults} == {"sd", "n"}


def test_frames_made_by_synovia() -> None:
    made = frame(DOSES, [{"arm": "a", "dose": 1}])
    assert made["kind"].tolist() == [""]
    assert math.isnan(made["n"].iloc[0])
    assert list(empty(DOSES).columns) == list(DOSES.names)
    with pytest.raises(TableError, match="column colour"):
        frame(DOSES, [{"colour": "red"}])
    with pytest.raises(TableError, match="column n of table doses"):
        check(DOSES, made.drop(columns="n"))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_exactly(value: float) -> None:
    assert float(format_cell(DOSES.column("dose"), value)) == value


def test_digest_depends_on_content_and_not_on_how_it_came() -> None:
    one = frame(DOSES, [{"arm": "a", "dose": 1}, {"arm": "b", "dose": 2.5}])
    two = pd.concat([one.iloc[[0]], one.iloc[[1]]]).reset_index(drop=True)
    assert digest.of_table(DOSES, one) == digest.of_table(DOSES, two)
    assert digest.of_table(DOSES, one) != digest.of_table(DOSES, one.iloc[::-1])
    assert digest.of_rows({"a": 1, "b": [2]}) == digest.of_rows({"b": [2], "a": 1})


@pytest.mark.parametrize(
    "table", [*tables.EVIDENCE, *tables.DERIVED, tables.DECISIONS, tables.MERGES], ids=lambda t: t.name
)
def test_every_declared_table_explains_itself(table: Table) -> None:
    assert set(table.key) <= set(table.names)
    assert len(set(table.names)) == len(table.names)
    assert all(column.help for column in table.columns)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("1,5", "Write the decimal point as a full stop: 1.5."),
        ("1,234", "Write it without separators, 1234, if the comma marks thousands."),
        ("\u22122.5", "Write the minus sign as a hyphen: -2.5."),
        ("2_5", "Move any words to a note and leave only the number."),
        ("ca. 3", "Move any words to a note and leave only the number."),
    ],
)
def test_a_number_written_otherwise_says_how_to_write_it(text: str, advice: str) -> None:
    (fault,) = faults_of(dose=text)
    assert fault.endswith(advice)
