"""Demands of a protocol that contradict each other are told with their line, before anything is computed."""

from importlib import resources

import pytest

from synovia.errors import ProtocolError
from synovia.review.reading import read_protocol

STARTER = resources.files("synovia.review").joinpath("starter.toml").read_text(encoding="utf-8")
VARIANT = """
[[variant]]
id = "wide"
label = "wide"
comparison = "ha-vs-saline"
outcome = "pain"
window = "3-months"
"""
SEARCH = """
[[search]]
id = "{0}"
kind = "database"
name = "PubMed"
query = "knee"
date = 2026-01-31
file = "searches/a.nbib"
"""
SECOND = """
[[outcome]]
id = "vs-saline-pain"
label = "other"

[[comparison]]
id = "ha"
label = "second"
treatment = ["ha"]
comparator = ["saline"]
outcomes = ["vs-saline-pain"]
windows = ["3-months"]
"""


def changed(old: str, new: str) -> str:
    assert old in STARTER
    return STARTER.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed('comparator = ["saline"]', 'comparator = ["ha"]'), "ha as treatment and as comparator"),
        (changed('treatment = ["ha"]', 'treatment = ["ha", "ha"]'), "ha twice in treatment"),
        (changed('outcomes = ["pain"]', 'outcomes = ["pain", "pain"]'), "pain twice in outcomes"),
        (changed('windows = ["3-months"]', 'windows = ["3-months", "3-months"]'), "3-months twice"),
        (STARTER + VARIANT.replace("wide", "primary"), "variant 'primary'"),
        (changed('tau2 = "REML"', 'tau2 = "DL"'), "tau2 'DL' with random 'study/effect', which has two variances"),
        (STARTER + VARIANT + 'tau2 = "PM"\n', "tau2 'PM' with random 'study/effect'"),
        (changed('"REML"', '"ML"').replace('"CR2"  ', '"kenward-roger"'), "'kenward-roger' with tau2 'ML'"),
        (
            STARTER + VARIANT + 'tau2 = "ML"\ninference = "kenward-roger"\n',
            "inference 'kenward-roger' with tau2 'ML'",
        ),
        (STARTER + VARIANT + "low = 20\nhigh = 10\n", "20 to 10 weeks around a target of 12"),
        (STARTER + VARIANT + "high = 10\n", "6 to 10 weeks around a target of 12"),
        (STARTER + SECOND, "the result ha-vs-saline-pain-3-months a second time"),
        (STARTER + SEARCH.format("a") + SEARCH.format("b"), "searches/a.nbib a second time, as in search 'a'"),
        (STARTER + SEARCH.format("a") + SEARCH.format("A").replace("a.nbib", "b.nbib"), "search 'A' a second"),
        (STARTER + SECOND.replace('"vs-saline-pain"]', '"pain"]') + VARIANT.replace('"pain"', '"vs-saline-pain"'),
         "outcome 'vs-saline-pain'; wanted one that comparison 'ha-vs-saline' asks for: pain"),
    ],
)  # fmt: skip
def test_a_contradiction_names_its_line(text: str, told: str) -> None:
    with pytest.raises(ProtocolError, match=r"review\.toml, line \d+: ") as caught:
        read_protocol(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed("high = 17", "high = inf"), "wanted a finite number"),
        (changed('treatment = ["ha"]', "treatment = []"), "wanted at least one"),
        (changed('measure = "MD"', 'measure = "MD"\ndesigns = []'), "model.designs = []; wanted at least one"),
        (STARTER + SEARCH.format("a").replace("2026-01-31", '"soon"'), "wanted a day, such as 2026-01-31"),
        (changed('label = "pain"', 'label = "\\u001b[2Jpain"'), "without the control character U+001B"),
        (changed("exclude = []", 'exclude = ["\\u0000"]'), "without the control character U+0000"),
        (STARTER + "\nx = " + "[" * 5000 + "]" * 5000, "brackets nested too deep to read"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_told_in_plain_words(text: str, told: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_protocol(text)
    assert told in str(caught.value)


def test_dashes_alone_are_no_contradiction() -> None:
    other = SECOND.replace('id = "ha"', 'id = "ha-vs"')
    assert [comparison.id for comparison in read_protocol(STARTER + other).comparison] == [
        "ha-vs-saline",
        "ha-vs",
    ]
