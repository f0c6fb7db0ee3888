"""One set of independent estimates, compiled: weighted least squares and the slopes that searches follow.

Two arrays go everywhere. ``rows`` (n, 3 + p) holds one estimate per row: ``Y``, its sampling variance ``V``,
the weight ``W`` of the last solution and the design from ``X`` on. ``room`` (4, p, p) holds that solution:
the lower triangles ``ROOT`` L of X'WX = L L', ``HALF`` L⁻¹ and ``SQUARE`` X'W²X, and first in ``BETA``
the coefficients. Numbers only, because compiled code pays for every object it passes on.

Sums run in the order of the rows and in double precision, so that the number of threads changes nothing.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "BETA", "HALF", "ROOT", "SQUARE", "Solved", "V", "W", "X", "Y", "find_height", "find_log_det",
    "find_slope", "make_room", "solve", "solve_level", "write_cov",
]  # fmt: skip

Floats = NDArray[np.float64]

Y, V, W, X = range(4)
ROOT, HALF, SQUARE, BETA = range(4)

SINGULAR = 1e-12
"""Share of a column's squared length that must survive the columns before it; rounding alone leaves 1e-15."""


class Solved(NamedTuple):
    """What a solution leaves besides its coefficients.

    Attributes
    ----------
    total : float
        Trace of W.
    rss : float
        r'Wr.
    steep : float
        r'W²r.
    lost : float
        Trace of (X'WX)⁻¹X'W²X.
    independent : bool
        Whether the columns of the design are; nothing else holds when they are not.
    """

    total: float
    rss: float
    steep: float
    lost: float
    independent: bool


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def make_room(p: int) -> Floats:
    """Room for the solution of p coefficients."""
    return np.zeros((4, p, p))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def solve(rows: Floats, room: Floats, tau2: float) -> Solved:
    """Weighted least squares with W = 1/(v + tau2)."""
    for i in range(rows.shape[0]):
        rows[i, W] = 1.0 / (rows[i, V] + tau2)
    return _solve_weighted(rows, room)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def solve_level(rows: Floats, room: Floats) -> Solved:
    """Ordinary least squares."""
    for i in range(rows.shape[0]):
        rows[i, W] = 1.0
    return _solve_weighted(rows, room)


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_weighted(rows: Floats, room: Floats) -> Solved:
    if room.shape[1] == 1:
        return _solve_one(rows, room)
    _accumulate(rows, room)
    independent = _factor(room)
    _substitute(room)
    lost, total, rss, steep = _trace(room), 0.0, 0.0, 0.0
    for i in range(rows.shape[0]):
        rest = rows[i, Y]
        for a in range(room.shape[1]):
            rest -= rows[i, X + a] * room[BETA, 0, a]
        pulled = rows[i, W] * rest
        total += rows[i, W]
        rss += pulled * rest
        steep += pulled * pulled
    return Solved(total, rss, steep, lost, independent)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _solve_one(rows: Floats, room: Floats) -> Solved:
    """The same for a single column, which is most of what is ever pooled, in half the time."""
    total, gain, pull, square = 0.0, 0.0, 0.0, 0.0
    for i in range(rows.shape[0]):
        pulled = rows[i, W] * rows[i, X]
        total += rows[i, W]
        gain += pulled * rows[i, X]
        pull += pulled * rows[i, Y]
        square += pulled * pulled
    beta, rss, steep = pull / gain, 0.0, 0.0
    for i in range(rows.shape[0]):
        rest = rows[i, Y] - rows[i, X] * beta
        pulled = rows[i, W] * rest
        rss += pulled * rest
        steep += pulled * pulled
    room[BETA, 0, 0], room[ROOT, 0, 0] = beta, np.sqrt(gain)
    room[HALF, 0, 0] = 1.0 / room[ROOT, 0, 0]
    return Solved(total, rss, steep, square / gain, gain > 0)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _accumulate(rows: Floats, room: Floats) -> None:
    """X'WX, X'W²X and X'Wy."""
    for a in range(room.shape[1]):
        pull = 0.0
        for i in range(rows.shape[0]):
            pull += rows[i, W] * rows[i, X + a] * rows[i, Y]
        room[BETA, 0, a] = pull
        for b in range(a + 1):
            gain, square = 0.0, 0.0
            for i in range(rows.shape[0]):
                pulled = rows[i, W] * rows[i, X + a] * rows[i, X + b]
                gain += pulled
                square += pulled * rows[i, W]
            room[ROOT, a, b], room[SQUARE, a, b] = gain, square


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _factor(room: Floats) -> bool:
    """Cholesky in place and the inverse of its root; False where a column follows from those before it."""
    for a in range(room.shape[1]):
        length = room[ROOT, a, a]
        for b in range(a + 1):
            rest = room[ROOT, a, b]
            for c in range(b):
                rest -= room[ROOT, a, c] * room[ROOT, b, c]
            room[ROOT, a, b] = rest / room[ROOT, b, b] if b < a else np.sqrt(max(rest, 0.0))
        pivot = room[ROOT, a, a]
        if not pivot * pivot > SINGULAR * length:
            return False
        room[HALF, a, a] = 1.0 / pivot
        for b in range(a):
            rest = 0.0
            for c in range(b, a):
                rest -= room[ROOT, a, c] * room[HALF, c, b]
            room[HALF, a, b] = rest / pivot
    return True


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _substitute(room: Floats) -> None:
    """L⁻ᵀ L⁻¹ times what stands in the place of the coefficients."""
    p = room.shape[1]
    for a in range(p - 1, -1, -1):
        total = 0.0
        for b in range(a + 1):
            total += room[HALF, a, b] * room[BETA, 0, b]
        room[BETA, 0, a] = total
    for a in range(p):
        total = 0.0
        for b in range(a, p):
            total += room[HALF, b, a] * room[BETA, 0, b]
        room[BETA, 0, a] = total


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _trace(room: Floats) -> float:
    """Trace of L⁻¹ X'W²X L⁻ᵀ."""
    total = 0.0
    for a in range(room.shape[1]):
        for b in range(a + 1):
            total += room[HALF, a, b] * room[HALF, a, b] * room[SQUARE, b, b]
            for c in range(b):
                total += 2 * room[HALF, a, b] * room[HALF, a, c] * room[SQUARE, b, c]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def find_slope(rows: Floats, room: Floats, tau2: float, restricted: bool) -> float:
    r"""Slope of the log-likelihood in tau2.

    Notes
    -----
    .. math:: \tfrac12\left[r'W^2r - \operatorname{tr} P\right]

    with W for P in the likelihood that is not restricted.
    """
    solved = solve(rows, room, tau2)
    lost = solved.lost if restricted else 0.0
    return 0.5 * (solved.steep - (solved.total - lost))


@njit(cache=True, nogil=True, error_model="numpy")
def find_log_det(room: Floats) -> float:
    """Log determinant of X'WX at the last solution."""
    total = 0.0
    for a in range(room.shape[1]):
        total += 2 * np.log(room[ROOT, a, a])
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def find_height(rows: Floats, room: Floats, tau2: float, restricted: bool) -> tuple[float, float]:
    """Twice the log-likelihood without its constants, and the residual sum of squares; both at tau2."""
    solved = solve(rows, room, tau2)
    height = -solved.rss - (find_log_det(room) if restricted else 0.0)
    for i in range(rows.shape[0]):
        height += np.log(rows[i, W])
    return height, solved.rss


@njit(cache=True, nogil=True, error_model="numpy")
def write_cov(room: Floats, into: Floats) -> None:
    """(X'WX)⁻¹ = L⁻ᵀ L⁻¹ of the last solution, written into a (p, p) array."""
    p = room.shape[1]
    for a in range(p):
        for b in range(p):
            total = 0.0
            for c in range(max(a, b), p):
                total += room[HALF, c, a] * room[HALF, c, b]
            into[a, b] = total
