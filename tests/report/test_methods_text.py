"""The methods section says what the protocol chose, and nothing else."""

from dataclasses import replace

import pytest

from synovia.report.methods_text import methods_text
from synthetic_report import content


def combined(**choices: str) -> str:
    """The part on how results were combined, for some choices of the model."""
    base = content()
    (section,) = (
        section
        for section in methods_text(replace(base, methods=replace(base.methods, **choices)))  # type: ignore[arg-type]
        if section.item == "13"
    )
    return " ".join(section.paragraphs)


def test_one_interval_everywhere() -> None:
    said = combined(random="study", inference="knapp-hartung")
    assert "from the variance of Knapp and Hartung and a t distribution. Where several arms" in said
    for absent in ("CR2", "degrees of freedom", "both variances", "three levels"):
        assert absent not in said


def test_three_levels_and_another_interval_for_dependent_effects() -> None:
    said = combined(random="study/effect", inference="knapp-hartung", dependent="CR2")
    assert "model with three levels" in said
    assert "both variances by restricted maximum likelihood" in said
    assert "the interval comes instead from the cluster-robust variance CR2, with studies as clusters" in said
    assert (
        "Where CR2 has fewer than 4 degrees of freedom, the wider of its interval and the first kind" in said
    )
    assert "expected, from the sum of both variances" in said


@pytest.mark.parametrize(
    ("kind", "name"), [("CR2", "CR2"), ("kenward-roger", "the method of Kenward and Roger")]
)
def test_an_interval_of_its_own_kind_everywhere(kind: str, name: str) -> None:
    said = combined(inference=kind)
    assert "several effects, they depend" not in said
    assert (
        f"Where {name} has fewer than 4 degrees of freedom, the wider of its interval and Knapp and Hartung's is "
        "given, and the result says so."
    ) in said
