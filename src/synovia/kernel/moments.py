r"""Tau2 from the expectation or the median of a generalised Q.

For symmetric weights A and :math:`P_A = A - AX(X'AX)^{-1}X'A` the statistic :math:`Q_A = y'P_Ay` has the
expectation :math:`\operatorname{tr}(P_AV) + \tau^2\operatorname{tr}(P_AZZ')`. Every estimator of this file
sets one such Q equal to its expectation or to its median; they differ in A. DerSimonian & Kacker (2007),
Contemporary Clinical Trials 28, 105-114; Viechtbauer (2005), Journal of Educational and Behavioral Statistics
30, 261-293.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import chdtri

from synovia.errors import SynthesisError
from synovia.kernel.choose import (
    Choice,
    Convergence,
    dersimonian_laird,
    paule_mandel,
    require_one_variance,
    solve_q,
)
from synovia.kernel.generalised import GeneralisedQ, is_independent, make_generalised_q
from synovia.kernel.point import point
from synovia.kernel.problem import Problem
from synovia.kernel.traces import trace_projection, trace_term

__all__ = [
    "generalised_q",
    "hedges",
    "hunter_schmidt",
    "hunter_schmidt_corrected",
    "iterate",
    "median_generalised_q",
    "median_paule_mandel",
    "sidik_jonkman",
    "solve_below",
    "start_sidik_jonkman",
    "two_step_dersimonian_laird",
    "two_step_hedges",
]

Floats = NDArray[np.float64]


def hedges(problem: Problem) -> Choice:
    """Tau2 from the unweighted residual sum of squares; its closed form needs no tau2 in the weights.

    Parameters
    ----------
    problem : Problem
        With one random term; any V and any number of coefficients.

    Raises
    ------
    SynthesisError
        When the problem does not have exactly one variance, or the data say nothing about it.

    Notes
    -----
    ``generalised_q`` with equal weights: Hedges (1983), Psychological Bulletin 93, 388-395; Hedges & Olkin
    (1985), Statistical Methods for Meta-Analysis. Also called variance component or Cochran's ANOVA
    estimator.
    """
    return generalised_q(problem, np.ones(problem.n))


def generalised_q(problem: Problem, weights: ArrayLike) -> Choice:
    r"""Tau2 by the method of moments with weights of one's own.

    Parameters
    ----------
    problem : Problem
        With one random term; any V and any number of coefficients.
    weights : array_like of shape (n,)
        Above 0, fixed in advance; only their ratios matter.

    Raises
    ------
    SynthesisError
        As ``hedges``, and when a weight is not a finite number above 0; its row is named by number.

    Notes
    -----
    .. math:: \hat\tau^2 = \max\left(0, \frac{Q_A - \operatorname{tr}(P_AV)}{\operatorname{tr}(P_AZZ')}\right)

    DerSimonian & Kacker (2007), equation 6; Jackson, Turner, Rhodes & Viechtbauer (2014), BMC Medical
    Research Methodology 14, 103.
    """
    require_one_variance(problem)
    found = make_generalised_q(problem, weights)
    return _close(problem, (found.q - found.sampling) / found.slope)


def median_generalised_q(problem: Problem, weights: ArrayLike) -> Choice:
    """Tau2 at which the generalised Q observed is the median of its exact distribution.

    Parameters
    ----------
    problem : Problem
        With one random term.
    weights : array_like of shape (n,)
        Above 0, fixed in advance.

    Raises
    ------
    SynthesisError
        As ``generalised_q``.

    Notes
    -----
    As likely too small as too large wherever it is above 0. Viechtbauer (2021), in Schmid, Stijnen & White
    (eds), Handbook of Meta-Analysis, chapter 11; the distribution: Jackson (2013), Research Synthesis Methods
    4, 220-229.
    """
    require_one_variance(problem)
    found = make_generalised_q(problem, weights)
    psi = solve_below(found, 0.5)
    said = "Q is the median of its distribution" if psi > 0 else "Q is at most its median at tau2 = 0"
    return _met(problem, psi, said, psi == 0, found.below(psi) - 0.5)


def solve_below(found: GeneralisedQ, probability: float) -> float:
    """The tau2 at which a Q as small as the one observed has a given probability, 0 when it has less at 0.

    There always is one: with weights that are fixed, Q grows with tau2 beyond any bound.
    """

    def excess(tau2: float) -> float:
        return found.below(tau2) - probability

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, found.sampling / found.slope
    while excess(high) > 0:
        low, high = high, 4 * high
    root: float = brentq(excess, low, high, xtol=1e-15 * high, rtol=1e-14, maxiter=200)
    return root


def hunter_schmidt(problem: Problem) -> Choice:
    r"""Tau2 of the Hunter-Schmidt approach: small mean squared error, biased downwards in few studies.

    Parameters
    ----------
    problem : Problem
        Of independent estimates, each with its own random effect.

    Raises
    ------
    SynthesisError
        As ``hedges``, and when estimates covary or share a random effect.

    Notes
    -----
    .. math:: \hat\tau^2 = \max\left(0, \frac{Q - k}{\sum w_i}\right), \qquad w_i = 1/v_i

    Hunter & Schmidt (2004), Methods of Meta-Analysis; Viechtbauer (2005), equation 14.
    """
    return _hunter_schmidt(problem, 1.0)


def hunter_schmidt_corrected(problem: Problem) -> Choice:
    r"""``hunter_schmidt`` with Q scaled by k / (k - p), which removes most of its bias.

    Notes
    -----
    .. math:: \hat\tau^2 = \max\left(0, \frac{\frac{k}{k-p}Q - k}{\sum w_i}\right)

    Brannick, Potter, Benitez & Morris (2019), Research Synthesis Methods 10, 227-246.
    """
    return _hunter_schmidt(problem, problem.n / max(1, problem.n - problem.p))


def _hunter_schmidt(problem: Problem, factor: float) -> Choice:
    require_one_variance(problem)
    _require_independence(problem, "Hunter-Schmidt")
    at = point(problem, [0.0])
    return _close(problem, (factor * at.rss - problem.n) / trace_term(problem, at, 0))


def sidik_jonkman(problem: Problem) -> Choice:
    r"""Tau2 from a crude estimate, corrected once by the weights it implies; always above 0.

    Parameters
    ----------
    problem : Problem
        Of independent estimates, each with its own random effect.

    Raises
    ------
    SynthesisError
        As ``hunter_schmidt``.

    Notes
    -----
    .. math:: \hat\tau^2 = \tau_0^2\,\frac{Q(\tau_0^2)}{k - p}, \qquad \tau_0^2 = \tfrac1k\sum(y_i - \bar y)^2

    Overestimates when heterogeneity is small, because the crude estimate includes the sampling errors. Sidik
    & Jonkman (2005), Applied Statistics 54, 367-384.
    """
    require_one_variance(problem)
    _require_independence(problem, "Sidik-Jonkman")
    start = start_sidik_jonkman(problem)
    return _close(problem, start * point(problem, [start]).rss / (problem.n - problem.p))


def start_sidik_jonkman(problem: Problem) -> float:
    """The crude variance from which ``sidik_jonkman`` starts, whatever the moderators."""
    return float(np.var(problem.y))


def two_step_dersimonian_laird(problem: Problem) -> Choice:
    r"""Tau2 by the method of moments with the weights that DerSimonian and Laird's estimate implies.

    Parameters
    ----------
    problem : Problem
        With one random term.

    Notes
    -----
    .. math:: \hat\tau^2 = \max\left(0, \tau_0^2 + \frac{Q(\tau_0^2) - (n-p)}{\operatorname{tr}(PZZ')}\right)

    DerSimonian & Kacker (2007), DL2. Repeated until nothing changes it becomes ``paule_mandel``.
    """
    return _step(problem, dersimonian_laird(problem))


def two_step_hedges(problem: Problem) -> Choice:
    """Tau2 as by ``two_step_dersimonian_laird``, starting from ``hedges``.

    Notes
    -----
    DerSimonian & Kacker (2007), CA2.
    """
    return _step(problem, hedges(problem))


def _step(problem: Problem, first: Choice) -> Choice:
    gap = first.point.rss - (problem.n - problem.p)
    return _close(problem, float(first.psi[0]) + gap / trace_projection(problem, first.point, 0))


def median_paule_mandel(problem: Problem) -> Choice:
    """Tau2 at which the generalised Q equals the median of chi-squared on n - p degrees of freedom.

    Parameters
    ----------
    problem : Problem
        With one random term; any V and any number of coefficients.

    Raises
    ------
    SynthesisError
        As ``paule_mandel``.

    Notes
    -----
    As likely too small as too large wherever it is above 0, while Paule and Mandel's is too small more often
    than not. Viechtbauer (2021), Handbook of Meta-Analysis, chapter 11.
    """
    require_one_variance(problem)
    target = float(chdtri(problem.n - problem.p, 0.5))
    psi, _ = solve_q(problem, target)
    if psi is None:
        raise SynthesisError(
            f"Q stays above its median, {target:.4g}, whatever tau2 is, because effects of one group differ "
            "by more than their sampling errors; use tau2='REML' or random='effect'."
        )
    said = "Q equals the median of its distribution" if psi > 0 else "Q is at most its median at tau2 = 0"
    return _met(problem, psi, said, psi == 0, point(problem, [psi]).rss - target)


def iterate(name: str) -> Callable[[Problem], Choice]:
    """Paule and Mandel's estimate, to which an iterated estimator converges, under that estimator's name.

    Sidik and Jonkman's step multiplies tau2 by Q / (n - p), DerSimonian and Laird's adds (Q - (n - p)) / tr
    P, and the empirical Bayes step of Morris (1983) adds a positive multiple of the same gap: each stands
    still only where Q equals n - p, or at 0 when Q is less than that everywhere. The root is unique, because
    Q falls in tau2.
    """

    def choose(problem: Problem) -> Choice:
        require_one_variance(problem)
        _require_independence(problem, name)
        return paule_mandel(problem)

    return choose


def _require_independence(problem: Problem, name: str) -> None:
    if not is_independent(problem):
        raise SynthesisError(
            f"The {name} estimator of tau2 is defined for independent estimates with a random effect each; "
            "here estimates covary or share one. Use tau2='REML' or tau2='PM'."
        )


def _close(problem: Problem, excess: float) -> Choice:
    psi = max(0.0, excess)
    return _met(
        problem, psi, "closed form" if excess > 0 else "closed form, negative and set to 0", excess <= 0
    )


def _met(problem: Problem, psi: float, said: str, at_boundary: bool, score: float = 0.0) -> Choice:
    at = point(problem, [psi])
    return Choice(at.psi, at, Convergence(1, score, at_boundary, converged=True, message=said))
