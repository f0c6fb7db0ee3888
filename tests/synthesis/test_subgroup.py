import numpy as np
import pandas as pd
import pytest

from synovia.errors import SynthesisError, TooFewStudies
from synovia.synthesis import Inapplicable, Wald, meta, subgroups


@pytest.fixture
def trials() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    return pd.DataFrame(
        {
            "study_id": [f"s{i}" for i in range(9)],
            "estimate": rng.normal(size=9) + np.repeat([0.0, 1.0, 2.0], 3),
            "variance": rng.uniform(0.05, 0.4, 9),
            "source": np.repeat(["bone", "cord", "fat"], 3),
        }
    )


def test_a_tau2_each_is_a_synthesis_each(trials: pd.DataFrame) -> None:
    rows = subgroups(trials, "source", common_tau2=False, tau2="DL").tidy()
    alone = meta(trials[trials["source"] == "cord"], tau2="DL")
    row = rows[rows["subgroup"] == "cord"].iloc[0]
    shown = ["estimate", "std_error", "lower", "upper", "p_value"]
    assert row[shown].tolist() == alone.tidy().iloc[0][shown].tolist()
    assert row["prediction_lower"] == alone.predict()["prediction_lower"][0]
    assert rows["k"].tolist() == [3, 3, 3]


def test_one_tau2_is_a_regression_on_the_levels(trials: pd.DataFrame) -> None:
    together = subgroups(trials, "source")
    regression = meta(trials, "estimate ~ source")
    test, moderators = together.test(), regression.test_moderators()
    assert isinstance(test, Wald)
    assert isinstance(moderators, Wald)
    assert test.statistic == pytest.approx(moderators.statistic, rel=1e-7)
    assert together.tidy()["tau2"].tolist() == pytest.approx([regression.tau2] * 3, rel=1e-7)
    assert together.fits[0].point.log_reml == pytest.approx(
        # the levels as dummies or as differences: ½ log|X'X| makes the two the same likelihood
        regression.point.log_reml, rel=1e-9
    )  # fmt: skip


def test_q_between_by_hand(trials: pd.DataFrame) -> None:
    apart = subgroups(trials, "source", common_tau2=False, inference="z")
    rows, test = apart.tidy(), apart.test()
    w = 1 / rows["std_error"] ** 2
    mean = (w * rows["estimate"]).sum() / w.sum()
    assert isinstance(test, Wald)
    assert test.statistic == pytest.approx((w * (rows["estimate"] - mean) ** 2).sum(), rel=1e-11)
    assert test.df == 2


def test_a_level_with_one_study_is_shown_and_left_out_of_the_test(trials: pd.DataFrame) -> None:
    data = trials.iloc[:7]
    apart = subgroups(data, "source", common_tau2=False)
    rows, test = apart.tidy(), apart.test()
    assert rows["status"].tolist() == ["pooled", "pooled", "single study"]
    assert rows["estimate"][2] == data["estimate"][6]
    assert np.isnan(rows["prediction_lower"][2])
    assert isinstance(test, Wald)
    assert test.df == 1
    assert "nothing was pooled" in " ".join(apart.warnings)


def test_a_level_with_one_study_borrows_a_common_tau2_and_says_so(trials: pd.DataFrame) -> None:
    together = subgroups(trials.iloc[:7], "source")
    row = together.tidy().iloc[2]
    fit = together.fits[0]
    assert row["status"] == "single study"
    assert "Subgroup fat of source has a single effect" in " ".join(together.warnings)
    expected = (trials["variance"][6] + fit.point.psi[0]) * fit.inference.factor
    assert row["std_error"] ** 2 == pytest.approx(expected, rel=1e-10)


def test_too_few_levels_to_compare(trials: pd.DataFrame) -> None:
    assert isinstance(subgroups(trials.iloc[:4], "source", common_tau2=False).test(), Inapplicable)
    assert isinstance(subgroups(trials.iloc[:3], "source").test(), Inapplicable)


def test_every_level_a_single_effect(trials: pd.DataFrame) -> None:
    with pytest.raises(TooFewStudies, match="Every level of study_id has a single effect"):
        subgroups(trials, "study_id")


