"""Dose-response networks: several agents, each with its curve above one common reference."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, quantile, quantiles, tail
from synovia.synthesis.dose.bases import Basis
from synovia.synthesis.dose.formulas import read_curve
from synovia.synthesis.dose.network_design import (
    DoseNetworkDesign,
    Slopes,
    make_dose_network_design,
)
from synovia.synthesis.dose.nodes import read_dose_network
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.fitting import make_fit, make_settings
from synovia.synthesis.settings import Tau2
from synovia.synthesis.summary import Summary, count, show_p

__all__ = ["DoseNetwork", "dose_network"]

Floats = NDArray[np.float64]

SHORT = {"linear": "dose", "quadratic": "quadratic(dose)", "rcs": "rcs(dose, 3)"}
"""Curves that one word names."""


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
    def warnings(self) -> tuple[str, ...]:
        """What the network says about itself."""
        return self.fit.warnings

    def tidy(self) -> pd.DataFrame:
        """One row per coefficient: agent ("all" when common), then the columns of ``Fit.tidy``."""
        size = self.design.bases[0].size
        own = [name for name in self.agents for _ in range(size)]
        table = self.fit.tidy()
        table.insert(0, "agent", own if self.design.slopes == "agent" else ["all"] * size)
        return table

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
        With :math:`x = b(d) - b(0)` the variance is :math:`x'\hat V x` for the mean and
        :math:`x'\hat V x + \hat\tau^2` for a new trial, by t on comparisons less coefficients.
        """
        place = self.design.find_agent(agent)
        highest = float(self.design.nodes.list_levels(place).max())
        at = (
            np.linspace(0.0, highest, 101) if doses is None else np.atleast_1d(np.asarray(doses, dtype=float))
        )
        table = self._read(self.design.find_rows(agent, at), level).assign(extrapolated=at > highest)
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
        row = self.design.find_rows(agent_a, dose_a) - self.design.find_rows(agent_b, dose_b)
        beyond = self._goes_beyond(agent_a, dose_a) or self._goes_beyond(agent_b, dose_b)
        table = self._read(row, level).assign(extrapolated=beyond)
        sides = pd.DataFrame({"agent_1": [agent_a], "dose_1": dose_a, "agent_2": agent_b, "dose_2": dose_b})
        return pd.concat([sides, table], axis=1)

    def summary(self) -> Summary:
        """The network on a page: ``as_text``, ``as_html``, ``as_latex``."""
        nodes, page = self.design.nodes, self.fit.summary()
        title = (
            f"Dose-response network of {count(len(self.agents), 'agent')} ({', '.join(self.agents)}) against "
            f"{self.reference}: {count(int((nodes.agent >= 0).sum()), 'dose')} in "
            f"{count(len(nodes.contrasts.studies), 'trial')}; {self.fit.settings.formula}"
        )
        rows = tuple(
            (
                str(row["term"]),
                f"{row['estimate']:.4g}",
                f"{row['std_error']:.4g}",
                f"{row['lower']:.4g} to {row['upper']:.4g}",
                show_p(row["p_value"]),
            )
            for row in self.tidy().to_dict("records")
        )
        facts = tuple(
            ("Any effect of dose" if name == "Moderators" else name, said) for name, said in page.facts
        )
        return replace(page, title=title, rows=rows, facts=facts)

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _goes_beyond(self, agent: str, dose: float) -> bool:
        place = self.design.find_agent(agent)
        return place >= 0 and dose > float(self.design.nodes.list_levels(place).max())

    def _read(self, rows: Floats, level: float | None) -> pd.DataFrame:
        """Differences by their rows; a dose against itself is 0 without error, also in a new trial."""
        inference, chosen = self.fit.inference, self.fit.settings.level if level is None else level
        moved = rows.any(axis=1)
        estimate = rows @ self.fit.point.beta
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


