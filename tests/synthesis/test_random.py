"""Random effects in words and as objects, through ``meta``."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from synovia.errors import NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.kernel import Blocks, Diagonal, Inapplicable, Term
from synovia.synthesis import Fit, meta
from synovia.synthesis.random import Inner, Intercepts, Places, Slopes, read_random

SAME = 1e-6  # two routes to one maximum, each within 1e-8 of its standard error


def simulate_table(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    study = np.repeat([f"s{number:02}" for number in range(12)], 3)
    lab = np.array(["north", "south", "west"])[np.repeat(np.arange(12) % 3, 3)]
    v = rng.uniform(0.02, 0.1, 36)
    between = np.repeat(rng.normal(0, 0.4, 12), 3)
    return pd.DataFrame(
        {
            "study": study,
            "lab": lab,
            "outcome": np.tile(["function", "pain", "stiffness"], 12),
            "weeks": np.tile([4, 8, 16], 12),
            "dose": rng.uniform(0, 2, 36),
            "x": rng.uniform(0, 5, 36),
            "y": rng.uniform(0, 5, 36),
            "estimate": 0.3 + between + rng.normal(0, 0.2, 36) + rng.normal(size=36) * np.sqrt(v),
            "variance": v,
        }
    )


class TestWords:
    @pytest.mark.parametrize(
        ("words", "effects"),
        [
            ("effect", [Intercepts(("effect",))]),
            ("study", [Intercepts(("study",))]),
            ("study/effect", [Intercepts(("study",)), Intercepts(("study", "effect"))]),
            (
                "lab + study / effect",
                [Intercepts(("lab",)), Intercepts(("study",)), Intercepts(("study", "effect"))],
            ),
            ("UN(outcome | study)", [Inner("outcome", "study", "UN")]),
            ("exchangeable(outcome|study)", [Inner("outcome", "study", "CS")]),
            ("ar(weeks | study) + lab", [Inner("weeks", "study", "AR"), Intercepts(("lab",))]),
            ("UN(1 + dose | study)", [Slopes("1 + dose", "study", "UN")]),
            ("SPEXP(x + y)", [Places(("x", "y"), "", "SPEXP")]),
            ("spgau(x + y | lab)", [Places(("x", "y"), "lab", "SPGAU")]),
        ],
    )
    def test_are_read(self, words: str, effects: list[Any]) -> None:
        assert list(read_random(words)) == effects

    @pytest.mark.parametrize(
        "words", ["", "study/", "UN(outcome)", "what(outcome | study)", "a | b", "UN(x | y"]
    )
    def test_that_mean_nothing(self, words: str) -> None:
        with pytest.raises(SynthesisError, match="Cannot read random="):
            read_random(words)

    def test_known_needs_its_matrix(self) -> None:
        with pytest.raises(SynthesisError, match=r"give known=\{'species': matrix\}"):
            read_random("known(species)")

    def test_objects_that_are_none(self) -> None:
        with pytest.raises(SynthesisError, match="Found 3 among the random effects"):
            read_random([3])  # type: ignore[list-item]


class TestModels:
    def test_words_and_objects_are_one_model(self) -> None:
        data = simulate_table()
        words = meta(data, random="study/effect")
        objects = meta(data, random=[Intercepts(("study",)), Intercepts(("study", "effect"))])
        assert objects.point.psi == pytest.approx(words.point.psi)
        assert words.names.variances == ("tau2[study]", "tau2[study/effect]")
        assert words.tau2 == pytest.approx(float(words.point.psi.sum()))
        found = words.variances()
        assert found["levels"].tolist() == [12, 36]
        assert (found["std_error"] > 0).all()

    def test_a_study_is_found_by_its_id(self) -> None:
        data = simulate_table().rename(columns={"study": "study_id"})
        assert meta(data, random="study/effect").problem.blocks == 12

    def test_three_levels_are_exchangeable_outcomes(self) -> None:
        data = simulate_table()
        nested, exchangeable = meta(data, random="study/effect"), meta(data, random="CS(outcome | study)")
        total, rho = exchangeable.point.psi
        assert total == pytest.approx(nested.point.psi.sum(), rel=SAME)
        assert total * rho == pytest.approx(nested.point.psi[0], rel=1e-5)
        assert exchangeable.names.variances == ("tau2[outcome]", "rho[outcome]")

    def test_names_of_outcomes_are_in_the_variances(self) -> None:
        fit = meta(simulate_table(), "estimate ~ 0 + outcome", random="UN(outcome | study)")
        assert fit.names.variances == (
            "tau2[function]", "tau2[pain]", "tau2[stiffness]",
            "rho[function, pain]", "rho[function, stiffness]", "rho[pain, stiffness]",
        )  # fmt: skip
        assert isinstance(fit.tau2, Inapplicable)
        assert "see variances()" in str(fit.tau2)

    def test_whole_times_are_autoregressive_either_way(self) -> None:
        data = simulate_table(3)
        one, two = (meta(data, random=f"{kind}(weeks | study)") for kind in ("AR", "CAR"))
        assert two.point.log_reml == pytest.approx(one.point.log_reml, abs=1e-7)

    def test_random_slopes(self) -> None:
        fit = meta(simulate_table(), "estimate ~ dose", random="UN(1 + dose | study)")
        term = fit.problem.terms[0]
        assert isinstance(term, Term)
        assert term.loadings is not None
        assert term.loadings[:, 1] == pytest.approx(simulate_table()["dose"])
        assert fit.names.variances == ("tau2[Intercept]", "tau2[dose]", "rho[Intercept, dose]")
        apart = meta(simulate_table(), "estimate ~ dose", random="DIAG(1 + dose | study)")
        assert apart.names.variances == ("tau2[Intercept]", "tau2[dose]")
        assert fit.point.log_reml >= apart.point.log_reml - 1e-9

    def test_known_identity_is_independence(self) -> None:
        data = simulate_table()
        names = data["study"].unique()
        known = {"study": pd.DataFrame(np.eye(12), index=names, columns=names)}
        plain, related = meta(data, random="study"), meta(data, random="known(study)", known=known)
        assert related.point.psi == pytest.approx(plain.point.psi, rel=SAME)
        assert related.status == "pooled"
        with pytest.raises(SynthesisError, match="has no row for 's11'; add it"):
            meta(data, random="known(study)", known={"study": known["study"].iloc[:11, :11]})

    def test_places_far_apart_are_independent(self) -> None:
        data = simulate_table()
        far = data.assign(x=np.arange(36) * 1e6, y=0.0)
        fit = meta(far, random=Places(("x", "y")))
        assert fit.point.log_reml >= meta(data, random="effect").point.log_reml - 1e-8

    def test_levels_that_never_meet_are_said(self) -> None:
        data = simulate_table()
        split = data[(data["outcome"] != "pain") | (data["study"] < "s06")]
        apart = split[(split["outcome"] != "function") | (split["study"] >= "s06")]
        fit = meta(apart, "estimate ~ 0 + outcome", random="UN(outcome | study)")
        assert any("No study has both function and pain" in said for said in fit.warnings)

    def test_terms_that_cannot_be_told_apart_are_fitted_as_one(self) -> None:
        data = simulate_table().drop_duplicates("study")
        fit = meta(data, random="study/effect")
        assert fit.problem.parameters == 1
        assert any("Every study has one study/effect" in said for said in fit.warnings)
        assert fit.point.psi == pytest.approx(meta(data).point.psi, rel=SAME)

    def test_one_study_is_not_pooled(self) -> None:
        data = simulate_table().iloc[:3]
        assert meta(data, random="study").status == "single study"

    def test_separate_variances_are_subgroup_fits(self) -> None:
        data = simulate_table()
        together = meta(data, "estimate ~ 0 + lab", random="DIAG(lab | effect)", inference="z")
        for place, (lab, part) in enumerate(data.groupby("lab")):
            alone = meta(part, inference="z")
            assert together.point.psi[place] == pytest.approx(alone.point.psi[0], rel=1e-5, abs=1e-8), lab
            assert together.point.beta[place] == pytest.approx(alone.point.beta[0], rel=SAME)

    def test_held_variances(self) -> None:
        data = simulate_table()
        free = meta(data, random="study/effect")
        held = meta(data, random="study/effect", tau2={"tau2[study/effect]": 0.0})
        assert held.point.psi[1] == 0
        assert held.point.psi[0] == pytest.approx(meta(data, random="study").point.psi[0], rel=SAME)
        assert held.point.log_reml <= free.point.log_reml
        assert "held" in held.method or "with tau2" in held.method
        with pytest.raises(SynthesisError, match="the variances are tau2"):
            meta(data, random="study/effect", tau2={"sigma": 0.1})

    def test_a_variance_of_nothing_is_said(self) -> None:
        data = simulate_table().assign(estimate=np.linspace(-1, 1, 12)[np.repeat(np.arange(12), 3)])
        fit = meta(data, random="study/effect")
        assert fit.point.psi[1] == 0
        assert any(said.startswith("tau2[study/effect] is 0") for said in fit.warnings)

    def test_location_and_scale(self) -> None:
        data = simulate_table()
        fit = meta(data, "estimate ~ dose", scale="~ dose", inference="z")
        assert fit.names.variances == ("scale[Intercept]", "scale[dose]")
        flat = meta(data, "estimate ~ dose", scale="~ 1", inference="z")
        plain = meta(data, "estimate ~ dose", inference="z")
        assert np.exp(flat.point.psi) == pytest.approx(plain.point.psi, rel=1e-5)
        assert isinstance(fit.tau2, Inapplicable)
        few, many = (fit.predict(pd.DataFrame({"dose": [dose]})).iloc[0] for dose in (0.1, 1.9))
        wider = few if fit.point.psi[1] < 0 else many
        assert wider.prediction_upper - wider.estimate >= max(
            row.prediction_upper - row.estimate for row in (few, many)
        )
        assert len(flat.predict()) == 36
        with pytest.raises(SynthesisError, match="a location-scale model has random='effect'"):
            meta(data, scale="~ dose", random="study")
        with pytest.raises(SynthesisError, match="wanted '~ moderators'"):
            meta(data, scale="dose")

    def test_clusters_are_asked_for_and_used(self) -> None:
        data = simulate_table()
        with pytest.raises(SynthesisError, match="needs cluster="):
            meta(data, inference="CR2")
        with pytest.raises(SynthesisError, match="clusters are used by CR0"):
            meta(data, inference="t", cluster="study")
        fit = meta(data, random="study/effect", inference="CR2", cluster="study")
        assert not any("treated as independent" in said for said in fit.warnings)
        assert np.isfinite(fit.tidy()["df"]).all()

    def test_words_of_an_effect_column_that_repeats(self) -> None:
        data = simulate_table().drop(columns="study").assign(effect=np.arange(36) // 2)
        with pytest.raises(SynthesisError, match="the column effect has the value of row 2 twice"):
            meta(data, random="effect")

    def test_text_where_times_are_needed(self) -> None:
        with pytest.raises(SynthesisError, match="needs numbers in outcome; found 'function'"):
            meta(simulate_table(), random="AR(outcome | study)")

    def test_effects_fewer_than_coefficients(self) -> None:
        with pytest.raises(TooFewStudies):
            meta(simulate_table().iloc[:2], "estimate ~ 0 + outcome", random="study/effect")


def covary(data: pd.DataFrame, rho: float = 0.5) -> np.ndarray:
    root = np.sqrt(data["variance"].to_numpy())
    same = data["study"].to_numpy()[:, None] == data["study"].to_numpy()[None, :]
    return np.asarray(np.where(np.eye(len(data)) == 1, 1.0, rho * same) * np.outer(root, root))


class TestGivenCovariance:
    def fits(self, data: pd.DataFrame, *covariances: Any) -> list[Fit]:
        return [meta(data, random="study/effect", covariance=covariance) for covariance in covariances]

    def test_matrix_sparse_and_blocks_are_one(self) -> None:
        data = simulate_table()
        whole = covary(data)
        blocks = [
            (part.index.to_numpy(), whole[np.ix_(part.index.to_numpy(), part.index.to_numpy())])
            for _, part in data.groupby("study")
        ]
        one, two, three = self.fits(data, whole, csr_array(whole), blocks)
        assert isinstance(one.problem.V, Blocks)
        assert two.point.log_reml == one.point.log_reml == three.point.log_reml

    def test_rows_without_a_block_are_independent(self) -> None:
        data = simulate_table()
        [fit] = self.fits(data, [(np.array([0, 1]), covary(data)[:2, :2])])
        assert np.count_nonzero(np.bincount(fit.problem.V.labels) == 2) == 1

    def test_no_covariance_in_a_matrix_is_none(self) -> None:
        data = simulate_table()
        [fit] = self.fits(data, np.diag(data["variance"]))
        assert isinstance(fit.problem.V, Diagonal)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda m: m[:5, :5], "wanted one of each"),
            (lambda m: m + np.diag(np.full(36, 0.1)), "are the rows in the same order"),
            (lambda m: np.where(np.arange(1296).reshape(36, 36) == 1, np.nan, m), "row 1 holds a missing"),
            (lambda m: m + np.triu(m, 1), "wanted a symmetric matrix"),
            (lambda m: m + (m - np.diag(np.diag(m))) * 3, "wanted a positive definite matrix"),
            (
                lambda m: [(np.array([0, 1]), m[:2, :2]), (np.array([1, 2]), m[1:3, 1:3])],
                "Row 2 is in two blocks",
            ),
            (lambda m: [(np.array([0, 99]), m[:2, :2])], "rows from 0 to 35"),
        ],
    )
    def test_what_cannot_be_a_covariance(self, change: Any, message: str) -> None:
        data = simulate_table()
        with pytest.raises((SynthesisError, NotPositiveDefinite), match=message):
            meta(data, covariance=change(covary(data)))
