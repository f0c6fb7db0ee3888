"""The protocol: every mistake is named with its line and what is allowed."""

import json
from importlib import resources
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import ProtocolError
from synovia.review.protocol import Design, Protocol, json_schema
from synovia.review.reading import read_protocol
from synovia.review.toml_lines import line_of, lines_of
from synovia.tables import STUDIES

STARTER = resources.files("synovia.review").joinpath("starter.toml").read_text(encoding="utf-8")

MISTAKES = [
    ('tau2 = "REML"', 'tau2 = "RMEL"', "model.tau2 = 'RMEL'", "one of REML, ML, DL, PM"),
    ('measure = "MD"', 'measure = "mean"', "model.measure = 'mean'", "one of MD, SMD, ROM, OR, RR, RD"),
    ("readers = 2", "readers = 3", "screening.readers = 3", "one of 1, 2"),
    ("readers = 2", "reader = 2", "key screening.reader", "one of readers, reasons, note"),
    ('shared = "covariance"', 'shared = "both"', "model.shared = 'both'", "one of covariance, split"),
    ('outcomes = ["pain"]', 'outcomes = ["pian"]', "outcome 'pian'", "one of pain"),
    ('windows = ["3-months"]', 'windows = ["3 months"]', "'3 months'", "text of the form"),
    ('comparator = ["saline"]', 'comparator = ["placebo"]', "treatment 'placebo'", "one of ha, saline"),
    ("low = 6", "low = 14", "window '3-months'", "low 14 <= target 12 <= high 17"),
    ("level = 0.95", "level = 95", "model.level = 95", "less than 1"),
    ('"womac-pain-likert"', '"womac-pain"', "scale 'womac-pain'", "womac-pain-likert"),
]


@pytest.mark.parametrize(("good", "bad", "found", "wanted"), MISTAKES)
def test_mistake_names_line_and_allowed_values(good: str, bad: str, found: str, wanted: str) -> None:
    text = STARTER.replace(good, bad, 1)
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if bad in row)
    with pytest.raises(ProtocolError) as caught:
        read_protocol(
            text,
            scales=[
                "womac-pain-likert",
                "womac-pain-100",
                "koos-pain",
                "pain-vas-100",
                "pain-vas-10",
                "pain-nrs-10",
            ],
        )
    (fault,) = caught.value.faults
    assert fault.file == "review.toml"
    assert found in fault.found
    assert wanted in fault.wanted
    assert fault.line == line or found.startswith("window")


def test_every_mistake_is_reported_at_once() -> None:
    text = STARTER.replace('tau2 = "REML"', 'tau2 = "x"').replace("readers = 2", "readers = 9")
    with pytest.raises(ProtocolError) as caught:
        read_protocol(text)
    assert len(caught.value.faults) == 2


def test_text_that_is_not_toml_names_its_line() -> None:
    with pytest.raises(ProtocolError, match=r"review.toml, line 2: found text that is not TOML"):
        read_protocol("[review]\ntitle = \n")


def test_missing_section_is_named() -> None:
    with pytest.raises(ProtocolError, match="found no question; wanted a value for question"):
        read_protocol(STARTER.replace("[question]", "[questions]"))


def test_repeated_id_is_named() -> None:
    again = '\n[[treatment]]\nid = "ha"\nlabel = "again"\n'
    with pytest.raises(ProtocolError, match="treatment 'ha' a second time"):
        read_protocol(STARTER + again)


def test_starter_is_valid_and_its_schema_is_json() -> None:
    assert read_protocol(STARTER).comparison[0].id == "ha-vs-saline"
    assert set(json_schema()["properties"]) == set(Protocol.model_fields)
    json.dumps(json_schema())


def test_designs_of_the_protocol_are_those_of_the_studies_table() -> None:
    assert get_args(Design) == STUDIES.column("design").choices


def test_lines_survive_strings_and_lists_over_several_lines() -> None:
    text = 'a = """\n[not.a.table]\nb = 1\n"""\nc = [\n  "[x]",  # ]\n  2,\n]\n[[t]]\nd = 1\n[[t]]\nd = 2\n[t.inner]\ne = 3\n'
    assert lines_of(text) == {
        ("a",): 1,
        ("c",): 5,
        ("t", 0): 9,
        ("t", 0, "d"): 10,
        ("t", 1): 11,
        ("t", 1, "d"): 12,
        ("t", 1, "inner"): 13,
        ("t", 1, "inner", "e"): 14,
    }
    assert line_of(text, ("t", 1, "missing")) == 11
    assert line_of(text, ("nothing",)) is None


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with pytest.raises(ProtocolError):
        read_protocol(text)
