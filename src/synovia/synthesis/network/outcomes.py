"""Networks of several outcomes at once, which learn from each other through the trials they share."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, quantile, quantiles, tail
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.outcome_covariance import read_correlation
from synovia.synthesis.network.outcome_design import OutcomeDesign, make_outcome_design
from synovia.synthesis.network.outcome_fitting import OutcomeSettings, fit_outcomes
from synovia.synthesis.network.outcome_view import OutcomeView
from synovia.synthesis.network.reading import read_network
from synovia.synthesis.random import Inner
from synovia.synthesis.rows import find_missing, require_columns
from synovia.synthesis.settings import CLUSTERED, Tau2
from synovia.synthesis.summary import Summary, count, show_p, show_test

__all__ = ["OutcomeNetwork", "outcome_network"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeNetwork:
    """Networks of several outcomes.

    Attributes
    ----------
    design : OutcomeDesign
        Outcomes, treatments and trials.
    fit : Fit
        The synthesis: effects against the reference, outcome by outcome.
    correlation : DataFrame
        The declared correlation of the outcomes within trials.
    """

    design: OutcomeDesign
    fit: Fit
    correlation: pd.DataFrame

    @property
    def outcomes(self) -> tuple[str, ...]:
        """In the order in which they came."""
        return self.design.outcomes

    @property
    def reference(self) -> str:
        """What effects on all outcomes are against."""
        return self.design.designs[0].reference

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the networks say about themselves."""
        return self.fit.warnings

    def between(self) -> pd.DataFrame | Inapplicable:
        """Covariance between trials of a comparison's true effects on the outcomes."""
        if self.design.base is None:
            return Inapplicable("common-effect networks have no between-trial variance")
        G = self.design.base.covariance(self.fit.point.psi)
        return pd.DataFrame(G, index=list(self.outcomes), columns=list(self.outcomes))

    def tidy(self, *, level: float | None = None) -> pd.DataFrame:
        """Every treatment against the reference, outcome by outcome.

        Parameters
        ----------
        level : float, optional
            Confidence level; that of the fit without it.

        Returns
        -------
        DataFrame
            outcome, treatment, reference, estimate, std_error, statistic, df, p_value, lower, upper,
            prediction_lower, prediction_upper (NaN for common effects), level; on the scale of the outcome.
        """
        tables = [
            self._list(place, [(name, design.reference) for name in design.treatments[1:]], level)
            for place, design in enumerate(self.design.designs)
        ]
        names = {"treatment_1": "treatment", "treatment_2": "reference"}
        return pd.concat(tables, ignore_index=True).rename(columns=names)

    def compare(self, outcome: str, first: str, second: str, *, level: float | None = None) -> pd.DataFrame:
        """One treatment minus another, on one outcome.

        Parameters
        ----------
        outcome, first, second : str
            Outcome and treatments.
        level : float, optional
            Confidence level; that of the fit without it.

        Returns
        -------
        DataFrame
            One row: outcome, treatment_1, treatment_2, then as ``tidy``.
        """
        return self._list(self.design.find_outcome(outcome), [(first, second)], level)

    def on(self, outcome: str) -> OutcomeView:
        """The network of one outcome, informed by the others: its ``rank`` and its ``league``."""
        place = self.design.find_outcome(outcome)
        own = self.design.designs[place]
        return OutcomeView(outcome, own, self.fit, self.design.spread(place, np.eye(own.problem.p)))

    def summary(self) -> Summary:
        """The networks on a page: ``as_text``, ``as_html``, ``as_latex``."""
        share = f"{100 * self.fit.settings.level:g}%"
        header = (f"against {self.reference}", "estimate", "std. error", f"{share} interval", "p")
        rows = tuple(
            (
                f"{row['outcome']}: {row['treatment']}",
                f"{row['estimate']:.4f}",
                f"{row['std_error']:.4f}",
                f"{row['lower']:.4f} to {row['upper']:.4f}",
                show_p(row["p_value"]),
            )
            for row in self.tidy().to_dict("records")
        )
        psi = self.fit.point.psi.tolist()
        told = [("Method", self.fit.method)]
        told += [(name, f"{value:.4g}") for name, value in zip(self.fit.names.variances, psi, strict=True)]
        found = self.fit.heterogeneity
        if not isinstance(found.q, Inapplicable):
            told.append(("Q", show_test(f"{found.q:.2f}", found.q_df, found.q_p_value)))
        counted = f"{count(len(self.outcomes), 'outcome')} in {count(len(self.design.studies), 'trial')}"
        return Summary(f"Networks of {counted}", header, rows, tuple(told), self.warnings)

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _list(self, place: int, pairs: list[tuple[str, str]], level: float | None) -> pd.DataFrame:
        own = self.design.designs[place]
        chosen = self.fit.settings.level if level is None else level
        L = self.design.spread(place, np.array([own.contrast(*pair) for pair in pairs]))
        inference = self.fit.inference
        estimate = L @ self.fit.point.beta
        error = np.sqrt(np.einsum("ij,jk,ik->i", L, inference.cov, L))
        df = inference.degrees(L)
        half, reach = quantiles(chosen, df) * error, self._reach(place, error, chosen)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = estimate / error
        return pd.DataFrame(
            {
                "outcome": self.outcomes[place],
                "treatment_1": [first for first, _ in pairs],
                "treatment_2": [second for _, second in pairs],
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

    def _reach(self, place: int, error: Floats, level: float) -> Floats:
        """Half the width of the prediction interval; NaN where there is none."""
        own, between = self.design.designs[place].problem, self.between()
        if isinstance(between, Inapplicable) or own.n == own.p:
            return np.full(error.size, np.nan)
        tau2 = between.to_numpy()[place, place]
        return np.asarray(quantile(level, float(own.n - own.p)) * np.sqrt(error**2 + tau2))


def outcome_network(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame | Mapping[str, pd.DataFrame | Contrasts],
    *,
    correlation: float | pd.DataFrame,
    outcome: str = "outcome",
    measure: str | Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    reference: str | None = None,
    structure: str | None = "UN",
    tau2: Tau2 = "REML",
    inference: str = "z",
    level: float = 0.95,
) -> OutcomeNetwork:
    r"""Compare all treatments on several outcomes that the same trials report.

    Parameters
    ----------
    data : DataFrame or mapping of str to DataFrame or Contrasts
        One table with a column of outcomes, or a table for each; rows as for ``network``.
    correlation : float or DataFrame
        Declared correlation of the outcomes within a trial, that of the estimates of one comparison; one for
        all pairs of outcomes, or a table with a row and a column for each. Vary it: it is rarely reported.
    outcome : str
        Column of outcomes of a single table.
    measure : str or mapping of str to str, optional
        Effect measure, of all outcomes or of each; needed for arms.
    columns : mapping of str to str, optional
        What the tables call the columns of ``network``.
    reference : str, optional
        Treatment that effects are against; without it the first in alphabetical order that all outcomes have.
    structure : {"UN", "HCS", "CS", "DIAG"} or None
        How the true effects of a trial vary: every outcome its variance and every pair its correlation,
        one correlation for all pairs, one variance as well, no correlation; None for common effects.
    tau2 : str or mapping of str to float
        "REML", "ML", or values by name, such as ``{"tau2[pain]": 0.1}``, the others by REML.
    inference : str
        "z", "t", "knapp-hartung" and the other kinds of ``meta``; the cluster-robust ones by trial.
    level : float
        Confidence level.

    Returns
    -------
    OutcomeNetwork

    Raises
    ------
    SynthesisError
        When the network of an outcome does not hang together, or nothing tells a variance or correlation; the
        outcome is named.
    NotPositiveDefinite
        When no outcomes can be correlated as declared.

    Notes
    -----
    With effects :math:`d_{ok}` of treatment k on outcome o, a trial i with baseline b estimates

    .. math:: y_{io,bk} = d_{ok} - d_{ob} + u_{io,bk} + e_{io,bk}, \quad
        u_i \sim N\bigl(0, \tfrac12 (I + J) \otimes G\bigr), \quad
        \operatorname{Cov}(e_{io}, e_{ip}) = \rho_{op}\, (V_{io} \# V_{ip})

    with the exact covariance :math:`V_{io}` of the comparisons on one outcome, and across outcomes the
    geometric mean of two of them, which is :math:`\rho_{op} s_{io} s_{ip}` for two arms and does not depend
    on baselines. Arms that report one outcome only are joined through the arms that report both. Efthimiou
    et al. (2015), Biostatistics 16, 84-97; Achana et al. (2014), BMC Medical Research Methodology 14, 92;
    Jackson, Bujkiewicz, Law, Riley & White (2018), Biometrics 74, 548-556.

    Examples
    --------
    >>> pain = pd.DataFrame({"study": list("abcd"), "treatment_1": list("BCCB"), "treatment_2": list("AABA"),
    ...                      "estimate": [1.0, 2.0, 1.5, 0.7], "std_error": [0.5, 0.5, 0.5, 0.4]})
    >>> both = {"pain": pain, "function": pain.assign(estimate=[0.4, 1.1, 0.5, 0.9])}
    >>> outcome_network(both, correlation=0.5, structure=None).tidy().iloc[:, :5].round(2)
        outcome treatment reference  estimate  std_error
    0      pain         B         A      0.77       0.29
    1      pain         C         A      2.13       0.38
    2  function         B         A      0.69       0.29
    3  function         C         A      1.14       0.38
    """
    networks = _read(data, outcome, measure, columns)
    declared = read_correlation(correlation, tuple(networks))
    design = make_outcome_design(networks, declared, structure, reference)
    settings = OutcomeSettings(
        formula="estimate ~ outcome:treatment",
        variance="variance",
        random=None if structure is None else Inner("outcome", "study", structure),
        tau2=tau2,
        inference=inference,
        level=level,
        cluster="study" if inference in CLUSTERED else None,
        structure=structure,
    )
    return OutcomeNetwork(design, fit_outcomes(design, settings), declared)


def _read(
    data: pd.DataFrame | Mapping[str, pd.DataFrame | Contrasts],
    outcome: str,
    measure: str | Mapping[str, str] | None,
    columns: Mapping[str, str] | None,
) -> dict[str, Contrasts]:
    """The comparisons of each outcome."""
    tables: Mapping[str, pd.DataFrame | Contrasts]
    if isinstance(data, pd.DataFrame):
        require_columns(data, [outcome])
        empty = find_missing(data[outcome])
        if empty.any():
            raise SynthesisError(f"Row {int(np.argmax(empty)) + 1} has no {outcome}; fill it in.")
        tables = {str(name): own for name, own in data.groupby(outcome, sort=False)}
    else:
        tables = data
    if not tables:
        raise SynthesisError("Found no outcome; wanted a table for each.")
    networks = {}
    for name, table in tables.items():
        own = measure.get(name) if isinstance(measure, Mapping) else measure
        try:
            networks[name] = read_network(table, own, columns)
        except SynthesisError as error:
            raise type(error)(f"Outcome {name}: {error}") from error
    return networks
