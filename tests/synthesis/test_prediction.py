from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synovia.errors import SynthesisError
from synovia.kernel.kenward_roger import kenward_roger
from synovia.synthesis import Inapplicable, meta
from synovia.synthesis.prediction import KINDS

TRIALS = pd.DataFrame(
    {
        "estimate": [-0.9, -1.6, -1.3, -1.4, -0.2, -0.8, 0.1],
        "variance": [0.33, 0.19, 0.42, 0.02, 0.05, 0.01, 0.04],
        "dose": [1.0, 4.0, 2.0, 4.0, 1.0, 2.0, 1.0],
        "team": list("aabbccd"),
    }
)
SAME = 1e-12


@pytest.mark.parametrize(
    ("kind", "df", "scaled"), [("HTS", 5, False), ("t", 6, False), ("HK", 6, True), ("HK-PR", 5, True)]
)
def test_kinds_with_t_by_hand(kind: str, df: int, scaled: bool) -> None:
    fit = meta(TRIALS)
    found: Any = fit.predict(kind=kind).iloc[0]
    variance = fit.point.cov[0, 0] * (fit.inference.factor if scaled else 1)
    half = stats.t(df).ppf(0.975) * np.sqrt(fit.tau2 + variance)
    assert found.prediction_upper - found.estimate == pytest.approx(half, rel=SAME)
    assert found.estimate - found.prediction_lower == pytest.approx(half, rel=SAME)
    assert found.prediction_method.endswith(f"t with {df} df")


def test_kinds_without_degrees_of_freedom_by_hand() -> None:
    fit: Any = meta(TRIALS)
    z = stats.norm.ppf(0.95)
    found: Any
    for kind, variance in (("normal", fit.tau2 + fit.point.cov[0, 0]), ("simple", fit.tau2)):
        found = fit.predict(kind=kind, level=0.9).iloc[0]
        assert found.prediction_upper - found.estimate == pytest.approx(z * np.sqrt(variance), rel=SAME)


def test_kenward_roger_by_hand() -> None:
    fit = meta(TRIALS)
    inference = kenward_roger(fit.problem, fit.point, restricted=True)
    df = inference.degrees(np.eye(1))[0]
    found: Any
    for kind, fewer in (("KR", 0), ("KR-PR", 1)):
        found = fit.predict(kind=kind).iloc[0]
        half = stats.t(df - fewer).ppf(0.975) * np.sqrt(fit.tau2 + inference.cov[0, 0])
        assert found.prediction_upper - found.estimate == pytest.approx(half, rel=SAME)


@pytest.mark.parametrize("inference", ["z", "t", "knapp-hartung"])
def test_the_fits_own_kind_follows_its_interval(inference: str) -> None:
    fit = meta(TRIALS, "estimate ~ dose", inference=inference)
    kind = {"z": "normal", "t": "t", "knapp-hartung": "HK"}[inference]
    columns = ["prediction_lower", "prediction_upper"]
    assert fit.predict(kind="own")[columns].to_numpy() == pytest.approx(
        fit.predict(kind=kind)[columns].to_numpy()
    )


def test_the_bootstrap_is_repeatable_and_wider_than_the_normal_kind() -> None:
    fit = meta(TRIALS)
    one: Any
    again: Any
    one, again = fit.predict(kind="bootstrap").iloc[0], fit.predict(kind="bootstrap", seed=1).iloc[0]
    other: Any = fit.predict(kind="bootstrap", seed=2).iloc[0]
    assert one.prediction_lower == again.prediction_lower
    width = one.prediction_upper - one.prediction_lower
    assert other.prediction_lower == pytest.approx(one.prediction_lower, abs=0.05 * width)
    normal: Any = fit.predict(kind="normal").iloc[0]
    assert width > normal.prediction_upper - normal.prediction_lower
    assert "25000 draws, seed 1" in one.prediction_method


def test_every_kind_is_wider_at_a_higher_level_and_named() -> None:
    fit = meta(TRIALS)
    low: Any
    high: Any
    for kind in KINDS:
        low, high = (fit.predict(kind=kind, level=level).iloc[0] for level in (0.8, 0.95))
        assert high.prediction_lower < low.prediction_lower < low.prediction_upper < high.prediction_upper
        assert KINDS[kind].source.split(",")[0] in low.prediction_method


def test_a_regression_has_intervals_at_its_moderators() -> None:
    fit = meta(TRIALS, "estimate ~ dose")
    new = pd.DataFrame({"dose": [0.0, 2.0, 8.0]})
    for kind in ("HTS", "HK", "KR"):
        found = fit.predict(new, kind=kind)
        width = (found.prediction_upper - found.prediction_lower).to_numpy()
        assert width[2] > width[1]
    with pytest.raises(SynthesisError, match="another kind, such as 'HTS'"):
        fit.predict(new, kind="bootstrap")


def test_effects_that_share_a_team_count_as_one() -> None:
    fit = meta(TRIALS, random="team")
    assert fit.predict(kind="HTS").prediction_method[0].endswith("t with 2 df")
    assert fit.predict(kind="t").prediction_method[0].endswith("t with 3 df")


def test_kinds_that_do_not_exist_and_intervals_that_do_not() -> None:
    with pytest.raises(SynthesisError, match=r"Found prediction kind 'PR'; wanted one of own, HTS, t"):
        meta(TRIALS).predict(kind="PR")
    two: Any = meta(TRIALS.iloc[:2]).predict(kind="HTS").iloc[0]
    assert np.isnan(two.prediction_lower)
    assert "needs 3 independent studies; there are 2" in two.prediction_method
    common: Any = meta(TRIALS, random=None).predict(kind="bootstrap").iloc[0]
    assert "common-effect model" in common.prediction_method


def test_intervals_of_heterogeneity_as_a_table() -> None:
    fit = meta(TRIALS)
    for method in ("Q-profile", "profile likelihood", "generalised Q", "Jackson", "Biggerstaff-Jackson"):
        found = fit.heterogeneity_interval(method)
        assert not isinstance(found, Inapplicable)
        table: Any = found.tidy().set_index("quantity")
        assert table.loc["tau2", "estimate"] == fit.tau2
        assert table.loc["tau", "upper"] ** 2 == pytest.approx(table.loc["tau2", "upper"], rel=SAME)
        assert table.loc["I2", "estimate"] == pytest.approx(fit.heterogeneity.i2, rel=SAME)
        h2 = table.loc["H2", "upper"]
        assert table.loc["I2", "upper"] == pytest.approx(100 * (1 - 1 / h2), rel=SAME)
        assert (table["method"] == method).all()


def test_intervals_of_heterogeneity_that_do_not_exist() -> None:
    with pytest.raises(SynthesisError, match="Found method 'Birge'; wanted one of Q-profile"):
        meta(TRIALS).heterogeneity_interval("Birge")
    none = meta(TRIALS, random=None).heterogeneity_interval()
    assert isinstance(none, Inapplicable)
    assert "common-effect" in str(none)
    nested = meta(TRIALS, random="team/effect").heterogeneity_interval("Jackson")
    assert isinstance(nested, Inapplicable)
