"""A fitted network: its comparisons, tables and drawings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, quantile, quantiles, tail
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.contribution import ContributionMethod, Contributions, find_contributions
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.incoherence import Decomposition, decompose
from synovia.synthesis.network.league import League, league
from synovia.synthesis.network.loops import Loops, find_loops
from synovia.synthesis.network.net_heat import NetHeat, find_net_heat
from synovia.synthesis.network.page import write_network_page
from synovia.synthesis.network.ranking import DRAWS, SEED, Better, Ranking, rank
from synovia.synthesis.network.regression import Moderated
from synovia.synthesis.network.split import Split, SplitMethod, split_evidence
from synovia.synthesis.network.to_r import network_to_r
from synovia.synthesis.summary import Summary

__all__ = ["Network", "add_reference", "read_effects"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network meta-analysis.

    Attributes
    ----------
    design : NetworkDesign
        Treatments, trials and how they are connected.
    fit : Fit
        The synthesis: its coefficients are the effects against the reference.
    estimates : ndarray of shape (T,)
        Effect of each treatment against the reference, 0 for the reference itself.
    covariance : ndarray of shape (T, T)
        Their covariance; the row and column of the reference are 0.
    moderated : Moderated or None
        Moderators of a network meta-regression; estimates hold at their means.
    """

    design: NetworkDesign
    fit: Fit
    estimates: Floats
    covariance: Floats
    moderated: Moderated | None = None

    @property
    def treatments(self) -> tuple[str, ...]:
        """The reference first, then in alphabetical order."""
        return self.design.treatments

    @property
    def reference(self) -> str:
        """What effects are against."""
        return self.design.reference

    @property
    def tau2(self) -> float | Inapplicable:
        """Variance of a comparison's true effect between trials, the same for all comparisons."""
        if self.fit.settings.random is None:
            return Inapplicable("a common-effect network has no between-trial variance")
        return float(self.fit.point.psi[0])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the network says about itself."""
        return self.fit.warnings

    def differences(self) -> tuple[Floats, Floats]:
        """(T, T) row treatment minus column treatment, and its standard error."""
        v = np.diag(self.covariance)
        spread = v[:, None] + v[None, :] - 2 * self.covariance
        np.fill_diagonal(spread, 0.0)
        return self.estimates[:, None] - self.estimates[None, :], np.sqrt(np.maximum(spread, 0.0))

    def effects(self, reference: str | None = None, *, level: float | None = None) -> pd.DataFrame:
        """Every treatment against one of them.

        Parameters
        ----------
        reference : str, optional
            Treatment to be against; that of the network without it. Nothing is fitted again.
        level : float, optional
            Confidence level; that of the network without it.

        Returns
        -------
        DataFrame
            treatment, reference, estimate, std_error, statistic, df, p_value, lower, upper,
            prediction_lower, prediction_upper (NaN for a common-effect network), level; on the scale of the
            effects, ratios as logarithms.
        """
        place = 0 if reference is None else self.design.find_treatment(reference)
        others = np.array([i for i in range(len(self.treatments)) if i != place])
        return self.list_pairs(others, np.full(others.size, place), level).rename(
            columns={"treatment_1": "treatment", "treatment_2": "reference"}
        )

    def tidy(self) -> pd.DataFrame:
        """One row per treatment against the reference: ``effects()``, with the method."""
        return self.effects().assign(method=self.fit.method)

    def pairs(self, *, level: float | None = None) -> pd.DataFrame:
        """Every comparison of two treatments, treatment_1 minus treatment_2; columns as in ``effects``."""
        first, second = np.triu_indices(len(self.treatments), 1)
        return self.list_pairs(first, second, level)

    def compare(self, first: str, second: str, *, level: float | None = None) -> pd.DataFrame:
        """One comparison: ``first`` minus ``second``, with the columns of ``effects``."""
        one, other = (self.design.find_treatment(name) for name in (first, second))
        return self.list_pairs(np.array([one]), np.array([other]), level)

    def league(
        self,
        *,
        order: tuple[str, ...] | None = None,
        above: str = "direct",
        ratio: bool | None = None,
        level: float | None = None,
        digits: int = 2,
    ) -> League:
        """Every comparison in one square; see ``synovia.synthesis.network.league``."""
        return league(self, order=order, above=above, ratio=ratio, level=level, digits=digits)

    def rank(self, *, better: Better, mid: float = 0.0, draws: int = DRAWS, seed: int = SEED) -> Ranking:
        """P-scores and the probability of every rank; see ``synovia.synthesis.network.ranking``."""
        return rank(self, better=better, mid=mid, draws=draws, seed=seed)

    @property
    def spread(self) -> float:
        """Tau2, 0 for a common effect."""
        return 0.0 if isinstance(self.tau2, Inapplicable) else self.tau2

    def decompose(self, tau2: str = "DL") -> Decomposition:
        """Q within and between designs; see ``synovia.synthesis.network.incoherence``."""
        return decompose(self.design, tau2)

    def split(self, *, method: SplitMethod = "back-calculation", level: float | None = None) -> Split:
        """Direct against indirect evidence on every comparison; see ``synovia.synthesis.network.split``."""
        chosen = self.fit.settings.level if level is None else level
        return split_evidence(self.design, self.spread, level=chosen, method=method)

    def contributions(self, *, method: ContributionMethod = "shortest path") -> Contributions:
        """Contribution of each direct comparison; see ``synovia.synthesis.network.contribution``."""
        return find_contributions(self.design, self.spread, method=method)

    def loops(self, *, level: float | None = None) -> Loops:
        """Direct estimates around closed loops; see ``synovia.synthesis.network.loops``."""
        chosen = self.fit.settings.level if level is None else level
        return find_loops(self.design, self.spread, level=chosen)

    def net_heat(self) -> NetHeat:
        """Which designs drive incoherence, at a common effect; see ``synovia.synthesis.network.net_heat``."""
        return find_net_heat(self.design)

    def at(self, **moderators: object) -> "Network":
        """The network at given moderators: the same fit, read elsewhere.

        Parameters
        ----------
        **moderators
            A value for each column that the formula names.

        Raises
        ------
        SynthesisError
            When the network has no moderators, or one is not given.
        """
        if self.moderated is None:
            raise SynthesisError("The network has no moderators; fit it with formula='~ moderator'.")
        return read_effects(self.design, self.fit, self.moderated, moderators)

    def predict(self, reference: str | None = None, *, level: float | None = None) -> pd.DataFrame:
        """Where the effect of each treatment against one of them lies in a new trial.

        Returns
        -------
        DataFrame
            treatment, reference, estimate, prediction_lower, prediction_upper, level, prediction_method.

        Notes
        -----
        t on the degrees of freedom of Q (comparisons less treatments but one), with the variance of the
        comparison plus tau2. Chaimani & Salanti (2015), Research Synthesis Methods 6, 246-254.
        """
        wanted = ["treatment", "reference", "estimate", "prediction_lower", "prediction_upper", "level"]
        tau2, df = self.tau2, self.fit.problem.n - self.fit.problem.p
        said = tau2.reason if isinstance(tau2, Inapplicable) else f"t with {df} df"
        return self.effects(reference, level=level)[wanted].assign(prediction_method=said)

    def glance(self) -> pd.DataFrame:
        """One row of facts about the whole network; ``i2`` is in percent, from Q.

        Returns
        -------
        DataFrame
            treatments, trials, comparisons (pairs of treatments that some trial compares), pairwise (all
            within-trial comparisons), designs, tau2, tau, i2, q, q_df, q_p_value, log_lik, method, converged,
            warnings.
        """
        sizes = [len(arms) for arms in self.design.arms]
        facts = self.fit.glance().iloc[0]
        q, df = self.fit.heterogeneity.q, self.fit.heterogeneity.q_df
        known = not isinstance(q, Inapplicable)
        value = float(q) if not isinstance(q, Inapplicable) else np.nan
        row = {
            "treatments": len(self.treatments),
            "trials": len(self.design.studies),
            "comparisons": len(self.design.edges),
            "pairwise": sum(m * (m - 1) // 2 for m in sizes),
            "designs": len(set(self.design.designs)),
            "tau2": np.nan if isinstance(self.tau2, Inapplicable) else self.tau2,
            "tau": np.nan if isinstance(self.tau2, Inapplicable) else np.sqrt(self.tau2),
            "i2": 100 * max(0.0, 1 - df / value) if known and value > 0 else np.nan,
            "q": value,
            "q_df": df,
            "q_p_value": float(chdtrc(df, value)) if known else np.nan,
            "log_lik": facts.log_lik,
            "method": self.fit.method,
            "converged": self.fit.convergence.converged,
            "warnings": " ".join(self.warnings),
        }
        return pd.DataFrame([row])

    def summary(self) -> Summary:
        """The network on a page: ``as_text``, ``as_html``, ``as_latex``."""
        return write_network_page(self)

    def to_r(self) -> str:
        """The network as a script for R's netmeta that holds its data."""
        return network_to_r(self)

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def list_pairs(self, first: Integers, second: Integers, level: float | None = None) -> pd.DataFrame:
        """Comparisons by the places of their treatments, with the columns of ``effects``."""
        chosen = self.fit.settings.level if level is None else level
        names = np.array(self.treatments, dtype=object)
        differences, errors = self.differences()
        estimate, error = differences[first, second], errors[first, second]
        df = self.degrees(first, second)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = estimate / error
        half, reach = quantiles(chosen, df) * error, self._reach(error, chosen)
        return pd.DataFrame(
            {
                "treatment_1": names[first],
                "treatment_2": names[second],
                "estimate": estimate,
                "std_error": error,
                "statistic": statistic,
                "df": df,
                "p_value": tail(statistic, df),
                "lower": estimate - half,
                "upper": estimate + half,
                "prediction_lower": estimate - reach,
                "prediction_upper": estimate + reach,
                "level": chosen,
            }
        )

    def degrees(self, first: Integers, second: Integers) -> Floats:
        """Degrees of freedom of comparisons by the places of their treatments."""
        every = np.eye(len(self.treatments))[:, 1:]
        rows = every[first] - every[second]
        if self.fit.inference.contrast_df is None or rows.shape[1] != self.fit.problem.p:
            return np.full(first.size, self.fit.inference.df)
        return self.fit.inference.degrees(rows)

    @property
    def drawing(self) -> str:
        """Name of its drawing."""
        return "network_graph"

    def frames(self) -> dict[str, Any]:
        """What the network graph is made from: participants (else trials), comparisons, multi-arm trials."""
        names, arms = self.design.contrasts.treatments, self.design.arms
        told = self.design.contrasts.participants
        trials = {name: sum(self.treatments[arm] == name for own in arms for arm in own) for name in names}
        sizes = told if told is not None else trials
        groups = [tuple(self.treatments[arm] for arm in own) for own in arms if len(own) > 2]
        return {
            "nodes": pd.DataFrame({"label": list(names), "n": [float(sizes[name]) for name in names]}),
            "edges": self.design.edges,
            "groups": pd.DataFrame({"treatments": list(dict.fromkeys(groups))}),
        }

    def _reach(self, error: Floats, level: float) -> Floats:
        """Half the width of the prediction interval; NaN where there is none."""
        tau2, df = self.tau2, self.fit.problem.n - self.fit.problem.p
        if isinstance(tau2, Inapplicable) or df < 1:
            return np.full(error.size, np.nan)
        return np.asarray(quantile(level, float(df)) * np.sqrt(error**2 + tau2))


def add_reference(beta: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """Effects against the reference and their covariance, with zeros for the reference itself."""
    size = beta.size + 1
    estimates, covariance = np.zeros(size), np.zeros((size, size))
    estimates[1:], covariance[1:, 1:] = beta, cov
    return estimates, covariance


def read_effects(
    design: NetworkDesign, fit: Fit, moderated: Moderated, at: Mapping[str, object] | None
) -> Network:
    """A network meta-regression, read at given moderators; at their means without."""
    L = moderated.find_contrasts(at)
    effects = add_reference(L @ fit.point.beta, L @ fit.inference.cov @ L.T)
    return Network(design, fit, *effects, moderated=moderated)
