import numpy as np
import pandas as pd
import pytest

from synovia.errors import CollinearModerators, SynthesisError, TooFewStudies
from synovia.synthesis import Wald, meta
from synovia.synthesis.regression import read_formula


@pytest.fixture
def trials() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 12
    return pd.DataFrame(
        {
            "label": [f"trial {i}" for i in range(n)],
            "estimate": rng.normal(size=n),
            "variance": rng.uniform(0.05, 0.4, n),
            "dose": rng.uniform(1, 5, n),
            "source": np.resize(["bone", "fat", "cord"], n),
            "blinded": np.resize(["yes", "no"], n),
        }
    )


def test_columns_are_named_as_a_reader_would(trials: pd.DataFrame) -> None:
    fit = meta(trials, "estimate ~ dose + source")
    assert fit.tidy()["term"].tolist() == ["Intercept", "dose", "source[T.cord]", "source[T.fat]"]


def test_interaction_is_the_product(trials: pd.DataFrame) -> None:
    fit = meta(trials, "estimate ~ dose * blinded")
    product = trials["dose"] * (trials["blinded"] == "yes")
    assert fit.problem.X[:, 3] == pytest.approx(product.to_numpy())


def test_least_squares_by_hand_at_a_given_tau2(trials: pd.DataFrame) -> None:
    fit = meta(trials, "estimate ~ dose", tau2=0.3, inference="z")
    W = np.diag(1 / (trials["variance"] + 0.3))
    X = np.column_stack([np.ones(12), trials["dose"]])
    cov = np.linalg.inv(X.T @ W @ X)
    assert fit.point.beta == pytest.approx(cov @ X.T @ W @ trials["estimate"].to_numpy(), rel=1e-11)
    assert fit.tidy()["std_error"].to_numpy() == pytest.approx(np.sqrt(np.diag(cov)), rel=1e-11)


def test_moderators_together(trials: pd.DataFrame) -> None:
    found = meta(trials, "estimate ~ dose").test_moderators()
    row = meta(trials, "estimate ~ dose").tidy().iloc[1]
    assert isinstance(found, Wald)
    assert found.statistic == pytest.approx(row["statistic"] ** 2, rel=1e-10)
    assert found.p_value == pytest.approx(row["p_value"], rel=1e-9)


def test_another_column_of_estimates(trials: pd.DataFrame) -> None:
    renamed = trials.rename(columns={"estimate": "log ratio", "variance": "v"})
    fit = meta(renamed, "`log ratio` ~ dose", variance="v")
    assert fit.point.beta == pytest.approx(meta(trials, "estimate ~ dose").point.beta)


def test_prediction_keeps_levels_and_transformations(trials: pd.DataFrame) -> None:
    fit = meta(trials, "estimate ~ center(dose) + source")
    here = fit.predict(trials.iloc[[4]])
    assert here["estimate"][0] == pytest.approx(fit.predict()["estimate"][4], rel=1e-12)
    assert here["estimate"][0] == pytest.approx(fit.augment()["fitted"][4], rel=1e-12)


def test_prediction_at_a_level_not_fitted(trials: pd.DataFrame) -> None:
    fit = meta(trials, "estimate ~ source")
    with pytest.raises(SynthesisError, match="'skin'"):
        fit.predict(pd.DataFrame({"source": ["skin"]}))
    with pytest.raises(SynthesisError, match="no column 'source'"):
        fit.predict(pd.DataFrame({"dose": [1.0]}))


def test_rows_without_a_moderator_are_dropped_and_named(trials: pd.DataFrame) -> None:
    trials.loc[2, "source"] = ""
    trials.loc[7, "dose"] = np.nan
    fit = meta(trials, "estimate ~ dose + source")
    assert fit.problem.n == 10
    assert "2 of 12 effects were dropped: trial 2 (no source); trial 7 (no dose)." in fit.warnings
    assert fit.predict(trials.iloc[[0]])["estimate"].notna().all()


def test_a_level_with_one_effect_is_named(trials: pd.DataFrame) -> None:
    trials.loc[3, "source"] = "skin"
    assert "Level skin of source has a single effect" in " ".join(meta(trials, "estimate ~ source").warnings)


def test_unused_categories_are_no_columns(trials: pd.DataFrame) -> None:
    trials["source"] = pd.Categorical(trials["source"], categories=["bone", "cord", "fat", "skin"])
    assert len(meta(trials, "estimate ~ source").names.coefficients) == 3


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("estimate ~ dose + I(3 * dose)", r"I\(3 \* dose\) follows from dose"),
        (
            "estimate ~ source + twin",
            r"twin\[T.b\] follows from Intercept and source\[T.cord\] and source\[T.fat\]",
        ),
        ("estimate ~ dose + zero", "zero is zero in every row"),
    ],
)
def test_collinear_moderators_are_named(trials: pd.DataFrame, formula: str, message: str) -> None:
    data = trials.assign(zero=0.0, twin=np.where(trials["source"] == "bone", "b", "a"))
    with pytest.raises(CollinearModerators, match=message):
        meta(data, formula)


def test_more_coefficients_than_effects(trials: pd.DataFrame) -> None:
    with pytest.raises(TooFewStudies, match=r"Found 3 effects for 4 coefficients \(Intercept, dose, source"):
        meta(trials.iloc[:3], "estimate ~ dose + source")
    with pytest.raises(TooFewStudies, match="wanted more effects"):
        meta(trials.iloc[:2], "estimate ~ dose")


def test_too_few_independent_studies_for_t(trials: pd.DataFrame) -> None:
    data = trials.assign(study=["a"] * 6 + ["b"] * 6)
    with pytest.raises(TooFewStudies, match="2 independent studies for 2 coefficients"):
        meta(data, "estimate ~ dose", random="study")


@pytest.mark.parametrize(
    "formula",
    [
        "estimate ~ I(__import__('os').getpid())",
        "estimate ~ dose.sum()",
        "estimate ~ I((lambda: 1)())",
        "estimate ~ I([d for d in dose])",
        "estimate ~ np.log(dose)",
        "estimate ~ open(dose)",
    ],
)
def test_a_formula_cannot_run_code(trials: pd.DataFrame, formula: str) -> None:
    with pytest.raises(SynthesisError, match=r"The formula contains|Cannot read formula"):
        meta(trials, formula)


def test_a_formula_cannot_see_the_program(trials: pd.DataFrame) -> None:
    secret = 1.0
    with pytest.raises(SynthesisError, match="no column 'secret'"):
        meta(trials, "estimate ~ secret")
    assert secret == 1.0


@pytest.mark.parametrize("formula", ["estimate", "~ dose", "estimate ~", "estimate ~ (dose", ""])
def test_formulas_that_cannot_be_read(trials: pd.DataFrame, formula: str) -> None:
    with pytest.raises(SynthesisError, match="ormula"):
        meta(trials, formula)


def test_a_moderator_that_cannot_be_evaluated(trials: pd.DataFrame) -> None:
    with pytest.raises(SynthesisError, match="Cannot evaluate the moderators"):
        meta(trials, "estimate ~ log(source)")
    with pytest.raises(SynthesisError, match=r"Cannot evaluate|missing or infinite"):
        meta(trials.assign(dose=0.0), "estimate ~ log(dose)")


def test_columns_needed_are_known_before_the_data() -> None:
    assert read_formula("y ~ dose * C(source) + log(age)").columns == ("age", "dose", "source")
    assert read_formula("y ~ center(dose) + bs(`body mass`, df=4)").columns == ("body mass", "dose")
    assert read_formula("y ~ 1").is_intercept
