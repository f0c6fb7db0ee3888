"""Time courses of published trials, where their data stand beside the repository."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity.grid import BESIDE
from synovia.errors import SynthesisError
from synovia.synthesis.course import course_contrasts, time_course

ORAL = BESIDE.parent / "data" / "oa-oral" / "oa_oral_drug_pain_timecourse_pfizer.csv"
INJECTED = BESIDE.parent / "data" / "knee-oa" / "trials" / "ha_viscosupplement_timecourse_jansen2015.csv"

SIDES: dict[str, Any] = {"treatment": "treatment", "comparator": "comparator", "arm": "arm"}


@pytest.mark.skipif(
    not ORAL.is_file(), reason="the oral trials stand beside the repository, which is not here"
)
def test_oral_drugs_against_placebo() -> None:
    table = pd.read_csv(ORAL).dropna(subset=["y", "se"])
    table["variance"] = table["se"] ** 2
    first = table[table["time"] == 0].drop_duplicates(["studyID", "arm"]).set_index(["studyID", "arm"])["y"]
    later = table[table["time"] > 0].join(first.rename("start"), on=["studyID", "arm"])
    later["change"] = later["y"] - later["start"]
    later["drug"] = later["treatment"].str.partition("_")[0]
    later = later.dropna(subset=["change"])
    arms = later.rename(columns={"studyID": "study", "change": "estimate"})
    compared = course_contrasts(arms, treatment="drug", arm="arm", comparators=["Pl"])
    kept = compared[(compared["comparator"] == "Pl") & compared["treatment"].isin(["Ce", "Na"])]
    kept = kept[kept["time"] <= 13]
    # against placebo the drugs act within the first week or two, so that no half of a plateau is seen
    with pytest.raises(SynthesisError, match="reached before the first time"):
        time_course(kept, basis="emax", **SIDES)
    course = time_course(kept, basis="piecewise(2, 6, 13)", random="CS", **SIDES)
    weeks = course.predict([2.0, 6.0, 12.0], treatment="Ce")
    assert (weeks["upper"] < 0).all()  # celecoxib relieves pain
    assert course.treatments == ("Ce", "Na")
    assert course.fit.convergence.converged


@pytest.mark.skipif(
    not INJECTED.is_file(), reason="the injections stand beside the repository, which is not here"
)
def test_hyaluronic_acid_near_week_12_is_the_hand_check() -> None:
    table = pd.read_csv(INJECTED)
    table["variance"] = table["se"] ** 2
    table["given"] = np.where(table["treatment_corrected"] == "placebo", "placebo", "ha")
    arms = table.rename(columns={"studyID": "study", "y": "estimate", "treatment_corrected": "arm"})
    compared = course_contrasts(arms, treatment="given", arm="arm", comparators=["placebo"])
    kept = compared[compared["comparator"] == "placebo"]
    course = time_course(kept, basis="piecewise(4, 12, 26, 52)", random="CS", **SIDES)
    at12 = course.predict([12.0]).iloc[0]
    # near week 12 alone DerSimonian-Laird gives -11.4 (-17.0 to -5.8); a course borrows from other weeks
    assert -17.0 < at12["estimate"] < -5.8
    assert at12["upper"] < 0
    assert "One study alone tells ha at 52." in course.warnings
    widths = course.sensitivity([0.0, 0.5, 0.9], times=[12.0])
    assert (widths["upper"] < 0).all()
