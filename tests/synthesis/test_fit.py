from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synovia.synthesis import meta

ARMS = pd.DataFrame(
    {
        "effect_id": ["a:1:0", "a:2:0", "b:1:0", "c:1:0"],
        "study_id": ["a", "a", "b", "c"],
        "label": ["A high", "A low", "B", "C"],
        "arm_id": ["high", "low", "1", "1"],
        "comparator_id": ["0", "0", "0", "0"],
        "estimate": [-8.0, -3.0, -10.0, -1.0],
        "variance": [6.0, 5.0, 8.0, 4.0],
        "n": [20.0, 22.0, 30.0, 41.0],
        "n_comparator": [21.0, 21.0, 28.0, 40.0],
    }
)
SHARED = np.diag(ARMS["variance"].to_numpy())
SHARED[0, 1] = SHARED[1, 0] = 2.5

TIDY = [
    "term",
    "estimate",
    "std_error",
    "statistic",
    "df",
    "p_value",
    "lower",
    "upper",
    "level",
    "interval",
    "method",
]
GLANCE = [
    "status", "k", "effects", "n", "tau2", "tau2_lower", "tau2_upper", "tau", "i2", "h2", "q", "q_df", "q_p_value",
    "log_lik", "method", "converged", "at_boundary", "warnings", "inapplicable",
]  # fmt: skip


def test_columns_are_fixed() -> None:
    for fit in (meta(ARMS, covariance=SHARED), meta(ARMS.iloc[[2]]), meta(ARMS, random=None)):
        assert fit.tidy().columns.tolist() == TIDY
        assert fit.glance().columns.tolist() == GLANCE
        assert len(fit.glance()) == 1


def test_studies_effects_and_people_are_counted_apart() -> None:
    shared = meta(ARMS, covariance=SHARED).glance().iloc[0]
    assert (shared["k"], shared["effects"]) == (3, 4)
    # 20 + 22 + 30 + 41 treated, 21 + 28 + 40 controls: the shared arm once
    assert shared["n"] == 202
    split = meta(ARMS.assign(n_comparator=[10.5, 10.5, 28.0, 40.0])).glance().iloc[0]
    assert split["n"] == 202
    assert np.isnan(meta(ARMS.drop(columns="n")).glance()["n"][0])


def test_augment_carries_the_table_and_adds_the_fit() -> None:
    fit = meta(ARMS, covariance=SHARED, level=0.9)
    rows = fit.augment()
    assert rows["label"].tolist() == ARMS["label"].tolist()
    assert rows["weight"].sum() == pytest.approx(100, rel=1e-12)
    assert rows["leverage"].sum() == pytest.approx(1, rel=1e-12)
    assert (rows["fitted"] + rows["residual"]).to_numpy() == pytest.approx(ARMS["estimate"].to_numpy())
    # 1.644854, the 95th percentile of the normal
    half = 1.644854 * np.sqrt(ARMS["variance"])
    assert (rows["upper"] - rows["estimate"]).to_numpy() == pytest.approx(half.to_numpy(), rel=1e-6)


def test_augment_keeps_dropped_rows_blank() -> None:
    rows = meta(ARMS.assign(estimate=[np.nan, -3.0, -10.0, -1.0])).augment()
    assert rows["dropped"].tolist() == [True, False, False, False]
    assert rows.loc[0, ["estimate", "weight", "fitted"]].isna().all()
    assert rows.loc[0, "label"] == "A high"


def test_the_table_given_is_not_changed() -> None:
    before = ARMS.copy()
    meta(ARMS, covariance=SHARED).augment()
    pd.testing.assert_frame_equal(ARMS, before)


def test_prediction_interval_by_hand() -> None:
    data = ARMS.iloc[1:].assign(estimate=[-3.0, -14.0, 6.0])
    fit = meta(data)
    row = fit.predict().iloc[0]
    half = stats.t(1).ppf(0.975) * np.sqrt(fit.point.psi[0] + fit.point.cov[0, 0])
    assert row["prediction_upper"] - row["estimate"] == pytest.approx(half, rel=1e-9)
    assert row["prediction_method"] == "Higgins, Thompson & Spiegelhalter 2009: t with 1 df"


def test_prediction_at_another_level_is_narrower() -> None:
    fit = meta(ARMS, covariance=SHARED)
    wide, narrow = fit.predict().iloc[0], fit.predict(level=0.5).iloc[0]
    assert wide["lower"] < narrow["lower"] < narrow["upper"] < wide["upper"]
    assert wide["prediction_lower"] < narrow["prediction_lower"]


@pytest.mark.parametrize(
    ("rows", "settings", "reason"),
    [
        ([2], {}, "one study has no between-study variance"),
        ([2, 3], {}, "needs 3 independent studies; there are 2"),
        ([0, 2, 3], {"random": None}, "a common-effect model has no between-study variance"),
    ],
)
def test_no_prediction_interval_is_a_sentence(rows: list[int], settings: dict[str, Any], reason: str) -> None:
    row = meta(ARMS.iloc[rows], **settings).predict().iloc[0]
    assert np.isnan(row["prediction_lower"])
    assert reason in row["prediction_method"]


def test_likelihood_shown_is_the_one_maximised() -> None:
    restricted, full = meta(ARMS, covariance=SHARED), meta(ARMS, covariance=SHARED, tau2="ML")
    assert restricted.glance()["log_lik"][0] == restricted.point.log_reml
    assert full.glance()["log_lik"][0] == full.point.log_ml


def test_same_input_same_text() -> None:
    first, second = (meta(ARMS, covariance=SHARED) for _ in range(2))
    assert str(first) == str(second)
    assert first._repr_html_() == second._repr_html_()
    assert "0x" not in str(first)
