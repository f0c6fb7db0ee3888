"""The bivariate model of diagnostic accuracy: identities and messages."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

import synovia as sv
from synovia.errors import SynthesisError
from synovia.synthesis import accuracy_ratio, describe_accuracy

STUDIES = pd.DataFrame(
    {
        "TP": [47, 126, 19, 36, 130, 84, 40],
        "FN": [9, 51, 10, 3, 19, 2, 11],
        "FP": [101, 272, 12, 78, 211, 68, 31],
        "TN": [738, 1543, 192, 276, 959, 89, 120],
    }
)


def test_exchanged_results_exchange_sensitivity_and_false_positive_rate() -> None:
    one = sv.diagnostic_accuracy(STUDIES)
    other = sv.diagnostic_accuracy(STUDIES, tp="FP", fn="TN", fp="TP", tn="FN")
    assert other.fit.point.beta == pytest.approx(one.fit.point.beta[::-1], rel=1e-6)
    assert other.covariance == pytest.approx(one.covariance[::-1, ::-1], rel=1e-4)


def test_curve_passes_the_summary_point_and_is_the_hierarchical_one() -> None:
    found = sv.diagnostic_accuracy(STUDIES)
    sensitivity, rate = expit(found.fit.point.beta)
    assert found.sroc(rate) == pytest.approx(sensitivity)
    h, grid = found.hsroc(), np.array([0.05, 0.2, 0.6])
    curve = expit(h["accuracy"] * np.exp(-h["shape"] / 2) + np.exp(-h["shape"]) * logit(grid))
    assert found.sroc(grid) == pytest.approx(curve, rel=1e-12)
    G = found.covariance
    assert 4 * h["threshold_variance"] + h["accuracy_variance"] == pytest.approx(
        4 * np.sqrt(G[0, 0] * G[1, 1])
    )


def test_areas_add_up() -> None:
    found = sv.diagnostic_accuracy(STUDIES)
    parts = 0.3 * found.auc(0, 0.3) + 0.7 * found.auc(0.3, 1)
    assert found.auc() == pytest.approx(parts, rel=1e-9)
    assert 0.5 < found.partial_auc() < 1
    with pytest.raises(SynthesisError, match="wanted 0 <= low < high <= 1"):
        found.auc(0.5, 0.2)


def test_regions_hold_their_level() -> None:
    found = sv.diagnostic_accuracy(STUDIES)
    inner, outer = found.region(), found.region("prediction")
    for name in inner.columns:
        assert outer[name].min() < inner[name].min()
        assert outer[name].max() > inner[name].max()
    points = logit(inner[["sensitivity", "false_positive_rate"]].to_numpy()) - found.fit.point.beta
    distance = (points @ np.linalg.inv(found.fit.inference.cov) * points).sum(axis=1)
    assert distance == pytest.approx(5.991464547107979)
    with pytest.raises(SynthesisError, match="wanted 'confidence' or 'prediction'"):
        found.region("tolerance")  # type: ignore[arg-type]


def test_specificity_is_the_rest_of_the_false_positive_rate() -> None:
    tidy = sv.diagnostic_accuracy(STUDIES).tidy().set_index("measure")
    assert tidy.estimate["specificity"] == pytest.approx(1 - tidy.estimate["false positive rate"])
    assert tidy.lower["specificity"] == pytest.approx(1 - tidy.upper["false positive rate"])


def test_ratios_multiply_to_the_odds_ratio() -> None:
    table = describe_accuracy(STUDIES)
    assert table.dor.to_numpy() == pytest.approx((table.positive_lr / table.negative_lr).to_numpy())
    fits = [accuracy_ratio(STUDIES, measure) for measure in ("DOR", "posLR", "negLR")]
    assert fits[0].problem.y == pytest.approx(fits[1].problem.y - fits[2].problem.y)


def test_zero_cells_are_corrected_or_refused() -> None:
    table = STUDIES.assign(FN=[0, *STUDIES.FN[1:]])
    assert sv.diagnostic_accuracy(table).fit.problem.n == 14
    with pytest.raises(SynthesisError, match="row 1 has a zero cell"):
        sv.diagnostic_accuracy(table, to="none")
    with pytest.raises(SynthesisError, match="Found 2 studies"):
        sv.diagnostic_accuracy(STUDIES.head(2))
    with pytest.raises(SynthesisError, match="row 2 has diseased participants 0"):
        sv.diagnostic_accuracy(STUDIES.assign(TP=[1, 0, 1, 1, 1, 1, 1], FN=[1, 0, 1, 1, 1, 1, 1]))
