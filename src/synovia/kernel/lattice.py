"""A trapezoidal rule that finds its own nodes: filled outwards from the mode, refined where too coarse."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError

__all__ = ["DEPTH", "Evaluate", "Lattice", "Summarise", "make_lattice"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Evaluate = Callable[[Floats], tuple[Floats, Floats]]
"""From points (m, d) to log densities (m,) and what is to be kept of each point (m, q)."""
Summarise = Callable[[Floats], tuple[Floats, Floats]]
"""From kept values (m, q) to numbers (m, s) and the variances (m, s) of what they are the means of."""

FIRST = {1: 0.25, 2: 0.5, 3: 0.5}  # step to begin with: at 0.5 the rule's error is 1e-17 for a normal density
FINEST = 1 / 256
DEPTH = {1: 75.0, 2: 50.0, 3: 24.0}  # logs below the top at which a node counts for nothing
DEEPER, DEEPEST = 1.25, 350.0  # how much further down the rule goes where its edge still counts
SIDE = 1 << 19
SAFETY = 10.0  # the error halves its exponent with the step; this covers its constant
ROUNDING = 1e-14


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Nodes of a tensor trapezoidal rule around a mode.

    Attributes
    ----------
    steps : ndarray of shape (d,)
        Distance of the nodes along each axis.
    index : ndarray of int of shape (m, d)
        Nodes, in steps from the origin.
    log_density : ndarray of shape (m,)
    values : ndarray of shape (m, q)
        What the evaluation kept.
    error : float
        Estimated relative error.
    """

    steps: Floats
    index: Integers
    log_density: Floats
    values: Floats
    error: float = np.inf

    @property
    def points(self) -> Floats:
        """(m, d) coordinates of the nodes."""
        return np.asarray(self.index * self.steps)

    @property
    def log_total(self) -> float:
        """Logarithm of the integral."""
        top = self.log_density.max()
        return float(top + np.log(np.exp(self.log_density - top).sum()) + np.log(self.steps).sum())

    @property
    def weights(self) -> Floats:
        """(m,) shares of the nodes in the integral."""
        shares = np.exp(self.log_density - self.log_density.max())
        return np.asarray(shares / shares.sum())


def make_lattice(
    evaluate: Evaluate,
    summarise: Summarise,
    *,
    axes: int,
    tolerance: float,
    most: int,
    depth: float | None = None,
) -> Lattice:
    r"""Integrate a density over the whole space.

    Parameters
    ----------
    evaluate : callable
        The density, with its mode near the origin and a spread near 1 along every axis.
    summarise : callable
        Numbers of each node whose means and standard deviations must be as exact as the integral.
    axes : int
        Number of dimensions, 1 to 3.
    tolerance : float
        Relative error wanted.
    most : int
        Nodes beyond which the rule stops, with the error it has then.
    depth : float, optional
        Logs below the top at which a node counts for nothing.

    Notes
    -----
    Every second node along an axis is a rule of twice the step, whose distance d from the whole rule is its
    error; the error of an analytic integrand falls as :math:`e^{-c/h}`, so that the whole rule's is about d²
    along one axis. Along several, standard deviations of slowly falling tails may fall behind; there every
    fourth node tells how fast errors have been falling, and no faster fall is counted on. Only the axis with
    the largest error is refined. Trefethen & Weideman (2014), SIAM Review 56, 385-458.
    """
    deep = DEPTH[axes] if depth is None else depth
    lattice = _fill(evaluate, Lattice(np.full(axes, FIRST[axes]), *_start(evaluate, axes, deep)), most, deep)
    while True:
        errors = np.array([_compare(lattice, summarise, axis) for axis in range(axes)])
        before = np.ones(1) if axes == 1 else _look_back(lattice, summarise)
        cut = _cut(lattice, summarise)
        error = max(SAFETY * float((errors * np.minimum(errors / before, 1)).sum()) + cut, ROUNDING)
        lattice = replace(lattice, error=error)
        worst = int(np.argmax(errors))
        full = 2 * lattice.index.shape[0] > most
        shallow = cut > 0.5 * tolerance and deep < DEEPEST
        if error <= tolerance or full or (lattice.steps[worst] <= FINEST and not shallow):
            return lattice
        if shallow:
            deep *= DEEPER
            lattice = _fill(evaluate, lattice, most, deep)
        else:
            lattice = _refine(evaluate, lattice, worst, most, deep)


def _start(evaluate: Evaluate, axes: int, depth: float) -> tuple[Integers, Floats, Floats]:
    origin = np.zeros((1, axes), dtype=np.int64)
    if axes == 1:
        reach = 22 if depth >= DEPTH[1] else 10
        origin = np.arange(-reach, reach + 1, dtype=np.int64)[:, None]
    log_density, values = evaluate(np.asarray(origin * FIRST[axes], dtype=np.float64))
    return origin, log_density, values


