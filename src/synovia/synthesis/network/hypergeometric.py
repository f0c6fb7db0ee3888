"""Events of the arms of a trial given their total: the multivariate non-central hypergeometric likelihood."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln, xlogy

from synovia.synthesis.exact.family import choose
from synovia.synthesis.network.count_arms import Trial

__all__ = ["Moments", "condition", "condition_rare"]

Floats = NDArray[np.float64]
STEPS = 200
SETTLED = 1e-10  # events: how close the tilted means come to the total, which only scaling needs


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """A trial's log-likelihood at given effects, and the mean and covariance of its events.

    Attributes
    ----------
    log_lik : float
    mean : ndarray of shape (m,)
    cov : ndarray of shape (m, m)
    """

    log_lik: float
    mean: Floats
    cov: Floats


def condition(trial: Trial, effects: Floats) -> Moments:
    r"""Events given their total, exactly.

    Parameters
    ----------
    trial : Trial
        Events and participants.
    effects : ndarray of shape (m,)
        Log odds of the arms against any common baseline.

    Notes
    -----
    .. math:: P(a \mid M) = \frac{\prod_j \binom{n_j}{a_j} e^{a_j d_j}}
        {\sum_{x_1 + \dots + x_m = M} \prod_j \binom{n_j}{x_j} e^{x_j d_j}}

    The sum is a convolution of binomial weights. They are tilted by a common c, which conditioning removes,
    so that their means add up to M and nothing underflows: with :math:`p_j = \operatorname{expit}(d_j + c)`
    and independent binomial X, the likelihood is :math:`\prod_j P(X_j = a_j) / P(\sum_j X_j = M)`. Means and
    covariances are convolutions as well. Fisher (1935), JRSS 98, 39-82; Stijnen, Hamza & Özdemir (2010),
    Statistics in Medicine 29, 3046-3067, section 3.
    """
    total, eta = int(trial.events.sum()), effects + _tilt(trial, effects)
    counts = [np.arange(int(min(n, total)) + 1, dtype=np.float64) for n in trial.n]
    weights = [np.exp(_log_binomial(x, n, e)) for x, n, e in zip(counts, trial.n, eta, strict=True)]
    whole, m = _meet(weights, total), len(weights)
    own = sum(_log_binomial(x, n, e) for x, n, e in zip(trial.events, trial.n, eta, strict=True))
    mean = np.array([_meet(_moved(weights, {j: counts[j]}), total) for j in range(m)]) / whole
    gaps = [x - centre for x, centre in zip(counts, mean, strict=True)]
    cov = np.zeros((m, m))
    for j in range(m):
        cov[j, j] = _meet(_moved(weights, {j: gaps[j] ** 2}), total) / whole
        for k in range(j):
            cov[j, k] = cov[k, j] = _meet(_moved(weights, {j: gaps[j], k: gaps[k]}), total) / whole
    return Moments(float(own - np.log(whole)), mean, cov)


def condition_rare(trial: Trial, effects: Floats) -> Moments:
    r"""Events given their total when they are rare: a multinomial distribution.

    Parameters
    ----------
    trial : Trial
        Events and participants.
    effects : ndarray of shape (m,)
        Log odds of the arms against any common baseline.

    Notes
    -----
    With :math:`\binom{n_j}{a_j} \approx n_j^{a_j}/a_j!` the events are multinomial with shares
    :math:`n_j e^{d_j} / \sum_k n_k e^{d_k}`. Stijnen, Hamza & Özdemir (2010), section 3.4.
    """
    total = trial.events.sum()
    shares = trial.n * np.exp(effects - effects.max())
    shares = shares / shares.sum()
    ways = gammaln(total + 1) - gammaln(trial.events + 1).sum()
    log_lik = float(ways + xlogy(trial.events, shares).sum())
    return Moments(log_lik, total * shares, total * (np.diag(shares) - np.outer(shares, shares)))


def _log_binomial(x: Floats, n: float, eta: float) -> Floats:
    return np.asarray(choose(np.asarray(n, dtype=np.float64), x) + x * eta - n * np.logaddexp(0.0, eta))


def _tilt(trial: Trial, effects: Floats) -> float:
    """What brings the expected events to the total: bisection, safe where Newton's method is not."""
    total, n = trial.events.sum(), trial.n
    start = np.log(total / (n.sum() - total))
    low, high = start - effects.max(), start - effects.min()
    for _ in range(STEPS):
        middle = (low + high) / 2
        over = float((n * expit(effects + middle)).sum() - total)
        if abs(over) < SETTLED:
            break
        low, high = (low, middle) if over > 0 else (middle, high)
    return float((low + high) / 2)


def _moved(weights: list[Floats], by: dict[int, Floats]) -> list[Floats]:
    return [w * by[j] if j in by else w for j, w in enumerate(weights)]


def _meet(weights: list[Floats], total: int) -> float:
    """The part of the convolution at the total."""
    joined = weights[0]
    for w in weights[1:-1]:
        joined = np.convolve(joined, w)[: total + 1]
    last = weights[-1]
    x = np.arange(last.size)
    x = x[(total - x >= 0) & (total - x < joined.size)]
    return float(last[x] @ joined[total - x])
