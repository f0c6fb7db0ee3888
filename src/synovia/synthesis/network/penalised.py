"""Networks of odds ratios by penalised logistic regression: finite also where an arm has no events."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from synovia.kernel import Convergence
from synovia.synthesis.network.binary import fit_again, make_count_network
from synovia.synthesis.network.count_arms import ArmCounts, read_counts
from synovia.synthesis.network.count_network import CountNetwork, Pooled

__all__ = ["penalised_network"]

Floats = NDArray[np.float64]

STEPS, HALVINGS = 200, 40
FLAT = 1e-20  # squared length of a step in standard errors: effects are exact to rounding
METHOD = "network, common effects; logistic regression, likelihood penalised by Firth"


def penalised_network(
    data: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    reference: str | None = None,
    level: float = 0.95,
) -> CountNetwork:
    r"""Compare all treatments of a network by logistic regression with Firth's penalty.

    Parameters
    ----------
    data : DataFrame
        One row per arm: study, treatment, events, n.
    columns : mapping of str to str, optional
        What the table calls these columns.
    reference : str, optional
        Treatment that effects are against; the first in alphabetical order without it.
    level : float
        Confidence level.

    Returns
    -------
    CountNetwork
        Log odds ratios, common to all trials. They are finite also where a treatment has no events at all.

    Raises
    ------
    SynthesisError
        When an arm cannot be used, or the network does not hang together.

    Notes
    -----
    With a baseline of its own for each trial, :math:`\operatorname{logit} \pi_{ij} = \alpha_i + d_{t(ij)}`,

    .. math:: \ell^*(\alpha, d) = \sum_{ij} \bigl\{a_{ij} \ln \pi_{ij} + (n_{ij} - a_{ij}) \ln(1 - \pi_{ij})
        \bigr\} + \tfrac12 \ln |I(\alpha, d)|

    is maximised by scoring with :math:`a_{ij} + h_{ij}/2` events in :math:`n_{ij} + h_{ij}`, h the leverage;
    standard errors are those of the information I there. The penalty takes away the first-order bias of the
    likelihood. One trial of two arms is the odds ratio with a half added to every cell. Firth (1993),
    Biometrika 80, 27-38; Evrenoglou, White, Afach, Mavridis & Chaimani (2022), Statistics in Medicine 41,
    5203-5219.

    Examples
    --------
    >>> arms = pd.DataFrame({"study": ["s1", "s1", "s2", "s2"], "treatment": ["A", "B", "A", "C"],
    ...                      "events": [0, 3, 0, 6], "n": [100, 100, 150, 150]})
    >>> penalised_network(arms).effects()[["treatment", "estimate", "std_error"]].round(2)
      treatment  estimate  std_error
    0         B      1.98       1.53
    1         C      2.61       1.48
    """
    counts = read_counts(data, columns, reference)
    pooled = _climb(_lay_out(counts))
    again = partial(fit_again, penalised_network, level)
    return make_count_network(counts, pooled, METHOD, level, ("LRP", None, again))


@dataclass(frozen=True, slots=True, eq=False)
class _Arms:
    """All arms of all trials.

    Attributes
    ----------
    events, n : ndarray of shape (N,)
    X : ndarray of shape (N, k + T - 1)
        Trials, then treatments but the reference.
    trials : int
    """

    events: Floats
    n: Floats
    X: Floats
    trials: int


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """The penalised likelihood at one place: its value, the step to the next, and the inverse information."""

    value: float
    step: Floats
    length: float
    cov: Floats


def _lay_out(counts: ArmCounts) -> _Arms:
    sizes = [trial.arms.size for trial in counts.trials]
    arms = np.concatenate([trial.arms for trial in counts.trials])
    study = np.repeat(np.arange(len(sizes)), sizes)
    X = np.hstack([np.eye(len(sizes))[study], np.eye(len(counts.design.treatments))[arms][:, 1:]])
    events, n = (
        np.concatenate([getattr(trial, name) for trial in counts.trials]) for name in ("events", "n")
    )
    return _Arms(events, n, X, len(sizes))


def _look(arms: _Arms, theta: Floats) -> _Look:
    eta = arms.X @ theta
    risk = expit(eta)
    weight = arms.n * risk * (1 - risk)
    half = np.sqrt(weight)[:, None] * arms.X
    R = np.linalg.cholesky(half.T @ half)
    turned = np.linalg.solve(R, half.T)
    leverage = (turned**2).sum(axis=0)
    slope = arms.X.T @ (arms.events + leverage / 2 - (arms.n + leverage) * risk)
    back = np.linalg.inv(R)
    cov = back.T @ back
    step = cov @ slope
    likelihood = (arms.events * eta - arms.n * np.logaddexp(0.0, eta)).sum()
    return _Look(float(likelihood + np.log(np.diag(R)).sum()), step, float(slope @ step), np.asarray(cov))


def _climb(arms: _Arms) -> Pooled:
    """Fisher scoring with halved steps."""
    theta = np.zeros(arms.X.shape[1])
    at, steps = _look(arms, theta), 0
    while at.length > FLAT and steps < STEPS:
        share, found = 1.0, _look(arms, theta + at.step)
        while found.value < at.value - 1e-12 * abs(at.value) and share > 0.5**HALVINGS:
            share /= 2
            found = _look(arms, theta + share * at.step)
        theta, at, steps = theta + share * at.step, found, steps + 1
    how = Convergence(
        steps,
        float(np.sqrt(at.length)),
        at_boundary=False,
        converged=at.length < 1e-12,
        message="Fisher scoring",
    )
    k = arms.trials
    return Pooled(theta[k:], at.cov[k:, k:], (), how, at.value)
