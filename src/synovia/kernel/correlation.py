"""How random effects of one group correlate: a correlation matrix as a function of at most one parameter."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import NotPositiveDefinite, SynthesisError

__all__ = ["Correlation", "Equal", "Matrix", "Power", "Spatial", "Uncorrelated"]

Floats = NDArray[np.float64]
Bounds = tuple[float, float]

STEP = 1e-6  # relative step of central differences where a derivative is not worth a formula


class Correlation(Protocol):
    """A correlation matrix of q random effects."""

    @property
    def size(self) -> int:
        """Number of random effects q."""
        ...

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """Lower and upper limit of each parameter."""
        ...

    @property
    def start(self) -> Floats:
        """Where a search begins."""
        ...

    def matrix(self, rho: Floats) -> Floats:
        """(q, q) correlation."""
        ...

    def derivatives(self, rho: Floats) -> Floats:
        """(parameters, q, q) its slopes."""
        ...


@dataclass(frozen=True, slots=True)
class Uncorrelated:
    """No correlation, no parameter."""

    size: int
    bounds: tuple[Bounds, ...] = ()

    @property
    def start(self) -> Floats:
        """Nothing to search."""
        return np.empty(0)

    def matrix(self, rho: Floats) -> Floats:  # noqa: ARG002 - one signature for all
        """(q, q) identity."""
        return np.eye(self.size)

    def derivatives(self, rho: Floats) -> Floats:  # noqa: ARG002 - one signature for all
        """No parameter, no slope."""
        return np.empty((0, self.size, self.size))


@dataclass(frozen=True, slots=True)
class Equal:
    """One correlation between all pairs: compound symmetry.

    Examples
    --------
    >>> Equal(2).matrix(np.array([0.5])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """

    size: int

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """Below -1 / (q - 1) no such matrix exists."""
        return ((-1 / (self.size - 1) if self.size > 1 else -1.0, 1.0),)

    @property
    def start(self) -> Floats:
        """One half."""
        return np.array([0.5])

    def matrix(self, rho: Floats) -> Floats:
        """(q, q) ones on the diagonal, rho elsewhere."""
        return np.where(np.eye(self.size) == 1, 1.0, rho[0])

    def derivatives(self, rho: Floats) -> Floats:  # noqa: ARG002 - one signature for all
        """(1, q, q) ones off the diagonal."""
        return (1 - np.eye(self.size))[None]


@dataclass(frozen=True, slots=True, eq=False)
class Power:
    r"""Correlation that falls with distance in time: :math:`\rho^{|t_i - t_j|}`.

    Attributes
    ----------
    times : ndarray of shape (q,)
        Whole numbers for AR(1), any numbers for the continuous version.
    continuous : bool
        Whether rho is limited to [0, 1], as it must be when distances are not whole numbers.
    """

    times: Floats
    continuous: bool = False

    def __init__(self, times: ArrayLike, *, continuous: bool = False) -> None:
        object.__setattr__(self, "times", np.array(times, dtype=np.float64))
        object.__setattr__(self, "continuous", continuous)

    @property
    def size(self) -> int:
        """Number of times."""
        return self.times.size

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """[0, 1] when continuous, else [-1, 1]."""
        return ((0.0 if self.continuous else -1.0, 1.0),)

    @property
    def start(self) -> Floats:
        """One half at the median distance of neighbours."""
        gaps = np.diff(np.sort(self.times))
        gap = float(np.median(gaps)) if gaps.size else 1.0
        return np.array([0.5 ** (1 / max(gap, 1e-6))])

    @property
    def distance(self) -> Floats:
        """(q, q) distances in time."""
        return np.asarray(np.abs(self.times[:, None] - self.times[None, :]))

    def matrix(self, rho: Floats) -> Floats:
        """(q, q) correlation."""
        return np.asarray(np.power(rho[0], self.distance))

    def derivatives(self, rho: Floats) -> Floats:
        """(1, q, q) slope."""
        d = self.distance
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = d * np.power(rho[0], d - 1)
        return np.where(d > 0, np.nan_to_num(slope, posinf=0.0), 0.0)[None]


def _rational(share: Floats) -> Floats:
    return np.asarray(1 - share**2 / (1 + share**2))


def _linear(share: Floats) -> Floats:
    return np.asarray(np.clip(1 - share, 0, None))


def _spherical(share: Floats) -> Floats:
    return np.where(share < 1, 1 - 1.5 * share + 0.5 * share**3, 0.0)


def _exponential(share: Floats) -> Floats:
    return np.asarray(np.exp(-share))


def _gaussian(share: Floats) -> Floats:
    return np.asarray(np.exp(-(share**2)))


SPATIAL = {
    "exponential": _exponential,
    "gaussian": _gaussian,
    "linear": _linear,
    "rational": _rational,
    "spherical": _spherical,
}


@dataclass(frozen=True, slots=True, eq=False)
class Spatial:
    """Correlation that falls with distance in space, over a range rho in the units of the distance.

    Attributes
    ----------
    distance : ndarray of shape (q, q)
        Distances between the levels.
    kind : {"exponential", "gaussian", "linear", "rational", "spherical"}
        How it falls: with x = d / rho, exp(-x), exp(-x²), 1 - x, 1 / (1 + x²), 1 - 1.5 x + 0.5 x³; the
        linear and the spherical are 0 beyond x = 1.
    """

    distance: Floats
    kind: str = "exponential"

    def __post_init__(self) -> None:
        if self.kind not in SPATIAL:
            raise SynthesisError(f"Found spatial correlation {self.kind!r}; wanted {', '.join(SPATIAL)}.")

    @property
    def size(self) -> int:
        """Number of places."""
        return int(self.distance.shape[0])

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """From a hundredth of the shortest distance to thirty times the longest."""
        apart = self.distance[self.distance > 0]
        return ((float(apart.min()) / 100, 30 * float(apart.max())),) if apart.size else ((1e-3, 1.0),)

    @property
    def start(self) -> Floats:
        """The median distance."""
        apart = self.distance[self.distance > 0]
        return np.array([float(np.median(apart)) if apart.size else 0.5])

    def matrix(self, rho: Floats) -> Floats:
        """(q, q) correlation."""
        return np.asarray(SPATIAL[self.kind](self.distance / rho[0]))

    def derivatives(self, rho: Floats) -> Floats:
        """(1, q, q) slope, by central differences."""
        step = STEP * rho[0]
        rise = self.matrix(rho + step) - self.matrix(rho - step)
        return np.asarray(rise / (2 * step))[None]


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A known correlation between levels: relatedness of species, overlap of samples.

    Attributes
    ----------
    known : ndarray of shape (q, q)
        Symmetric, positive semi-definite; used as given, not rescaled.

    Raises
    ------
    NotPositiveDefinite
        When it is not symmetric or has a negative eigenvalue.
    """

    known: Floats

    def __init__(self, known: ArrayLike) -> None:
        values = np.array(known, dtype=np.float64)
        if values.ndim != 2 or values.shape[0] != values.shape[1] or not np.isfinite(values).all():
            raise SynthesisError(
                f"Found a known correlation of shape {values.shape}; wanted a square matrix of numbers."
            )
        scale = float(np.abs(values).max())
        if np.abs(values - values.T).max() > 1e-8 * scale:
            raise NotPositiveDefinite("The known correlation is not symmetric.")
        lowest = float(np.linalg.eigvalsh(values)[0])
        if lowest < -1e-8 * scale:
            raise NotPositiveDefinite(
                f"The known correlation has eigenvalue {lowest:.3g}; wanted none below 0. "
                "Check how it was made."
            )
        object.__setattr__(self, "known", (values + values.T) / 2)

    @property
    def size(self) -> int:
        """Number of levels."""
        return int(self.known.shape[0])

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """No parameter."""
        return ()

    @property
    def start(self) -> Floats:
        """Nothing to search."""
        return np.empty(0)

    def matrix(self, rho: Floats) -> Floats:  # noqa: ARG002 - one signature for all
        """(q, q) as given."""
        return self.known

    def derivatives(self, rho: Floats) -> Floats:  # noqa: ARG002 - one signature for all
        """No parameter, no slope."""
        return np.empty((0, self.size, self.size))
