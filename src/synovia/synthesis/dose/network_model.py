"""A dose-response network and what can be read from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, Wald, quantile, quantiles, tail, wald
from synovia.synthesis.dose.emax import Emax
from synovia.synthesis.dose.network_design import DoseNetworkDesign
from synovia.synthesis.dose.observed import compare_with_doses, find_observed
from synovia.synthesis.dose.page import write_network_page
from synovia.synthesis.dose.targets import (
    find_effective_doses,
    find_target_doses,
    read_asked,
    require_plateau,
)
from synovia.synthesis.fit import Fit
from synovia.synthesis.summary import Summary

__all__ = ["DoseNetwork"]

Floats = NDArray[np.float64]

RATIOS = ("OR", "RR", "IRR", "ROM")
"""Measures whose estimates are logarithms."""

STRAIGHT = "the curves have no coefficient that bends them; compare AIC with that of straight lines"


@dataclass(frozen=True, slots=True, eq=False)
class DoseNetwork:
    """A dose-response network.

    Attributes
    ----------
    design : DoseNetworkDesign
        Agents, their doses and curves, and the comparisons of the trials.
    fit : Fit
        The synthesis: its coefficients are those of the curves.
    """

    design: DoseNetworkDesign
    fit: Fit

    @property
    def agents(self) -> tuple[str, ...]:
        """In alphabetical order, without the reference."""
        return self.design.nodes.agents

    @property
    def reference(self) -> str:
        """What dose 0 is called."""
        return self.design.nodes.reference

    @property
    def tau2(self) -> float | Inapplicable:
        """Variance of a comparison's true effect between trials, the same for all comparisons."""
        if self.fit.settings.random is None:
            return Inapplicable("common effects have no between-trial variance")
        return float(self.fit.point.psi[0])

    @property
    def ratios(self) -> bool:
        """Whether estimates are known to be logarithms of ratios."""
        return self.design.nodes.contrasts.measure in RATIOS

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the network says about itself."""
        return self.fit.warnings

    def tidy(self) -> pd.DataFrame:
        """One row per coefficient: agent ("all" when shared), then the columns of ``Fit.tidy``."""
        table = self.fit.tidy()
        table.insert(0, "agent", self.design.layout.owners)
        return table

    def glance(self) -> pd.DataFrame:
        """One row: trials, comparisons, agents, doses, tau2, Q, test of the curves, AIC, BIC, method.

        AIC and BIC belong to the likelihood that was maximised: compare curves by those of ML, since
        restricted likelihoods of different curves have different constants. They are NaN for tau2 by moments.
        """
        facts, problem, at = self.fit.glance().iloc[0], self.fit.problem, self.fit.point
        settings, curves = self.fit.settings, self.test_curves()
        restricted = settings.tau2 == "REML" and bool(problem.terms)
        maximised = not problem.terms or settings.tau2 in ("REML", "ML")
        likelihood = (at.log_reml if restricted else at.log_ml) if maximised else np.nan
        parameters = problem.p + problem.parameters
        row = {
            "trials": len(np.unique(self.design.nodes.contrasts.study)),
            "comparisons": problem.n,
            "agents": len(self.agents),
            "doses": int((self.design.nodes.agent >= 0).sum()),
            **{
                name: facts[name]
                for name in ("tau2", "tau2_lower", "tau2_upper", "i2", "q", "q_df", "q_p_value")
            },
            "curves_p_value": curves.p_value if isinstance(curves, Wald) else np.nan,
            "log_lik": likelihood,
            "aic": 2 * parameters - 2 * likelihood,
            "bic": np.log(problem.n - (problem.p if restricted else 0)) * parameters - 2 * likelihood,
            "method": self.fit.method,
            "converged": self.fit.convergence.converged,
            "warnings": " ".join(self.warnings),
        }
        return pd.DataFrame([row])

    def test_curves(self) -> Wald | Inapplicable:
        """Whether the curves describe the doses, against a network where every dose is its own treatment."""
        return compare_with_doses(self.design, self.fit)

    def test_effect(self) -> Wald | Inapplicable:
        """Joint test that no dose of any agent has an effect; of Emax curves that all plateaus are 0."""
        layout = self.design.layout
        plateaus = isinstance(self.design.bases[0], Emax)
        chosen = np.unique(layout.places[:, :1] if plateaus else layout.places)
        return wald(self.fit.point.beta, self.fit.inference, np.eye(layout.size)[chosen])

    def test_nonlinearity(self) -> Wald | Inapplicable:
        """Joint test that the curve of every agent is a straight line."""
        bends = self.design.bases[0].bends
        if bends is None:
            return Inapplicable(STRAIGHT)
        chosen = np.unique(self.design.layout.places[:, list(bends)])
        return wald(self.fit.point.beta, self.fit.inference, np.eye(self.design.layout.size)[chosen])

    def find_dose(
        self, agent: str, effect: ArrayLike, *, highest: float | None = None, level: float | None = None
    ) -> pd.DataFrame:
        """The lowest dose of an agent that reaches an effect against dose 0: the target dose.

        Parameters
        ----------
        agent : str
            One of ``agents``.
        effect : array_like
            On the scale of the estimates, with its sign.
        highest : float, optional
            Where to stop looking; the highest dose of the agent that was studied without it.
        level : float, optional
            Confidence level; that of the fit without it.

        Returns
        -------
        DataFrame
            agent, effect, dose, lower, upper, highest. ``lower`` and ``upper`` are the doses at which the
            more and the less favourable limit of the curve reach the effect; NaN where it is not reached.
        """
        if self.design.find_agent(agent) < 0:
            raise SynthesisError(f"{agent} is the reference and has no dose but 0; wanted one of the agents.")
        top = self._find_highest(agent) if highest is None else float(highest)
        wanted = read_asked(effect, "effect")
        table = find_target_doses(lambda at: self.predict(agent, at, level=level), wanted, (0.0, top))
        table.insert(0, "agent", agent)
        return table

    def effective_dose(self, share: ArrayLike = 0.5, *, level: float | None = None) -> pd.DataFrame:
        """The dose of a share of the plateau of an Emax curve, ED50 unless told otherwise.

        Parameters
        ----------
        share : array_like
            Between 0 and 1.
        level : float, optional
            Confidence level; that of the fit without it.

        Returns
        -------
        DataFrame
            agent, share, dose, lower, upper, extrapolated (above the highest dose studied).
        """
        require_plateau(isinstance(self.design.bases[0], Emax))
        shares = read_asked(share, "share")
        chosen = self.fit.settings.level if level is None else level
        parts = []
        for place, agent in enumerate(self.agents):
            own = np.eye(self.design.layout.size)[[self.design.layout.places[place, 1]]]
            half = float(self._halve(own, chosen)[0])
            log = float(own[0] @ self.fit.point.beta)
            table = find_effective_doses((log, log - half, log + half), shares, self._find_highest(agent))
            table.insert(0, "agent", agent)
            parts.append(table)
        return pd.concat(parts, ignore_index=True)

    def predict(
        self, agent: str, doses: ArrayLike | None = None, *, level: float | None = None
    ) -> pd.DataFrame:
        r"""The curve of an agent against dose 0.

        Parameters
        ----------
        agent : str
            One of ``agents``.
        doses : array_like, optional
            In the unit of the fit; 101 doses from 0 to the highest that was studied without it.
        level : float, optional
            Confidence level; that of the fit without it.

        Returns
        -------
        DataFrame
            agent, dose, estimate, std_error, statistic, df, p_value, lower, upper, prediction_lower,
            prediction_upper (of a new trial, NaN for common effects), level, extrapolated (above the highest
            dose of the agent). Ratios are logarithms.

        Notes
        -----
        With :math:`x = b(d) - b(0)`, or the slopes of an Emax curve in its coefficients, the variance is
        :math:`x'\hat V x` for the mean and :math:`x'\hat V x + \hat\tau^2` for a new trial, by t on
        comparisons less coefficients.
        """
        highest = self._find_highest(agent)
        at = np.linspace(0.0, highest, 101) if doses is None else read_asked(doses)
        read = self.design.read_curve(agent, at, self.fit.point.beta)
        table = self._read(*read, level).assign(extrapolated=at > highest)
        table.insert(0, "agent", agent)
        table.insert(1, "dose", at)
        return table

    def compare(
        self, agent_a: str, dose_a: float, agent_b: str, dose_b: float = 0.0, *, level: float | None = None
    ) -> pd.DataFrame:
        """One dose of an agent minus one dose of another, or of the same.

        Parameters
        ----------
        agent_a, agent_b : str
            One of ``agents``, or the reference.
        dose_a, dose_b : float
            In the unit of the fit.
        level : float, optional
            Confidence level; that of the fit without it.

        Returns
        -------
        DataFrame
            agent_1, dose_1, agent_2, dose_2, then the columns of ``predict``: one row.
        """
        dose_a, dose_b = (_require_one(dose) for dose in (dose_a, dose_b))
        beta = self.fit.point.beta
        one, other = (
            self.design.read_curve(agent_a, dose_a, beta),
            self.design.read_curve(agent_b, dose_b, beta),
        )
        beyond = self._goes_beyond(agent_a, dose_a) or self._goes_beyond(agent_b, dose_b)
        table = self._read(one[0] - other[0], one[1] - other[1], level).assign(extrapolated=beyond)
        sides = pd.DataFrame({"agent_1": [agent_a], "dose_1": dose_a, "agent_2": agent_b, "dose_2": dose_b})
        return pd.concat([sides, table], axis=1)

    @property
    def drawing(self) -> str:
        """Name of its drawing."""
        return "dose_network"

    def frames(self) -> dict[str, Any]:
        """The curve of every agent and what the trials saw of it, each against dose 0."""
        return {
            "points": find_observed(self.design, self.fit.point.beta, self.fit.settings.level),
            "line": pd.concat([self.predict(agent) for agent in self.agents], ignore_index=True),
            "units": dict(self.design.nodes.units),
            "scale_label": f"{'Ratio' if self.ratios else 'Effect'} against {self.reference}",
            "log": self.ratios,
        }

    def to_r(self) -> str:
        """The network as a script for R's metafor that holds its data; Emax curves are linearised there."""
        return self.fit.to_r()

    def summary(self) -> Summary:
        """The network on a page: ``as_text``, ``as_html``, ``as_latex``."""
        return write_network_page(self)

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _find_highest(self, agent: str) -> float:
        place = self.design.find_agent(agent)
        return float(self.design.nodes.list_levels(place).max()) if place >= 0 else 0.0

    def _goes_beyond(self, agent: str, dose: float) -> bool:
        return self.design.find_agent(agent) >= 0 and dose > self._find_highest(agent)

    def _halve(self, rows: Floats, level: float) -> Floats:
        """(m,) half the width of confidence intervals."""
        inference = self.fit.inference
        error = np.sqrt(np.einsum("ij,jk,ik->i", rows, inference.cov, rows))
        return np.asarray(quantiles(level, inference.degrees(rows)) * error)

    def _read(self, estimate: Floats, rows: Floats, level: float | None) -> pd.DataFrame:
        """Differences by their rows; a dose against itself is 0 without error, also in a new trial."""
        inference, chosen = self.fit.inference, self.fit.settings.level if level is None else level
        moved = rows.any(axis=1)
        error = np.sqrt(np.einsum("ij,jk,ik->i", rows, inference.cov, rows))
        df = np.full(len(rows), inference.df)
        df[moved] = inference.degrees(rows[moved])
        statistic = np.divide(estimate, error, out=np.full(len(rows), np.nan), where=moved)
        half, reach = quantiles(chosen, df) * error, np.where(moved, self._reach(error, chosen), 0.0)
        return pd.DataFrame(
            {
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

    def _reach(self, error: Floats, level: float) -> Floats:
        tau2, df = self.tau2, self.fit.problem.n - self.fit.problem.p
        if isinstance(tau2, Inapplicable) or df < 1:
            return np.full(error.size, np.nan)
        return np.asarray(quantile(level, float(df)) * np.sqrt(error**2 + tau2))


def _require_one(dose: ArrayLike) -> float:
    asked = read_asked(dose)
    if asked.size != 1:
        raise SynthesisError(f"Found {asked.size} doses to compare; wanted one for each agent.")
    return float(asked[0])