def _fill(evaluate: Evaluate, lattice: Lattice, most: int, depth: float) -> Lattice:
    """Add neighbours of all nodes that count until none is missing."""
    axes = lattice.steps.size
    moves = np.concatenate([np.eye(axes, dtype=np.int64), -np.eye(axes, dtype=np.int64)])
    if axes == 1:
        moves = np.concatenate([moves, 2 * moves, 3 * moves, 4 * moves])
    first = 0
    while lattice.index.shape[0] < most:
        floor = lattice.log_density.max() - depth
        inside = lattice.index[first:][lattice.log_density[first:] > floor]
        near = (inside[:, None, :] + moves).reshape(-1, axes)
        new = np.setdiff1d(np.unique(_code(near)), _code(lattice.index), assume_unique=True)
        if new.size == 0:
            break
        first = lattice.index.shape[0]
        lattice = _add(evaluate, lattice, _decode(new, axes))
    return lattice


def _add(evaluate: Evaluate, lattice: Lattice, index: Integers) -> Lattice:
    log_density, values = evaluate(index * lattice.steps)
    return Lattice(
        lattice.steps,
        np.concatenate([lattice.index, index]),
        np.concatenate([lattice.log_density, log_density]),
        np.concatenate([lattice.values, values]),
    )


def _refine(evaluate: Evaluate, lattice: Lattice, axis: int, most: int, depth: float) -> Lattice:
    factor = np.where(np.arange(lattice.steps.size) == axis, 2, 1)
    finer = Lattice(
        lattice.steps / factor, lattice.index * factor, lattice.log_density, lattice.values, np.inf
    )
    return _fill(evaluate, finer, most, depth)


def _compare(lattice: Lattice, summarise: Summarise, axis: int) -> float:
    """How far the rule of twice the step is from the whole rule, relative to the integral and the spreads."""
    weights, even = lattice.weights, lattice.index[:, axis] % 2 == 0
    coarse = float(weights[even].sum())
    if coarse <= 0:
        return np.inf
    inside = weights > 1e-30
    numbers, within = summarise(lattice.values[inside])
    mean, spread = _describe(weights[inside], numbers, within)
    other, wide = _describe(weights[inside] * even[inside] / coarse, numbers, within)
    scale = np.where(spread > 0, spread, np.inf)
    moved = np.maximum(np.abs(other - mean), np.abs(wide - spread)) / scale
    return float(max(abs(2 * coarse - 1), np.max(moved, initial=0)))


def _look_back(lattice: Lattice, summarise: Summarise) -> Floats:
    """(d,) what ``_compare`` said of each axis when its step was twice as long."""
    out = []
    for axis in range(lattice.steps.size):
        even = lattice.index[:, axis] % 2 == 0
        index = lattice.index[even]
        index[:, axis] //= 2
        coarse = Lattice(lattice.steps, index, lattice.log_density[even], lattice.values[even])
        out.append(_compare(coarse, summarise, axis))
    return np.maximum(out, ROUNDING)


def _describe(weights: Floats, numbers: Floats, within: Floats) -> tuple[Floats, Floats]:
    """Means and standard deviations."""
    mean = weights @ numbers
    return mean, np.sqrt(weights @ (np.maximum((numbers - mean) ** 2, 0) + within))


def _cut(lattice: Lattice, summarise: Summarise) -> float:
    """Share of the outermost nodes, where the rule ends, in the integral and in the spreads."""
    weights = lattice.weights
    numbers, within = summarise(lattice.values)
    mean, spread = _describe(weights, numbers, within)
    whole = np.where(spread > 0, spread, np.inf) ** 2
    shares = [0.0]
    for column in lattice.index.T:
        for end in (column.min(), column.max()):
            edge = column == end
            parts = weights[edge] @ (np.maximum((numbers[edge] - mean) ** 2, 0) + within[edge]) / whole
            shares += [float(weights[edge].sum()), float(np.max(parts, initial=0))]
    return max(shares)


def _code(index: Integers) -> Integers:
    code = np.zeros(index.shape[0], dtype=np.int64)
    for column in index.T:
        code = code * (2 * SIDE) + column + SIDE
    return code


def _decode(code: Integers, axes: int) -> Integers:
    columns = []
    for _ in range(axes):
        columns.append(code % (2 * SIDE) - SIDE)
        code = code // (2 * SIDE)
    return np.stack(columns[::-1], axis=1)


def require_mass(log_density: Floats) -> None:
    """Refuse a density that is nowhere above 0.

    Raises
    ------
    SynthesisError
        When prior and likelihood have no point in common.
    """
    if not np.isfinite(log_density.max(initial=-np.inf)):
        raise SynthesisError(
            "The posterior is 0 everywhere that was looked: the prior excludes what the data say. Widen it."
        )