def test_rows_without_a_level_are_dropped_and_named(trials: pd.DataFrame) -> None:
    trials.loc[4, "source"] = ""
    for common in (True, False):
        found = subgroups(trials, "source", common_tau2=common)
        assert "1 of 9 effects was dropped: s4 (no source)." in found.warnings
        assert found.tidy()["k"].tolist() == [3, 2, 3]


def test_covariance_is_cut_to_each_level(trials: pd.DataFrame) -> None:
    covariance = np.diag(trials["variance"])
    covariance[3, 5] = covariance[5, 3] = covariance[2, 8] = covariance[8, 2] = 0.01
    apart = subgroups(trials, "source", common_tau2=False, covariance=covariance, inference="z")
    alone = meta(trials.iloc[3:6], covariance=covariance[3:6, 3:6], inference="z")
    assert apart.fits[1].point.beta == pytest.approx(alone.point.beta, rel=1e-12)
    assert [fit.problem.blocks for fit in apart.fits] == [3, 2, 3]
    assert subgroups(trials, "source", covariance=covariance).fits[0].problem.blocks == 7


def test_no_such_column(trials: pd.DataFrame) -> None:
    with pytest.raises(SynthesisError, match="no column 'dose'"):
        subgroups(trials, "dose")


@pytest.mark.parametrize("inference", ["z", "knapp-hartung"])
def test_levels_that_share_comparators_are_compared_with_their_covariance(inference: str) -> None:
    rng = np.random.default_rng(12)
    k = 6
    source = np.tile(["bone", "cord"], k)
    V = np.kron(np.eye(k), [[0.2, 0.12], [0.12, 0.3]])
    data = pd.DataFrame({"estimate": rng.normal(size=2 * k), "variance": np.diag(V), "source": source})
    apart = subgroups(data, "source", common_tau2=False, covariance=V, tau2=0.4, inference=inference)
    test, rows = apart.test(), apart.tidy()
    assert isinstance(test, Wald)
    assert apart.correlation is not None
    # by hand: both means are averages over the trials, as variances and tau2 are alike within each
    r = (0.12 / k) / np.sqrt((0.2 + 0.4) / k * (0.3 + 0.4) / k)
    assert apart.correlation[0, 1] == pytest.approx(r, rel=1e-12)
    a, b = rows["std_error"]
    gap = rows["estimate"][1] - rows["estimate"][0]
    assert test.statistic == pytest.approx(gap**2 / (a**2 + b**2 - 2 * r * a * b), rel=1e-12)
    apart_again = subgroups(
        data, "source", common_tau2=False, covariance=np.diag(np.diag(V)), tau2=0.4, inference=inference
    )
    assert apart_again.correlation is None


def test_the_test_of_levels_has_the_whole_covariance_of_their_means() -> None:
    rng = np.random.default_rng(3)
    sizes = (2, 3, 2, 4, 3, 2, 3)
    n = sum(sizes)
    study = np.repeat(np.arange(len(sizes)), sizes)
    root = rng.uniform(0.2, 0.6, n)
    V = np.where(study[:, None] == study[None, :], 0.5, 0.0) * np.outer(root, root)
    V[np.diag_indices(n)] = root**2
    source = rng.choice(["bone", "cord", "fat"], n)
    data = pd.DataFrame({"estimate": rng.normal(size=n), "variance": root**2, "source": source})
    apart = subgroups(data, "source", common_tau2=False, covariance=V, inference="z")
    test = apart.test()
    # the means of the levels as they are, and their whole covariance from H Omega H'
    H, omega = np.zeros((3, n)), V.copy()
    for place, (level, fit) in enumerate(zip(apart.levels, apart.fits, strict=True)):
        rows = np.flatnonzero(source == level)
        omega[rows, rows] += fit.point.psi[0]
        precision = np.linalg.inv(omega[np.ix_(rows, rows)])
        H[place, rows] = precision.sum(axis=0) / precision.sum()
    mean, cov = H @ data["estimate"].to_numpy(), H @ omega @ H.T
    L = np.array([[-1.0, 1, 0], [-1, 0, 1]])
    expected = (L @ mean) @ np.linalg.solve(L @ cov @ L.T, L @ mean)
    assert isinstance(test, Wald)
    assert test.statistic == pytest.approx(expected, rel=1e-10)
