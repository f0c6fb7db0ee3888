"""Maximising the likelihood over several variances and correlations at once, all of them or some held."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite
from synovia.kernel.edges import Edge, find_edges, find_remnants
from synovia.kernel.gradient import Around
from synovia.kernel.hill import Hill
from synovia.kernel.point import Point
from synovia.kernel.problem import Problem
from synovia.kernel.starts import find_start

__all__ = ["Found", "climb", "climb_out", "find_maximum"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CLIMBED = 4  # starts besides the first that are climbed from
ALONG = 2  # starts that are climbed from along each edge
CLIMBS = 200  # steps of one climb; ten are usual
ROUGH = 1e-3  # gain that a full step still promises when starts are compared
FLAT = 1e-18  # the same at the end: a parameter is then within 1e-9 of its standard error
SETTLED = 1e-9  # promises below it may be rounding
ROUNDING = 1e-12  # relative error of a log-likelihood
HIGHER = 1e-8  # gain that is not left over from two climbs to one maximum
APART = 1e-2  # heights that differ by more are different maxima
STUCK = 1e12  # damping beyond which no step moves
NEAR = 1e-2  # promises below which the curvature is learnt from steps
SECANT = 1e-3  # share of the known curvature along a step below which nothing is learnt from it
SINGULAR = 1e-10  # least curvature, as a share of each coordinate's own
LEVEL = 1e-9  # a coordinate that cannot gain as much over all its width is left where it is
NUDGE = 0.1  # share of its start to which a hidden standard deviation is moved
TINY = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where a climb ended.

    Attributes
    ----------
    theta : ndarray of shape (parameters,)
        In the coordinates of the search.
    point : Point
        The likelihood there.
    around : Around
        Its slope and curvature.
    value : float
        The log-likelihood climbed.
    promise : float
        What a full step would still gain.
    steps : int
        Evaluations of the likelihood.
    """

    theta: Floats
    point: Point
    around: Around
    value: float
    promise: float
    steps: int


def find_maximum(problem: Problem, starts: list[Floats], *, restricted: bool) -> tuple[Found, int]:
    """The highest of the maxima that climbs from several starts reach, and how many differ.

    The first start and the highest of the others are climbed until their height is known to a thousandth; the
    best is then climbed to the end, and left where a climb along an edge of the covariances comes higher.

    Parameters
    ----------
    problem : Problem
        With any number of parameters.
    starts : list of ndarray of shape (parameters,)
        Thetas to climb from.
    restricted : bool
        Whether to climb the restricted likelihood.
    """
    hill = Hill(problem, restricted)
    others = sorted(starts[1:], key=lambda theta: hill.at(theta)[1], reverse=True)[:CLIMBED]
    ends = [climb(hill, start, enough=ROUGH) for start in (starts[0], *others)]
    best = max(ends, key=lambda end: end.value)
    values = np.sort([end.value for end in ends if end.promise <= ROUGH])
    end = climb_out(hill, best.theta, enough=FLAT)
    top = _climb_edges(hill, end)
    more = top.value > end.value + APART
    return _settle(hill, top), int(1 + (np.diff(values) > APART).sum() + more)


def _climb_edges(hill: Hill, end: Found) -> Found:
    """The highest point that climbs along the edges of the covariances reach, or the one given."""
    top = end
    for edge in find_edges(hill.problem, end.theta):
        heights = [hill.at(start)[1] for start in edge.starts]
        for place in np.argsort(heights)[::-1][:ALONG].tolist():
            if not np.isfinite(heights[place]):
                continue
            other = climb(hill, edge.starts[place], enough=ROUGH, held=edge.held)
            if _is_higher(other.value + 2 * other.promise, top.value):
                other = climb(hill, other.theta, enough=SETTLED, held=edge.held)
            if _is_higher(other.value, top.value):
                top = _leave_edge(hill, edge, other.theta)
    return top


def _leave_edge(hill: Hill, edge: Edge, theta: Floats) -> Found:
    """The maximum on an edge, or inside beside it where the likelihood rises from the edge."""
    end = climb_out(hill, theta, enough=FLAT)
    if edge.inward.any():
        beside = climb(hill, end.theta + NUDGE * edge.inward, enough=FLAT)
        end = beside if _is_higher(beside.value, end.value) else end
    return end


def _settle(hill: Hill, end: Found) -> Found:
    """What is all but 0 in the factor of a covariance becomes 0, unless the likelihood says otherwise."""
    theta = np.where(find_remnants(hill.problem, end.theta), 0.0, end.theta)
    if np.array_equal(theta, end.theta):
        return end
    at, value = hill.at(theta)
    if at is None or value < end.value - ROUNDING * (1 + abs(end.value)):
        return end
    return Found(theta, at, hill.around(at, theta), value, end.promise, hill.evaluations)


def _is_higher(value: float, other: float) -> bool:
    return value > other + HIGHER


def climb_out(hill: Hill, start: Floats, *, enough: float, held: Flags | None = None) -> Found:
    """A climb that also leaves corners where standard deviations of 0 hide a higher likelihood.

    Parameters
    ----------
    hill : Hill
        What is climbed.
    start : ndarray of shape (parameters,)
        Where the climb begins, the held coordinates at their values.
    enough : float
        Gain in log-likelihood that a full step still promises, below which the climb ends.
    held : ndarray of bool of shape (parameters,), optional
        Which coordinates stay.
    """
    end = climb(hill, start, enough=enough, held=held)
    for beside in _leave_corners(hill, end, held):
        other = climb(hill, beside, enough=enough, held=held)
        end = other if other.value > end.value + ROUNDING * (1 + abs(end.value)) else end
    return end


