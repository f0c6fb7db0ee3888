"""Meta-regression of R's metafor: factors, interactions, intervals, predictions and tests of hypotheses."""

import re

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from parity.univariate import (
    AT_THEIRS,
    SEARCHED,
    at_theirs,
    compare_error_at_theirs,
    compare_fit,
    compare_likelihood,
    compare_moderators,
    compare_tau2,
    find_tolerance,
    fit_case,
    read_data,
)
from synovia.diagnosis import vif
from synovia.kernel import Range, wald
from synovia.synthesis import Inapplicable, Wald, explained, meta

# uncentred years, and products of them, cost the normal equations of R up to eight digits
CENTRED = 1e-7


def check(case: Case) -> None:
    """One case."""
    if case.id == "rma_hk_trunc_predict_new":
        check_new_rows(case)
    elif case.id.startswith("anova_"):
        HYPOTHESES[case.id](case)
    else:
        KINDS.get(case.id.split("_")[1], check_fit)(case)


def check_fit(case: Case) -> None:
    """At R's tau2, then end to end."""
    fit = at_theirs(case)
    compare_fit(fit, case.results, CENTRED)
    compare_moderators(fit, case.results, CENTRED)
    compare_error_at_theirs(fit, case)
    fit = fit_case(case)
    tolerance = max(CENTRED, find_tolerance(case))
    compare_tau2(fit, case)
    compare_likelihood(fit, case)
    compare_fit(fit, case.results, tolerance)
    compare_moderators(fit, case.results, tolerance)
    compare_explained(case)


def compare_explained(case: Case) -> None:
    """R2, in percent."""
    found, theirs = explained(fit_case(case)), case.results.get("R2")
    if theirs is None or isinstance(found, Inapplicable):
        assert not theirs
        return
    # two searched tau2, divided and subtracted from 1
    assert found == pytest.approx(theirs, rel=SEARCHED, abs=100 * SEARCHED)


def check_prediction(case: Case) -> None:
    """Means of all rows, with both intervals."""
    found = fit_case(case).predict(kind="own")
    names = {
        "estimate": "pred", "std_error": "se", "lower": "ci.lb", "upper": "ci.ub",
        "prediction_lower": "pi.lb", "prediction_upper": "pi.ub",
    }  # fmt: skip
    for ours, name in names.items():
        assert found[ours].to_numpy() == pytest.approx(case.results[name], rel=SEARCHED, abs=1e-6), name


def check_interval(case: Case) -> None:
    """Q-profile limits of tau2 and t limits of the coefficients."""
    fit = fit_case(case)
    found = fit.heterogeneity_interval()
    assert not isinstance(found, Inapplicable)
    assert isinstance(found.limits, Range)
    theirs = np.array(case.results["random"]["data"], dtype=float)
    assert [found.limits.lower, found.limits.upper] == pytest.approx(theirs[0, 1:], rel=CENTRED, abs=1e-9)
    fixed = np.array(case.results["fixed"]["data"])
    ours = fit.tidy()[["estimate", "lower", "upper"]].to_numpy()
    assert ours == pytest.approx(fixed, rel=SEARCHED, abs=SEARCHED * np.abs(fixed).max())


def check_inflation(case: Case) -> None:
    """Variance inflation factors of the coefficients."""
    found = vif(fit_case(case)).tidy()
    for name in ("vif", "sif"):
        assert found[name].to_numpy() == pytest.approx(list(case.results[name].values()), rel=SEARCHED)


def check_new_rows(case: Case) -> None:
    """Means at new moderators, as ratios."""
    new = pd.DataFrame({"ablat": [13, 33, 55], "year": [1950, 1960, 1970]})
    found = meta(read_data(case), "estimate ~ ablat + year").predict(new, kind="own")
    names = {
        "estimate": "pred", "lower": "ci.lb", "upper": "ci.ub",
        "prediction_lower": "pi.lb", "prediction_upper": "pi.ub",
    }  # fmt: skip
    for ours, name in names.items():
        assert np.exp(found[ours].to_numpy()) == pytest.approx(case.results[name], rel=SEARCHED), name


def check_some_coefficients(case: Case) -> None:
    """Joint test of the two contrasts of a factor."""
    fit = fit_case(case)
    found = wald(fit.point.beta, fit.inference, np.eye(4)[1:3])
    assert isinstance(found, Wald)
    assert found.statistic == pytest.approx(case.results["QM"], rel=SEARCHED)
    assert found.p_value == pytest.approx(case.results["QMp"], rel=SEARCHED)


def check_contrast(case: Case) -> None:
    """One contrast of two levels."""
    fit = fit_case(case)
    contrast = np.array([[0.0, 1.0, -1.0, 0.0]])
    error = np.sqrt((contrast @ fit.inference.cov @ contrast.T)[0, 0])
    assert contrast @ fit.point.beta == pytest.approx(case.results["Xb"], rel=SEARCHED)
    assert [error] == pytest.approx(case.results["se"], rel=SEARCHED)
    found = wald(fit.point.beta, fit.inference, contrast)
    assert isinstance(found, Wald)
    assert found.statistic == pytest.approx(case.results["QM"], rel=SEARCHED)
    assert found.p_value == pytest.approx(case.results["QMp"], rel=SEARCHED)


def check_likelihood_ratio(case: Case) -> None:
    """Two nested models by maximum likelihood."""
    models = re.findall(r"mods = ~ ([^,]+)", case.call)
    full, reduced = (
        meta(read_data(case), f"estimate ~ {right}", tau2="ML", inference="z") for right in (*models, "1")
    )
    theirs = case.results
    assert 2 * (full.point.log_ml - reduced.point.log_ml) == pytest.approx(theirs["LRT"], rel=SEARCHED)
    for fit, mark in ((full, "f"), (reduced, "r")):
        assert fit.point.log_ml == pytest.approx(theirs[f"fs.{mark}"]["ll"], rel=AT_THEIRS)
        assert fit.glance()["q"][0] == pytest.approx(theirs[f"QE.{mark}"], rel=AT_THEIRS)
        assert fit.tau2 == pytest.approx(theirs[f"tau2.{mark}"], rel=SEARCHED)
    assert explained(full) == pytest.approx(theirs["R2"], rel=SEARCHED)


KINDS = {"predict": check_prediction, "confint": check_interval, "vif": check_inflation}
HYPOTHESES = {
    "anova_btt_bcg": check_some_coefficients,
    "anova_X_bcg": check_contrast,
    "anova_LRT_ML_bcg": check_likelihood_ratio,
}
