"""Newton's method on a sum of log-likelihoods in which each study may have one parameter of its own."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synovia.synthesis.exact.family import Numbers
from synovia.synthesis.exact.quadrature import Slopes

__all__ = ["Layout", "Likelihood", "Optimum", "maximise"]

Floats = NDArray[np.float64]

STEPS = 200
HALVINGS = 60
FLAT = 1e-22  # gain in log-likelihood that a full step still promises: coefficients are exact to rounding
ENOUGH = 1e-12  # below it, a step that no longer gains on the last is rounding
ARMIJO = 1e-2  # share of the promised gain that a step must keep
ROUNDING = 1e-14  # relative error of a log-likelihood
LARGEST = 4.0  # the longest step in any shared parameter, on the log scale of the effects


class Likelihood(Protocol):
    """Log-likelihoods of n studies as functions of m arguments each."""

    def evaluate(self, arguments: Numbers) -> Numbers:
        """(n,) log-likelihoods at arguments of shape (n, m)."""
        ...

    def slopes(self, arguments: Floats) -> Slopes:
        """The same with first and second derivatives."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How parameters become the arguments of each study.

    Attributes
    ----------
    design : ndarray of shape (n, m, g)
        Arguments of each study per shared parameter.
    own : int or None
        The argument that every study has for itself; its row of ``design`` is 0.
    """

    design: Floats
    own: int | None = None

    def spread(self, own: Floats, shared: Floats) -> Floats:
        """(n, m) arguments of the studies."""
        arguments = self.design @ shared
        if self.own is not None:
            arguments[:, self.own] += own
        return np.asarray(arguments)


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """A maximum and what surrounds it.

    Attributes
    ----------
    own : ndarray of shape (n,)
        Parameters of the studies, 0 where there are none.
    shared : ndarray of shape (g,)
        Parameters common to all.
    value : float
        Log-likelihood.
    score : float
        Largest slope.
    promise : float
        What a full step would still gain.
    information : ndarray of shape (g, g)
        Curvature in the shared parameters, the studies' own profiled out.
    own_information : ndarray of shape (n,)
        Curvature in the studies' own parameters.
    cross : ndarray of shape (n, g)
        Mixed second derivatives of the log-likelihood, own by shared.
    steps : int
        Newton steps.
    """

    own: Floats
    shared: Floats
    value: float
    score: float
    promise: float
    information: Floats
    own_information: Floats
    cross: Floats
    steps: int

    @property
    def converged(self) -> bool:
        """Whether a further step would gain nothing that matters."""
        return self.promise < 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Local:
    """The quadratic picture of the log-likelihood at one place."""

    own_slope: Floats
    shared_slope: Floats
    own_information: Floats
    cross: Floats
    information: Floats

    def step(self) -> tuple[Floats, Floats, float]:
        """A step upwards in own and shared parameters, and the gain that it promises."""
        slope = self.shared_slope + (self.cross / self.own_information[:, None]).T @ self.own_slope
        shared = np.zeros_like(slope)
        promise = 0.5 * float((self.own_slope**2 / self.own_information).sum())
        if slope.size:
            scale = np.sqrt(np.maximum(np.abs(np.diag(self.information)), 1e-8))
            values, vectors = np.linalg.eigh(self.information / np.outer(scale, scale))
            firm = np.maximum(np.abs(values), 1e-8)
            turned = vectors.T @ (slope / scale)
            shared = (vectors @ (turned / firm)) / scale
            promise += 0.5 * float((turned**2 / firm).sum())
        own = (self.own_slope + self.cross @ shared) / self.own_information
        return own, shared, promise


def maximise(marginal: Likelihood, layout: Layout, own: Floats, shared: Floats) -> Optimum:
    """Climb from a start to the nearest maximum; saddles are left upwards.

    Parameters
    ----------
    marginal : Likelihood
        Log-likelihood of each study.
    layout : Layout
        From parameters to its arguments.
    own : ndarray of shape (n,)
        Start of the studies' own parameters.
    shared : ndarray of shape (g,)
        Start of the common ones.
    """
    slopes = marginal.slopes(layout.spread(own, shared))
    steps, before = 0, np.inf
    while steps < STEPS:
        own_step, shared_step, promise = _look(slopes, layout).step()
        settled = promise < FLAT or (promise < ENOUGH and promise > before / 4)
        if settled:
            break
        before = promise
        floor = _Floor(float(slopes.value.sum()), promise)
        moved = _search_line(marginal, layout, floor, (own, shared), (own_step, shared_step))
        if moved is None:
            break
        own, shared = moved
        slopes = marginal.slopes(layout.spread(own, shared))
        steps += 1
    local = _look(slopes, layout)
    steepest = max(np.abs(local.own_slope).max(initial=0), np.abs(local.shared_slope).max(initial=0))
    return Optimum(
        own=own,
        shared=shared,
        value=float(slopes.value.sum()),
        score=float(steepest),
        promise=local.step()[2],
        information=local.information,
        own_information=local.own_information,
        cross=local.cross,
        steps=steps,
    )


@dataclass(frozen=True, slots=True)
class _Floor:
    """What a shortened step must reach: part of the gain that its slope promises (Armijo)."""

    height: float
    promise: float

    def holds(self, value: float, share: float) -> bool:
        wanted = self.height + ARMIJO * share * self.promise
        return value >= wanted - ROUNDING * (1 + abs(self.height))


def _search_line(
    marginal: Likelihood,
    layout: Layout,
    floor: _Floor,
    at: tuple[Floats, Floats],
    step: tuple[Floats, Floats],
) -> tuple[Floats, Floats] | None:
    """The longest of halved steps that gains; None when none does."""
    longest = max(float(np.abs(part).max(initial=0)) for part in step)
    share = min(1.0, LARGEST / longest)
    for _ in range(HALVINGS):
        own, shared = at[0] + share * step[0], at[1] + share * step[1]
        if floor.holds(float(marginal.evaluate(layout.spread(own, shared)).sum()), share):
            return own, shared
        share /= 2
    return None


def _look(slopes: Slopes, layout: Layout) -> _Local:
    D = layout.design
    shared_slope = np.einsum("nmg,nm->g", D, slopes.gradient)
    information = -np.einsum("nmg,nmk,nkh->gh", D, slopes.hessian, D)
    n, g = D.shape[0], D.shape[2]
    if layout.own is None:
        none = np.zeros(n)
        return _Local(none, shared_slope, np.ones(n), np.zeros((n, g)), information)
    own_information = np.maximum(-slopes.hessian[:, layout.own, layout.own], 1e-10)
    cross = np.einsum("nm,nmg->ng", slopes.hessian[:, layout.own], D)
    profiled = information - (cross / own_information[:, None]).T @ cross
    return _Local(slopes.gradient[:, layout.own], shared_slope, own_information, cross, profiled)