def dose_network(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame,
    basis: str | Basis = "linear",
    *,
    study: str = "study",
    agent: str = "agent",
    dose: str = "dose",
    measure: str | None = None,
    columns: Mapping[str, str] | None = None,
    reference: str | None = None,
    slopes: Slopes = "agent",
    random: bool = True,
    tau2: Tau2 = "REML",
    inference: str = "z",
    level: float = 0.95,
) -> DoseNetwork:
    r"""Fit dose-response curves of several agents to trials that compare their doses.

    Parameters
    ----------
    data : DataFrame
        Without ``measure`` one row per comparison: study, agent_1, dose_1, agent_2, dose_2, estimate (arm 1
        minus arm 2) and std_error or variance; of a trial with m arms all m(m - 1)/2, or m - 1 against one
        arm with its baseline_variance. With it one row per arm: study, agent, dose, and mean, sd and n, or
        events and n, or events and time. Dose 0 is the reference, of whichever agent.
    basis : str or Basis
        "linear", "quadratic", "rcs" (three knots), "rcs(dose, [1, 5, 20])", "log(dose + 1)", or an object
        such as ``Spline((1.0, 5.0, 20.0))``.
    study, agent, dose : str
        Columns; of comparisons the last two are followed by ``_1`` and ``_2``.
    measure : {"MD", "SMD", "ROM", "OR", "RR", "RD", "ASD", "IRR", "IRD"}, optional
        Effect measure of arms; ratios become logarithms.
    columns : mapping of str to str, optional
        What the table calls the other columns, such as ``{"mean": "pain"}``.
    reference : str, optional
        Agent without a dose, such as "placebo"; its dose may be left empty.
    slopes : {"agent", "common"}
        Whether each agent has coefficients of its own (and knots at quantiles of its own doses), or all
        share one curve, which needs doses that mean the same for all.
    random : bool
        Whether trials of one comparison differ beyond chance.
    tau2 : str or float
        Estimator of their variance, "REML", "ML", "DL" or "PM"; or its value.
    inference : str
        "z", "t", "knapp-hartung" and the other kinds of ``network``.
    level : float
        Confidence level.

    Returns
    -------
    DoseNetwork

    Raises
    ------
    SynthesisError
        When no trial links an agent to the reference, an agent has too few doses for its curve, or a row
        cannot be used; it is named.

    Notes
    -----
    A comparison of dose d of agent a with dose c of agent b in trial i estimates

    .. math:: y_i = \{b(d) - b(0)\}'\beta_a - \{b(c) - b(0)\}'\beta_b + u_i + e_i, \quad
        u_i \sim N\bigl(0, \tau^2 (I + J)/2\bigr)

    with the exact covariance of e that a shared arm brings; the effect of dose 0 is one for all agents.
    Mawdsley, Bennetts, Dias, Boucher & Welton (2016), CPT: Pharmacometrics & Systems Pharmacology 5, 393-401;
    Pedder, Dias, Bennetts, Boucher & Welton (2021), Medical Decision Making 41, 194-208.

    Examples
    --------
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3", "s4"], "agent_1": ["a", "a", "b", "b"],
    ...                        "dose_1": [1, 2, 4, 2], "agent_2": ["placebo", "placebo", "placebo", "a"],
    ...                        "dose_2": [0, 0, 0, 1], "estimate": [1.0, 2.2, 2.0, 0.1],
    ...                        "std_error": [0.4, 0.4, 0.4, 0.5]})
    >>> found = dose_network(trials, reference="placebo", random=False)
    >>> found.compare("a", 2, "b", 2)[["agent_1", "agent_2", "estimate", "std_error"]].round(3)
      agent_1 agent_2  estimate  std_error
    0       a       b     1.102      0.367
    """
    curve, said = _read_basis(basis)
    nodes = read_dose_network(
        data, (study, agent, dose), measure=measure, columns=dict(columns or {}), reference=reference
    )
    design = make_dose_network_design(nodes, curve, slopes, random=random)
    settings = make_settings(nodes.contrasts, random=random, tau2=tau2, inference=inference, level=level)
    asked = replace(settings, formula=f"estimate ~ {said}" + (" by agent" if slopes == "agent" else ""))
    return DoseNetwork(design, make_fit(design.nodes, design.problem, asked, design.coefficients))


def _read_basis(basis: str | Basis) -> tuple[Basis, str]:
    if not isinstance(basis, str):
        return basis, "+".join(basis.names("dose"))
    said = SHORT.get(basis.strip(), basis.strip())
    _, column, curve = read_curve(f"estimate ~ {said}")
    if column != "dose":
        raise SynthesisError(
            f"Found basis {basis!r}; wanted {', '.join(map(repr, SHORT))}, 'rcs(dose, [1, 5, 20])' or "
            "'log(dose + 1)'."
        )
    return curve, said
