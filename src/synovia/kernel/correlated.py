"""Structures with few correlations: compound symmetry, autoregressive, spatial, known, and none."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.correlation import Correlation, Equal, Uncorrelated
from synovia.kernel.structure import Bounds

__all__ = ["Correlated"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Correlated:
    r"""Variances and a correlation of few parameters: :math:`G_{ij} = s_i s_j C_{ij}(\rho)`.

    Attributes
    ----------
    correlation : Correlation
        ``Equal`` is compound symmetry, ``Power`` autoregressive, ``Spatial``, ``Matrix`` known, and
        ``Uncorrelated`` a diagonal.
    separate : bool
        Whether each random effect has its own variance; else they share one.

    Examples
    --------
    >>> from synovia.kernel.correlation import Equal
    >>> Correlated(Equal(2)).covariance(np.array([4.0, 0.5])).tolist()
    [[4.0, 2.0], [2.0, 4.0]]
    """

    correlation: Correlation
    separate: bool = False

    @property
    def size(self) -> int:
        """Number of random effects."""
        return self.correlation.size

    @property
    def variances(self) -> int:
        """Number of variances."""
        return self.size if self.separate else 1

    @property
    def parameters(self) -> int:
        """Variances and correlations."""
        return self.variances + len(self.correlation.bounds)

    @property
    def names(self) -> tuple[str, ...]:
        """tau2 or tau2[1] ... tau2[q], then rho."""
        own = [f"tau2[{level}]" for level in range(1, self.size + 1)] if self.separate else ["tau2"]
        return (*own, *("rho" for _ in self.correlation.bounds))

    @property
    def bounds(self) -> Bounds:
        """Variances of at least 0; correlations where the matrix exists."""
        return (*((0.0, np.inf),) * self.variances, *self.correlation.bounds)

    @property
    def search_bounds(self) -> Bounds:
        """The same."""
        return self.bounds

    @property
    def _rooted(self) -> bool:
        """Whether the search moves standard deviations: G is linear in them when correlated."""
        return self.separate and not isinstance(self.correlation, Uncorrelated)

    def _split(self, psi: Floats) -> tuple[Floats, Floats]:
        s = np.sqrt(psi[: self.variances])
        return np.broadcast_to(s, (self.size,)) if not self.separate else s, psi[self.variances :]

    def covariance(self, psi: Floats) -> Floats:
        """(q, q) covariance."""
        s, rho = self._split(psi)
        return np.asarray(np.outer(s, s) * self.correlation.matrix(rho))

    def derivatives(self, psi: Floats) -> Floats:
        """(parameters, q, q) slopes in variances and correlations; 0 where infinite, at a variance of 0."""
        s, rho = self._split(psi)
        slopes = self._slopes(s, rho)
        if self.separate:
            with np.errstate(divide="ignore"):
                half = np.where(s > 0, 1 / (2 * s), 0.0)
            slopes[: self.size] *= half[:, None, None]
        return slopes

    def _slopes(self, s: Floats, rho: Floats) -> Floats:
        """Slopes in standard deviations when separate, else in the variance; then in correlations."""
        C = self.correlation.matrix(rho)
        turned = np.outer(s, s) * self.correlation.derivatives(rho)
        if not self.separate:
            return np.concatenate([C[None], turned])
        own = np.zeros((self.size, self.size, self.size))
        for level in range(self.size):
            own[level, level] += s * C[level]
            own[level, :, level] += s * C[level]
        return np.concatenate([own, turned])

    def start(self, variance: Floats) -> Floats:
        """These variances, or their mean where they share one, and the start of the correlation."""
        given = np.broadcast_to(variance, (self.size,))
        own = given.copy() if self.separate else given.mean(keepdims=True)
        own = np.sqrt(own) if self._rooted else own
        return np.concatenate([own, self.correlation.start])

    def from_search(self, theta: Floats) -> Floats:
        """Standard deviations become variances."""
        if not self._rooted:
            return theta
        return np.concatenate([theta[: self.size] ** 2, theta[self.size :]])

    def to_search(self, psi: Floats) -> Floats:
        """Variances become standard deviations where the search moves those."""
        if not self._rooted:
            return psi
        return np.concatenate([np.sqrt(psi[: self.size]), psi[self.size :]])

    def hold(self, index: int, value: float) -> None:  # noqa: ARG002 - one signature for all
        """The search moves each entry by itself."""
        return

    def search_derivatives(self, theta: Floats) -> Floats:
        """(parameters, q, q) slopes in theta."""
        if not self._rooted:
            return self.derivatives(theta)
        return self._slopes(theta[: self.size], theta[self.size :])

    def search_curvature(self, theta: Floats, slope: Floats) -> Floats:
        """Curvature in the standard deviations; that of the correlation is left to the search."""
        curvature = np.zeros((self.parameters, self.parameters))
        if self._rooted:
            C = self.correlation.matrix(theta[self.size :])
            curvature[: self.size, : self.size] = 2 * slope * C
        return curvature

    def linear_basis(self) -> Floats | None:
        """Matrices G is linear in: one variance, separate uncorrelated variances, or compound symmetry."""
        if not self.separate and not self.correlation.bounds:
            return self.correlation.matrix(np.empty(0))[None]
        if not self.separate and isinstance(self.correlation, Equal):
            return np.stack([np.eye(self.size), 1 - np.eye(self.size)])
        if self.separate and isinstance(self.correlation, Uncorrelated):
            return np.asarray([np.outer(row, row) for row in np.eye(self.size)])
        return None
