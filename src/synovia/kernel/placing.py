"""Where the mass of a posterior lies: its mode, its width along every axis, and whether its tails fall."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from synovia.errors import SynthesisError
from synovia.kernel.axis import Axis
from synovia.kernel.lattice import require_mass
from synovia.kernel.problem import Problem

__all__ = [
    "MEAN",
    "SPREAD",
    "ImproperPosterior",
    "LogPrior",
    "find_modes",
    "find_tails",
    "find_widths",
    "place_axes",
]

Floats = NDArray[np.float64]
LogPrior = Callable[[Floats], Floats]
"""From natural parameters (m, d) to log densities (m,)."""

REACH, LOOKS, COARSEST = 10.0, 201, 3  # one look: logs on both sides, points, steps to where it has fallen
TAILS = (20.0, 10.0, 7.0)  # where tails are looked at: exp(20) times further out than the mode, or less
MEAN, SPREAD = -1.2, -2.2  # tails that fall more slowly have no mean, no standard deviation: none to compute
SPOTS = (-1.1, -1.0, 1.0, 1.1)
INSIDE = -3.0  # where it is looked at instead when nothing beyond the mode can be computed
FLAT = 0.005  # a tail that falls more slowly than this, in logs per log, has no finite mass we could find


def place_axes(density: LogPrior, axes: Sequence[Axis], problem: Problem) -> tuple[Axis, ...]:
    """Centre every axis on the mode of x and scale it by the curvature there.

    Parameters
    ----------
    density : callable
        Log density of the parameters on the whole line.
    axes : sequence of Axis
        Their limits.
    problem : Problem
        Whose sampling variances say where to begin.
    """
    seen = _look(density, _begin(axes, problem)) if len(axes) == 1 else None
    if seen is not None:
        return (axes[0].scale(*seen),)
    x = find_modes(density, axes, problem)
    if len(axes) > 1:
        low = minimize(  # type: ignore[call-overload]
            lambda at: -float(density(np.asarray(at)[None])[0]),
            x,
            method="Nelder-Mead",
            options={"xatol": 1e-2, "fatol": 1e-3, "maxfev": 200},
        )
        x = np.asarray(low.x)
    widths = find_widths(density, x)
    return tuple(axis.scale(float(c), float(w)) for axis, c, w in zip(axes, x, widths, strict=True))


def find_modes(density: LogPrior, axes: Sequence[Axis], problem: Problem) -> Floats:
    """(d,) where the density of x is highest along each axis in turn, looked at ever more closely.

    Parameters
    ----------
    density : callable
        Log density of the parameters on the whole line.
    axes : sequence of Axis
        Their limits.
    problem : Problem
        Whose sampling variances say where to begin.
    """
    x = _begin(axes, problem)
    for reach, count in ((10.0, 41), (2.0, 17), (0.5, 11)):
        for k in range(len(axes)):
            line = np.tile(x, (count, 1))
            line[:, k] += np.linspace(-reach, reach, count)
            heights = density(line)
            require_mass(heights)
            x = line[int(np.argmax(heights))]
    return x


def _begin(axes: Sequence[Axis], problem: Problem) -> Floats:
    """(d,) where modes are looked for first: the size of the sampling errors, or the middle."""
    scale = 0.5 * float(np.log(problem.V.diagonal).mean())
    return np.array([scale if np.isinf(axis.upper) and axis.lower == 0 else 0.0 for axis in axes])


def _look(density: LogPrior, begin: Floats) -> tuple[float, float] | None:
    """Mode and width of one parameter from one look at a grid; None where the grid is too short or coarse."""
    x = begin[0] + REACH * np.linspace(-1, 1, LOOKS)
    heights = density(x[:, None])
    require_mass(heights)
    top = int(np.argmax(heights))
    fallen = np.flatnonzero(heights[top] - heights > 2.0)
    if top in (0, LOOKS - 1) or fallen.size == 0:
        return None
    steps = int(np.abs(fallen - top).min())
    return (float(x[top]), min(0.5 * steps * float(x[1] - x[0]), 1.0)) if steps >= COARSEST else None


def find_widths(density: LogPrior, x: Floats) -> Floats:
    """(d,) half the distance at which the density has fallen by 2, along each axis.

    Parameters
    ----------
    density : callable
        Log density of the parameters on the whole line.
    x : ndarray of shape (d,)
        Its mode.
    """
    reaches = np.geomspace(2e-3, 4.0, 34)
    widths = np.empty(x.size)
    for k in range(x.size):
        line = np.tile(x, (2 * reaches.size, 1))
        line[:, k] += np.concatenate([reaches, -reaches])
        fall = density(x[None])[0] - density(line)
        fall = np.maximum(fall[: reaches.size], fall[reaches.size :])
        beyond = np.flatnonzero(fall > 2.0)
        widths[k] = 0.5 * reaches[beyond[0]] if beyond.size else 2.0
    return np.minimum(widths, 1.0)


def find_tails(density: LogPrior, axes: Sequence[Axis]) -> Floats:
    """(d,) slopes of the log density at the upper end; improper posteriors are refused.

    Parameters
    ----------
    density : callable
        Log density of the parameters on the whole line.
    axes : sequence of Axis
        Centred on its mode.

    Raises
    ------
    SynthesisError
        When a tail does not fall.
    """
    x = np.array([axis.centre for axis in axes])
    tails = np.full(x.size, -np.inf)
    for k in range(x.size):
        low, high = _find_slopes(density, x, k)
        if low < FLAT:
            raise ImproperPosterior(k, "at its lower limit", low)
        if high > -FLAT:
            raise ImproperPosterior(k, "towards infinity", high)
        # a moment exists where a power is below a whole number; rounding errors must not decide that
        digits = 6 if x.size == 1 else 2
        tails[k] = np.round(high, digits) if np.isfinite(high) and np.isinf(axes[k].upper) else -np.inf
    return tails


def _find_slopes(density: LogPrior, x: Floats, k: int) -> tuple[float, float]:
    """Slopes far below and far above; rows that share effects allow no very large variances."""
    reaches = (*(TAILS if x.size == 1 else TAILS[1:]), INSIDE)
    line = np.tile(x, (4 * len(reaches), 1))
    line[:, k] += np.outer(reaches, SPOTS).ravel()
    with np.errstate(invalid="ignore", over="ignore"):
        heights = density(line).reshape(-1, 4)
        known = np.flatnonzero(np.isfinite(heights[:, 2:]).all(axis=1))
        low = float((heights[0, 1] - heights[0, 0]) / (0.1 * reaches[0]))
    if known.size == 0:
        return low, -np.inf
    far = int(known[0])
    high = float((heights[far, 3] - heights[far, 2]) / (0.1 * reaches[far]))
    if reaches[far] == INSIDE and abs(high) > FLAT:  # a mode at the end of what can be computed, no plateau
        return low, -np.inf
    return low, high


class ImproperPosterior(SynthesisError):
    """A posterior whose integral is infinite.

    Parameters
    ----------
    parameter : int
        Which entry of psi.
    where : str
        At which end.
    slope : float
        Logs per log with which density times parameter changes there.
    """

    def __init__(self, parameter: int, where: str, slope: float) -> None:
        self.parameter, self.where, self.slope = parameter, where, slope
        super().__init__(
            f"The posterior is improper: {where} of parameter {parameter + 1} it does not fall. "
            "Give a proper prior."
        )
