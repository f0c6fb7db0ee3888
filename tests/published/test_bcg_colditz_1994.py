"""BCG vaccine against tuberculosis: 13 trials, log risk ratio.

Colditz et al. (1994), JAMA 271, 698-702; Berkey et al. (1995), Statistics in Medicine 14, 395-411, for the
latitude. The reference numbers are those that R's metafor documents and tests with the same data: tau2
0.313243, estimate -0.714532, se 0.1798; with latitude tau2 0.0763, 0.2515, -0.0291; QE 152.233.
"""

import numpy as np
import pandas as pd
import pytest

from synovia.examples import example
from synovia.synthesis import meta, subgroups

PRINTED = 5e-5  # half of the last digit printed


@pytest.fixture
def trials() -> pd.DataFrame:
    table = example("bcg").data
    treated, control = table["events_treatment"], table["events_comparator"]
    n_treatment, n_comparator = table["n_treatment"], table["n_comparator"]
    table["estimate"] = np.log((treated / n_treatment) / (control / n_comparator))
    table["variance"] = 1 / treated - 1 / n_treatment + 1 / control - 1 / n_comparator
    return table


def test_reml_mean_and_tau2(trials: pd.DataFrame) -> None:
    fit = meta(trials, inference="z")
    row = fit.tidy().iloc[0]
    assert fit.tau2 == pytest.approx(0.313243, abs=5e-7)
    assert row["estimate"] == pytest.approx(-0.714532, abs=5e-7)
    assert row["std_error"] == pytest.approx(0.1798, abs=PRINTED)


def test_q_total(trials: pd.DataFrame) -> None:
    assert meta(trials).glance()["q"][0] == pytest.approx(152.233, abs=5e-4)


def test_latitude_explains_most_of_tau2(trials: pd.DataFrame) -> None:
    fit = meta(trials, "estimate ~ latitude")
    assert fit.tau2 == pytest.approx(0.076348, abs=5e-7)
    assert fit.point.beta == pytest.approx([0.2515, -0.0291], abs=PRINTED)


def test_q_within_as_one_design_is_the_sum_over_subgroups(trials: pd.DataFrame) -> None:
    together = subgroups(trials, "allocation", common_tau2=True)
    apart = subgroups(trials, "allocation", common_tau2=False)
    parts = [fit.glance()["q"][0] for fit in apart.fits]
    # one sum in two orders
    assert together.fits[0].glance()["q"][0] == pytest.approx(sum(parts), rel=1e-12)
