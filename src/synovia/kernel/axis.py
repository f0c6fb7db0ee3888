"""Coordinates of an integral over one parameter: the whole line, stretched around where the mass lies."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit, sici

__all__ = ["Axis", "Curve", "make_curve"]

Floats = NDArray[np.float64]

FINER = 8  # cells of the table of probabilities in each step of the rule: their error is below 1e-9
LOOKED_AT = np.linspace(0.0005, 0.9, 200)  # probabilities between which a mode is looked for
FARTHEST = 150.0  # how far x goes from its centre: squares of exp(150) are numbers still


@dataclass(frozen=True, slots=True)
class Axis:
    r"""One parameter s as a function of t on the whole line.

    .. math:: x = a + b \sinh t, \qquad s = l + e^x \;\text{or}\; l + (u - l)/(1 + e^{-x}) \;\text{or}\; x

    for a lower limit alone, two limits, or none. In t the density of s falls doubly exponentially at both
    ends, and the trapezoidal rule converges exponentially (Takahasi & Mori 1974, Publ. RIMS 9, 721-741).

    Attributes
    ----------
    lower, upper : float
        Limits of s.
    squared : bool
        Whether s is the standard deviation of a variance psi, so that psi = s².
    centre, width : float
        a and b.
    """

    lower: float = 0.0
    upper: float = np.inf
    squared: bool = True
    centre: float = 0.0
    width: float = 1.0

    def scale(self, centre: float, width: float) -> "Axis":
        """The same limits around another centre."""
        return replace(self, centre=centre, width=width)

    def natural(self, t: Floats) -> Floats:
        """The parameter s at t."""
        return self.from_line(self._line(t))

    def psi(self, s: Floats) -> Floats:
        """The kernel's parameter at s."""
        return s * s if self.squared else s

    def log_slope(self, t: Floats) -> Floats:
        """Log of ds/dt."""
        away = np.clip(t, -30.0, 30.0)
        slope = self.line_slope(self._line(t)) + np.log(self.width) + np.log(np.cosh(away))
        return np.where(self.width * np.abs(np.sinh(away)) > FARTHEST, -np.inf, slope)

    def place(self, s: Floats) -> Floats:
        """Where s lies on the axis of t; -inf and inf at the limits."""
        with np.errstate(divide="ignore"):
            if np.isinf(self.lower):
                x = s
            elif np.isinf(self.upper):
                x = np.log(np.maximum(s - self.lower, 0))
            else:
                x = logit(np.clip((s - self.lower) / (self.upper - self.lower), 0, 1))
        return np.asarray(np.arcsinh((x - self.centre) / self.width))

    def from_line(self, x: Floats) -> Floats:
        """The parameter s at x."""
        if np.isinf(self.lower):
            return x
        if np.isinf(self.upper):
            return np.asarray(self.lower + np.exp(x))
        return np.asarray(self.lower + (self.upper - self.lower) * expit(x))

    def line_slope(self, x: Floats) -> Floats:
        """Log of ds/dx."""
        if np.isinf(self.lower):
            return np.zeros_like(x)
        if np.isinf(self.upper):
            return x
        return np.asarray(np.log(self.upper - self.lower) + log_expit(x) + log_expit(-x))

    def _line(self, t: Floats) -> Floats:
        return self.centre + np.clip(self.width * np.sinh(np.clip(t, -30.0, 30.0)), -FARTHEST, FARTHEST)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The marginal posterior of one parameter, known at equally spaced t.

    Between the nodes it is what the sinc series says, whose error falls as fast as that of the rule itself
    (Stenger 1993, Numerical methods based on sinc and analytic functions, section 3.6). Probabilities are
    tabulated at eighths of the step and interpolated with their slopes.

    Attributes
    ----------
    axis : Axis
        From t to the parameter.
    t, g : ndarray of shape (m,)
        Nodes, and the density of t there.
    below, height : ndarray of shape (8m + 1,)
        Probability of less, and density of t, at eighths of the step.
    exact : callable or None
        The density of the parameter itself, where it is the only one.
    """

    axis: Axis
    t: Floats
    g: Floats
    below: Floats
    height: Floats
    exact: Callable[[Floats], Floats] | None = None

    @property
    def step(self) -> float:
        """Distance of the nodes."""
        return float(self.t[1] - self.t[0])

    @property
    def table(self) -> tuple[Floats, Floats]:
        """Values near equally spaced quantiles from 0.0005 to 0.9, and the density there."""
        inside = np.unique(np.searchsorted(self.below, LOOKED_AT))
        t = self.t[0] + (inside / FINER - 0.5) * self.step
        return self.axis.natural(t), self.height[inside] * np.exp(-self.axis.log_slope(t))

    def mean(self, power: int = 1) -> float:
        """Mean of a power of the parameter."""
        return float(self.step * (self.g @ self.axis.natural(self.t) ** power))

    def cdf(self, s: Floats) -> Floats:
        """Probability of at most s."""
        t = self.axis.place(np.asarray(s, dtype=np.float64))
        x = np.clip((t - self.t[0]) / self.step * FINER + FINER / 2, 0, self.below.size - 1 - 1e-9)
        cell = x.astype(np.intp)
        return self._rise(cell, x - cell)[0]

    def density(self, s: Floats) -> Floats:
        """Density at s, exact where the parameter is the only one."""
        return self.shape(s) if self.exact is None else self.exact(np.asarray(s, dtype=np.float64))

    def shape(self, s: Floats) -> Floats:
        """Density at s by interpolation; beyond the nodes that of the outermost node that counts."""
        known = np.flatnonzero(self.g > 1e-9 * self.g.max())
        t = np.clip(self.axis.place(np.asarray(s, dtype=np.float64)), self.t[known[0]], self.t[known[-1]])
        height = np.sinc((t[..., None] - self.t) / self.step) @ self.g
        return np.asarray(height * np.exp(-self.axis.log_slope(t)))

    def quantile(self, p: Floats) -> Floats:
        """The parameter below which a probability lies."""
        wanted = np.asarray(p, dtype=np.float64)
        cell = np.clip(np.searchsorted(self.below, wanted, side="right") - 1, 0, self.below.size - 2)
        low, high = np.zeros(wanted.shape), np.ones(wanted.shape)
        u = np.full(wanted.shape, 0.5)
        for _ in range(60):
            value, slope = self._rise(cell, u)
            low, high = np.where(value < wanted, u, low), np.where(value > wanted, u, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                moved = u - (value - wanted) / slope
            moved = np.where((moved >= low) & (moved <= high), moved, 0.5 * (low + high))
            done = np.abs(moved - u).max(initial=0) < 1e-12
            u = moved
            if done:
                break
        return self.axis.natural(self.t[0] + (cell + u - FINER / 2) / FINER * self.step)

    def _rise(self, cell: NDArray[np.intp], u: Floats) -> tuple[Floats, Floats]:
        """Probability, and its slope in u, a share u into a cell: the cubic with the known slopes."""
        h = self.step / FINER
        start, end = self.below[cell], self.below[cell + 1]
        first, last = h * self.height[cell], h * self.height[cell + 1]
        bend, twist = 3 * (end - start) - 2 * first - last, 2 * (start - end) + first + last
        value = start + u * (first + u * (bend + u * twist))
        return np.clip(value, 0, 1), first + u * (2 * bend + 3 * u * twist)


def make_curve(axis: Axis, t: Floats, g: Floats, exact: Callable[[Floats], Floats] | None = None) -> Curve:
    """The marginal posterior of one parameter from its density at equally spaced t.

    Parameters
    ----------
    axis : Axis
        From t to the parameter.
    t, g : ndarray of shape (m,)
        Nodes, and the density of t there.
    exact : callable, optional
        The density of the parameter itself.
    """
    m = t.size
    spread = np.zeros(FINER * (m - 1) + 1)
    spread[::FINER] = g
    half = FINER // 2
    away = np.arange(-FINER * (m - 1) - half, FINER * (m - 1) + half + 1) / FINER
    whole = np.convolve(0.5 + sici(np.pi * away)[0] / np.pi, spread, mode="valid") * (t[1] - t[0])
    height = np.maximum(np.convolve(np.sinc(away), spread, mode="valid"), 0)
    return Curve(axis, t, g, np.clip(np.maximum.accumulate(whole), 0, 1), height, exact)
