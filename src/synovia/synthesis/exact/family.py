"""Distributions of counts given a linear predictor, as natural exponential families.

A study has J counts y with linear predictors eta; its log-likelihood is the sum of y eta - K(eta) and a
constant. Every K is analytic and evaluated so that complex arguments are exact to first order: derivatives of
whatever is built on it can be taken by complex steps (Squire & Trapp 1998, SIAM Review 40, 110-112).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

__all__ = ["Binomial", "Family", "Hypergeometric", "Poisson", "choose"]

Floats = NDArray[np.float64]
OWN_STEPS = 200  # of at most 1 each on the log scale; ten are usual
Numbers = NDArray[Any]  # real, or complex within a complex step


class Family(Protocol):
    """A natural exponential family for n studies with J counts each."""

    @property
    def y(self) -> Floats:
        """(n, J) counts."""
        ...

    @property
    def constant(self) -> Floats:
        """(n,) log-likelihood less its part with eta."""
        ...

    @property
    def saturated(self) -> Floats:
        """(n,) log-likelihood at its supremum over all eta."""
        ...

    def solve_own(self) -> tuple[Floats, Floats]:
        """(n, J) each eta from its own count, and its information; both 0 where it is infinite."""
        ...

    def cumulant(self, eta: Numbers) -> Numbers:
        """(n, J, m) K at eta of the same shape."""
        ...

    def moments(self, eta: Numbers) -> tuple[Numbers, Numbers]:
        """(n, J, m) first and second derivatives of K."""
        ...


def choose(n: Floats, y: Floats) -> Floats:
    """Logarithm of the number of ways to choose y of n."""
    return np.asarray(gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Binomial:
    r"""Events y among ``size``: :math:`K = N \ln(1 + e^\eta)`."""

    y: Floats
    size: Floats

    @property
    def constant(self) -> Floats:
        """(n,) binomial coefficients."""
        return np.asarray(choose(self.size, self.y).sum(axis=1))

    @property
    def saturated(self) -> Floats:
        """(n,) at the observed proportions."""
        y, rest = self.y, self.size - self.y
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = np.where(y > 0, y * np.log(y / self.size), 0.0)
            parts += np.where(rest > 0, rest * np.log(rest / self.size), 0.0)
        return np.asarray(self.constant + parts.sum(axis=1))

    def solve_own(self) -> tuple[Floats, Floats]:
        """Observed logits with N p (1 - p)."""
        rest = self.size - self.y
        free = (self.y > 0) & (rest > 0)
        eta = np.log(np.where(free, self.y, 1.0) / np.where(free, rest, 1.0))
        return eta, np.where(free, self.y * rest / self.size, 0.0)

    def cumulant(self, eta: Numbers) -> Numbers:
        """N log(1 + exp(eta)), without overflow."""
        up = eta.real > 0
        return np.asarray(
            self.size[:, :, None] * (np.where(up, eta, 0) + np.log1p(np.exp(np.where(up, -eta, eta))))
        )

    def moments(self, eta: Numbers) -> tuple[Numbers, Numbers]:
        """N p and N p (1 - p)."""
        up = eta.real > 0
        small = np.exp(np.where(up, -eta, eta))
        p = np.where(up, 1 / (1 + small), small / (1 + small))
        return self.size[:, :, None] * p, self.size[:, :, None] * small / (1 + small) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class Poisson:
    r"""Events y in ``time``: :math:`K = t e^\eta`."""

    y: Floats
    time: Floats

    @property
    def constant(self) -> Floats:
        """(n,) y log t - log y!."""
        return np.asarray((self.y * np.log(self.time) - gammaln(self.y + 1)).sum(axis=1))

    @property
    def saturated(self) -> Floats:
        """(n,) at the observed rates."""
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = np.where(self.y > 0, self.y * np.log(self.y / self.time), 0.0) - self.y
        return np.asarray(self.constant + parts.sum(axis=1))

    def solve_own(self) -> tuple[Floats, Floats]:
        """Observed log rates with the counts."""
        free = self.y > 0
        return np.log(np.where(free, self.y / self.time, 1.0)), np.where(free, self.y, 0.0)

    def cumulant(self, eta: Numbers) -> Numbers:
        """T exp(eta)."""
        return np.asarray(self.time[:, :, None] * np.exp(np.where(eta.real > 700, 700, eta)))

    def moments(self, eta: Numbers) -> tuple[Numbers, Numbers]:
        """T exp(eta), twice."""
        mean = self.cumulant(eta)
        return mean, mean


@dataclass(frozen=True, slots=True, eq=False)
class Hypergeometric:
    r"""Events in the first of two groups, given all events: Fisher's non-central hypergeometric distribution.

    .. math:: P(a \mid m) = \frac{\binom{n_1}{a}\binom{n_2}{m-a} e^{a\eta}}{\sum_j
       \binom{n_1}{j}\binom{n_2}{m-j} e^{j\eta}}

    with eta the log odds ratio. Supports of all studies lie end to end, each counted from the observed
    events.

    Attributes
    ----------
    y : ndarray of shape (n, 1)
        0: what was observed is where counting starts.
    offsets : ndarray of shape (points,)
        Values of the support less the observed events.
    log_ways : ndarray of shape (points,)
        Logarithm of the number of tables with that value, less that of the observed one.
    starts : ndarray of int of shape (n,)
        Where the support of each study begins.
    study : ndarray of int of shape (points,)
        Study of each value.
    """

    y: Floats
    offsets: Floats
    log_ways: Floats
    starts: NDArray[np.intp]
    study: NDArray[np.intp]

    @classmethod
    def from_tables(cls, a: Floats, n1: Floats, c: Floats, n2: Floats) -> "Hypergeometric":
        """Two groups of each study.

        Parameters
        ----------
        a, n1 : ndarray of shape (n,)
            Events and participants of the first group.
        c, n2 : ndarray of shape (n,)
            Of the second.
        """
        events = a + c
        low, high = np.maximum(0, events - n2), np.minimum(n1, events)
        counts = (high - low + 1).astype(np.intp)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp)
        study = np.repeat(np.arange(a.size), counts)
        j = np.arange(int(counts.sum()), dtype=np.float64) - starts[study] + low[study]
        ways = choose(n1[study], j) + choose(n2[study], events[study] - j)
        ways -= (choose(n1, a) + choose(n2, c))[study]
        return cls(np.zeros((a.size, 1)), j - a[study], ways, starts, study)

    @property
    def constant(self) -> Floats:
        """(n,) 0: the observed table is the unit."""
        return np.zeros(self.y.shape[0])

    @property
    def edge(self) -> NDArray[np.bool_]:
        """(n,) where the observed value is the smallest or the largest possible."""
        low = np.minimum.reduceat(self.offsets, self.starts)
        high = np.maximum.reduceat(self.offsets, self.starts)
        return np.asarray((low == 0) | (high == 0))

    @property
    def saturated(self) -> Floats:
        """(n,) at the conditional estimate of each study; 0 where the observed value is at an end."""
        eta, information = self.solve_own()
        reached = -self.cumulant(eta[:, :, None])[:, 0, 0]
        return np.where(information[:, 0] > 0, reached, 0.0)

    def solve_own(self) -> tuple[Floats, Floats]:
        """Conditional maximum likelihood estimates, by Newton's method with bounded steps."""
        free = ~self.edge[:, None]
        eta = np.zeros(free.shape)
        variance = np.ones(free.shape)
        for _ in range(OWN_STEPS):
            mean, variance = (part[:, :, 0] for part in self.moments(eta[:, :, None]))
            step = np.where(free, np.clip(-mean / np.maximum(variance, 1e-300), -1.0, 1.0), 0.0)
            eta = eta + step
            if np.abs(step).max() < 1e-13:
                break
        return eta, np.where(free, variance, 0.0)

    def _terms(self, eta: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Shares of all values of the support, their sum per study and the largest exponent."""
        exponent = self.log_ways[:, None] + self.offsets[:, None] * eta[self.study, 0, :]
        top = np.maximum.reduceat(exponent.real, self.starts, axis=0)
        share = np.exp(exponent - top[self.study])
        return share, np.add.reduceat(share, self.starts, axis=0), top

    def cumulant(self, eta: Numbers) -> Numbers:
        """Logarithm of the sum over the support."""
        _, total, top = self._terms(eta)
        return np.asarray((np.log(total) + top)[:, None, :])

    def moments(self, eta: Numbers) -> tuple[Numbers, Numbers]:
        """Mean and variance of the events, counted from the observed ones."""
        share, total, _ = self._terms(eta)
        j = self.offsets[:, None]
        mean = np.add.reduceat(share * j, self.starts, axis=0) / total
        spread = (j - mean[self.study]) ** 2
        variance = np.add.reduceat(share * spread, self.starts, axis=0) / total
        return mean[:, None, :], variance[:, None, :]
