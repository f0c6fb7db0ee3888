"""Mixtures of normals over shared weights: what every linear combination of coefficients is a posteriori."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

__all__ = ["MANY", "Normals", "join_normals"]

Floats = NDArray[np.float64]

ROUGH = 1e-2  # for points that a search only begins from
SPLITS = np.array([0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])  # shares of the tails below, to begin from
STEPS = 200
NEAR = 1e-13  # a quantile is found when it no longer moves by this share of its bracket
MANY = 4_000  # components beyond which searches begin from fewer
COARSE = 0.05  # cells of means and log standard deviations that are joined for that, in standard deviations
DENSE = 4_000_000  # codes that are counted in a table
ROOT_2PI = float(np.sqrt(2 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Normals:
    """Several mixtures of normals with the same weights.

    Attributes
    ----------
    weights : ndarray of shape (m,)
        Above 0, summing to 1.
    means, sds : ndarray of shape (m, r)
        Of each component of each of the r mixtures.

    Examples
    --------
    >>> two = Normals(np.array([0.5, 0.5]), np.array([[-1.0], [1.0]]), np.ones((2, 1)))
    >>> two.sd().round(3).tolist(), two.cdf([0.0]).tolist()
    ([1.414], [0.5])
    """

    weights: Floats
    means: Floats
    sds: Floats

    def mean(self) -> Floats:
        """(r,) means."""
        return np.asarray(self.weights @ self.means)

    def sd(self) -> Floats:
        """(r,) standard deviations."""
        around = self.means - self.mean()
        return np.asarray(np.sqrt(self.weights @ (self.sds**2 + around**2)))

    def density(self, x: ArrayLike) -> Floats:
        """(..., r) densities at points (..., r) or (..., 1)."""
        z = self._standardise(x)
        return self._mix(np.exp(-0.5 * z * z) / self.sds) / ROOT_2PI

    def slope(self, x: ArrayLike) -> Floats:
        """(..., r) derivatives of the densities."""
        z = self._standardise(x)
        return self._mix(-z * np.exp(-0.5 * z * z) / self.sds**2) / ROOT_2PI

    def cdf(self, x: ArrayLike) -> Floats:
        """(..., r) probabilities of at most x."""
        return self._mix(ndtr(self._standardise(x)))

    def above(self, x: ArrayLike) -> Floats:
        """(..., r) probabilities of more than x, without cancellation."""
        return self._mix(ndtr(-self._standardise(x)))

    def _mix(self, values: Floats) -> Floats:
        """(..., r) weighted sums over the components of (..., m, r)."""
        return np.asarray(self.weights @ values)

    def _standardise(self, x: ArrayLike) -> Floats:
        return np.asarray((np.asarray(x, dtype=np.float64)[..., None, :] - self.means) / self.sds)

    def quantile(self, p: ArrayLike, near: float = NEAR) -> Floats:
        """(q, r) quantiles at q probabilities.

        Newton's steps inside a bracket: a quantile of a mixture lies between those of its components.

        Parameters
        ----------
        p : array_like of shape (q,)
            Probabilities.
        near : float
            How far, in standard deviations of the narrowest component, a step may be and count as the last.
        """
        wanted = np.asarray(p, dtype=np.float64).reshape(-1, 1)
        if self.weights.size > MANY:
            return self._follow(wanted, near)
        each = self.means + ndtri(wanted)[:, :, None] * self.sds
        low, high = each.min(axis=1), each.max(axis=1)
        x = np.einsum("m,qmr->qr", self.weights, each)
        for _ in range(STEPS):
            z = self._standardise(x)
            gap = self._mix(ndtr(z)) - wanted
            low, high = np.where(gap < 0, x, low), np.where(gap > 0, x, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                moved = x - gap * ROOT_2PI / self._mix(np.exp(-0.5 * z * z) / self.sds)
            inside = (moved >= low) & (moved <= high)
            moved = np.where(gap == 0, x, np.where(inside, moved, 0.5 * (low + high)))
            still = np.abs(moved - x) <= near * (np.abs(x) + self.sds.min())
            x = moved
            if still.all():
                break
        return np.asarray(x)

    def _follow(self, wanted: Floats, near: float) -> Floats:
        """Quantiles by Newton's steps from those of fewer components; one by one where that fails."""
        x = np.column_stack([one.quantile(wanted, near) for one in self._columns()])
        for _ in range(STEPS if near <= NEAR else 0):
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.nan_to_num((self.cdf(x) - wanted) / self.density(x), nan=np.inf)
            if np.abs(step).max() <= near * 1e3 * (np.abs(x).max() + self.sds.min()):
                break
            x = x - np.clip(step, -self.sds.max(axis=0), self.sds.max(axis=0))
        return np.asarray(x)

    def _columns(self) -> "list[Normals]":
        """Each mixture alone, components alike in mean and standard deviation joined into one."""
        return [self.join(column) for column in range(self.means.shape[1])]

    def join(self, column: int) -> "Normals":
        """One mixture with at most 4,000 components: those alike in mean and standard deviation are one.

        Means and variances stay what they are; densities change by less than they show in a drawing.

        Parameters
        ----------
        column : int
            Which mixture.
        """
        mean, sd = self.means[:, column], self.sds[:, column]
        width = COARSE
        while True:
            level = np.floor(np.log(sd) / width)
            place = np.floor(mean / (width * np.exp(level * width)))
            wide = int(np.ptp(place)) + 1
            codes = ((level - level.min()) * wide + place - place.min()).astype(np.intp)
            found, cell = _number(codes)
            if found <= MANY:
                break
            width = 2 * width
        weights = np.asarray(np.bincount(cell, weights=self.weights), dtype=np.float64)
        centre = np.bincount(cell, weights=self.weights * mean) / weights
        square = np.bincount(cell, weights=self.weights * (sd**2 + (mean - centre[cell]) ** 2)) / weights
        return Normals(weights, centre[:, None], np.sqrt(square)[:, None])

    def equal_tailed(self, level: float) -> Floats:
        """(2, r) limits with the same probability outside on both sides."""
        return self.quantile([(1 - level) / 2, (1 + level) / 2])

    def shortest(self, level: float) -> Floats:
        """(2, r) limits of the shortest interval that holds a probability.

        The densities at its ends are equal; Newton's steps begin at the shortest of a few intervals.
        """
        if self.weights.size > MANY:
            start = np.column_stack([one.shortest(level) for one in self._columns()])
            return self._check(start, level)
        below = (1 - level) * SPLITS
        both = self.quantile(np.concatenate([below, below + level]), ROUGH)
        lower, upper = both[: below.size], both[below.size :]
        best = np.argmin(upper - lower, axis=0)[None]
        start = np.concatenate([np.take_along_axis(lower, best, 0), np.take_along_axis(upper, best, 0)])
        return self._check(start, level)

    def _check(self, start: Floats, level: float) -> Floats:
        """The shortest interval by Newton's steps, where they lead to one."""
        ends = self._equalise(start, level)
        width, known = ends[1] - ends[0], start[1] - start[0]
        held = np.abs(self.cdf(ends[1:]) - self.cdf(ends[:1]) - level)[0] < 1e-9
        good = held & (width > 0) & (width <= known * (1 + ROUGH))
        return np.where(good, ends, self._settle(start, level, good))

    def _settle(self, start: Floats, level: float, good: NDArray[np.bool_]) -> Floats:
        """The best of the intervals to begin from, exact, where Newton's steps went astray."""
        if good.all():
            return start
        below = np.clip(self.cdf(start[:1])[0], 1e-12, 1 - level - 1e-12)
        columns = [self.pick(r).quantile([p, p + level])[:, 0] for r, p in enumerate(below.tolist())]
        return np.stack(columns, axis=1)

    def _equalise(self, ends: Floats, level: float) -> Floats:
        for _ in range(50):
            z = self._standardise(ends)
            bell, below = np.exp(-0.5 * z * z) / self.sds / ROOT_2PI, self._mix(ndtr(z))
            f, slope = self._mix(bell), self._mix(-z * bell / self.sds)
            inside = below[1] - below[0] - level
            apart = f[0] - f[1]
            with np.errstate(divide="ignore", invalid="ignore"):
                det = f[0] * slope[1] - f[1] * slope[0]
                step = np.array([slope[1] * inside + f[1] * apart, slope[0] * inside + f[0] * apart]) / det
            step = np.nan_to_num(step, nan=0.0, posinf=0.0, neginf=0.0)
            ends = ends + step
            if (np.abs(step) <= 1e-12 * (ends[1] - ends[0])).all():
                break
        return ends

    def mode(self) -> Floats:
        """(r,) points of highest density."""
        if self.weights.size > MANY:
            x = np.concatenate([one.mode() for one in self._columns()])
        else:
            grid = self.quantile(np.linspace(0.02, 0.98, 17), ROUGH)
            x = np.take_along_axis(grid, np.argmax(self.density(grid), axis=0)[None], 0)[0]
        for _ in range(STEPS):
            z = self._standardise(x)
            weight = self.weights[:, None] * np.exp(-0.5 * z * z)
            slope = -(weight * z / self.sds**2).sum(axis=0)
            bend = (weight * (z * z - 1) / self.sds**3).sum(axis=0)
            lifted = (weight * self.means / self.sds**3).sum(axis=0) / (weight / self.sds**3).sum(axis=0)
            moved = np.where(bend < 0, x - slope / np.where(bend < 0, bend, -1), lifted)
            still = np.abs(moved - x) <= 1e-13 * (np.abs(x) + self.sds.min())
            x = moved
            if still.all():
                break
        return np.asarray(x)

    def pick(self, column: int) -> "Normals":
        """One of the mixtures."""
        return Normals(self.weights, self.means[:, [column]], self.sds[:, [column]])


def _number(codes: NDArray[np.intp]) -> tuple[int, NDArray[np.intp]]:
    """How many codes differ, and the number of each."""
    if codes.max() > DENSE:
        found, cell = np.unique(codes, return_inverse=True)
        return found.size, cell
    seen = np.zeros(int(codes.max()) + 1, dtype=bool)
    seen[codes] = True
    number = np.cumsum(seen) - 1
    return int(number[-1]) + 1, number[codes]


def join_normals(parts: list[Normals], shares: ArrayLike) -> Normals:
    """Mixtures of mixtures: each part with its share.

    Parameters
    ----------
    parts : list of Normals
        With the same number of mixtures.
    shares : array_like
        One per part, summing to 1.
    """
    weights = [share * part.weights for share, part in zip(np.asarray(shares), parts, strict=True)]
    kept = np.concatenate(weights) > 0
    return Normals(
        np.concatenate(weights)[kept],
        np.concatenate([part.means for part in parts])[kept],
        np.concatenate([part.sds for part in parts])[kept],
    )
