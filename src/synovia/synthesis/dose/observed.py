"""What trials saw of the curves of a dose-response network, and whether the curves describe it."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from synovia.kernel import Inapplicable, Problem, Wald, find_dependent_columns, point, quantile
from synovia.synthesis.choosing import choose_psi
from synovia.synthesis.dose.network_design import DoseNetworkDesign
from synovia.synthesis.dose.nodes import Nodes
from synovia.synthesis.fit import Fit

__all__ = ["compare_with_doses", "find_observed"]

Floats = NDArray[np.float64]
Seen = tuple[str, str, float, float, float, str]


def find_observed(design: DoseNetworkDesign, beta: Floats, level: float) -> pd.DataFrame:
    """Every arm above dose 0 against dose 0.

    Parameters
    ----------
    design : DoseNetworkDesign
        Trials and curves.
    beta : ndarray of shape (p,)
        Coefficients of the curves.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        label (the trial), agent, dose, estimate, std_error, against (what the trial compared it with), lower,
        upper, weight. Arms of a trial without dose 0 are moved to where the curves put the arm that they were
        compared with.
    """
    studies = np.unique(design.nodes.contrasts.study).tolist()
    heights = design.layout.heights(design.nodes.agent, design.nodes.dose, beta)
    rows = [row for number in studies for row in _read_trial(design.nodes, number, heights)]
    table = pd.DataFrame(rows, columns=["label", "agent", "dose", "estimate", "std_error", "against"])
    half = quantile(level, np.inf) * table["std_error"]
    lower, upper = table["estimate"] - half, table["estimate"] + half
    return table.assign(lower=lower, upper=upper, weight=1 / table["std_error"] ** 2)


def _read_trial(nodes: Nodes, number: int, heights: Floats) -> list[Seen]:
    contrasts = nodes.contrasts
    own = np.flatnonzero(contrasts.study == number)
    arms = np.r_[contrasts.baseline[own[0]], contrasts.arm[own]]
    y = np.r_[0.0, contrasts.y[own]]
    V = np.zeros((arms.size, arms.size))
    i, j, values = contrasts.V.restrict(own).entries()
    V[i + 1, j + 1] = values
    zero = np.flatnonzero(nodes.agent[arms] < 0)
    base = int(zero[0]) if zero.size else 0
    spread = V.diagonal() + V[base, base] - 2 * V[base]
    error, above = np.sqrt(spread), y - y[base] + heights[arms[base]]
    return [
        (
            contrasts.studies[number],
            nodes.agents[nodes.agent[arm]],
            float(nodes.dose[arm]),
            float(above[place]),
            float(error[place]),
            contrasts.treatments[arms[base]],
        )
        for place, arm in enumerate(arms.tolist())
        if place != base and nodes.agent[arm] >= 0
    ]


def compare_with_doses(design: DoseNetworkDesign, fit: Fit) -> Wald | Inapplicable:
    r"""Curves against a network in which every dose is its own treatment.

    Parameters
    ----------
    design : DoseNetworkDesign
        Trials and curves.
    fit : Fit
        The synthesis of the curves.

    Notes
    -----
    At the tau2 of the network of doses, which is free of the curves, the least weighted sum of squares of the
    curves less that of the network of doses is chi-squared on as many degrees of freedom as the network has
    effects more than the curves have coefficients. Emax curves are linear around their coefficients here.
    """
    contrasts, problem = design.nodes.contrasts, fit.problem
    lost = find_dependent_columns(contrasts.incidence)
    kept = [place for place in range(len(contrasts.treatments)) if place not in lost]
    df = len(kept) - problem.p
    if df < 1:
        return Inapplicable("the curves have as many coefficients as the doses have effects")
    free = Problem(contrasts.y, contrasts.incidence[:, kept], problem.V, problem.terms)
    if problem.terms and isinstance(fit.settings.tau2, str) and free.n == free.p:
        return Inapplicable("no dose was compared twice: nothing but the curves tells tau2")
    at = choose_psi(free, fit.settings, fit.names.variances).point
    statistic = max(point(problem, at.psi).rss - at.rss, 0.0)
    return Wald(statistic, df, float("inf"), float(chdtrc(df, statistic)), "chi2")