def _leave_corners(hill: Hill, end: Found, held: Flags | None) -> list[Floats]:
    """Thetas beside one at which standard deviations of 0 hide whether their variances want to grow."""
    low = hill.limits[:, 0]
    corner = (end.theta <= low) & (low == 0) & (np.True_ if held is None else ~held)
    if not corner.any():
        return []
    usual = find_start(hill.problem)
    places = np.flatnonzero(corner & (np.abs(end.around.slope * usual) < LEVEL))
    sets = [[place] for place in places.tolist()] + ([places.tolist()] if places.size > 1 else [])
    out = []
    for chosen in sets:
        moved = end.theta.copy()
        moved[chosen] = NUDGE * usual[chosen]
        out.append(moved)
    return out


def climb(hill: Hill, start: Floats, *, enough: float, held: Flags | None = None) -> Found:
    """Damped Newton steps on the average information, within the limits of the coordinates.

    Near the top, where heights differ by rounding alone, a step counts as upwards when it promises less.

    Parameters
    ----------
    hill : Hill
        What is climbed.
    start : ndarray of shape (parameters,)
        Where the climb begins, the held coordinates at their values.
    enough : float
        Gain in log-likelihood that a full step still promises, below which the climb ends.
    held : ndarray of bool of shape (parameters,), optional
        Which coordinates stay.

    Raises
    ------
    NotPositiveDefinite
        When there is no covariance at the start.
    """
    low, high = hill.limits.T
    fixed = np.zeros(start.size, dtype=np.bool_) if held is None else held
    room = _Room(low, high, fixed)
    theta = np.clip(start, low, high)
    at, value = hill.at(theta)
    if at is None:
        raise NotPositiveDefinite(f"The total covariance is not positive definite at {theta.tolist()}.")
    damping, around, lack = 0.0, hill.around(at, theta), np.zeros((theta.size, theta.size))
    step, promise = _step(around, theta, room, damping)
    for _ in range(CLIMBS):
        if promise < enough or damping > STUCK:
            break
        moved = np.clip(theta + step, low, high)
        there, height = hill.at(moved)
        rounding = ROUNDING * (1 + abs(value))
        if there is not None and height > value - rounding:
            beyond, learnt = hill.around(there, moved), lack
            if promise < NEAR:
                beyond, learnt = _learn(around, beyond, lack, moved - theta)
            onward, hope = _step(beyond, moved, room, 0.0)
            if height > value + rounding or hope < promise:
                theta, at, value, around = moved, there, height, beyond
                lack = learnt
                step, promise, damping = onward, hope, 0.0
                continue
            if promise < SETTLED:
                break
        damping = max(8 * damping, 1e-2)
        step, _ = _step(around, theta, room, damping)
    return Found(theta, at, around, value, promise, hill.evaluations)


@dataclass(frozen=True, slots=True, eq=False)
class _Room:
    """Where coordinates may go: (parameters,) limits, and which of them stay."""

    low: Floats
    high: Floats
    held: Flags


def _learn(behind: Around, ahead: Around, lack: Floats, step: Floats) -> tuple[Around, Floats]:
    """What lies ahead, its curvature mended by what the last step showed, and the mending learnt so far.

    The least change by which the curvature explains how the slope changed, added to the average information:
    Dennis, Gay & Welsch (1981), ACM Transactions on Mathematical Software 7, 348-368, section 3.
    """
    moved = step != 0
    s, fall = step[moved], (behind.slope - ahead.slope)[moved]
    places = np.ix_(moved, moved)
    known, learnt = ahead.curvature[places], lack[places]
    bend = float(s @ fall)
    if not bend > SECANT * float(s @ known @ s) > 0:
        return ahead, np.zeros_like(lack)
    size = abs(float(s @ learnt @ s))
    gap = fall - known @ s
    learnt = learnt * (min(1.0, abs(float(s @ gap)) / size) if size > 0 else 1.0)
    rest = gap - learnt @ s
    cross = np.outer(rest, fall) / bend
    out = np.zeros_like(lack)
    out[places] = learnt + cross + cross.T - float(rest @ s) / bend**2 * np.outer(fall, fall)
    return Around(ahead.slope, ahead.curvature + out), out


def _step(around: Around, theta: Floats, room: _Room, damping: float) -> tuple[Floats, float]:
    """A Newton step in the coordinates that are free to move, and the gain that it promises undamped."""
    pressed = (theta <= room.low) & (around.slope <= 0) | (theta >= room.high) & (around.slope >= 0)
    held = room.held | pressed
    width = room.high - room.low
    bend = np.abs(np.diag(around.curvature))
    with np.errstate(invalid="ignore"):  # no slope over an infinite width
        held |= (np.abs(around.slope) * width < LEVEL) & (bend * width**2 < LEVEL)
    free, step = ~held, np.zeros(theta.size)
    if not free.any():
        return step, 0.0
    curvature = around.curvature[np.ix_(free, free)]
    scale = np.sqrt(np.maximum(np.abs(np.diag(curvature)), TINY))
    values, vectors = np.linalg.eigh(curvature / np.outer(scale, scale))
    firm = np.maximum(np.abs(values), SINGULAR)
    with np.errstate(over="ignore"):  # without any curvature the limits alone hold the step
        turned = vectors.T @ (around.slope[free] / scale)
        step[free] = (vectors @ (turned / (firm + damping))) / scale
        return step, 0.5 * float((turned**2 / firm).sum())
