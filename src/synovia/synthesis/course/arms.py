"""Random courses of the arms of one trial, which share half of their variance through the comparator."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel import Structure

__all__ = ["SharedArms"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SharedArms:
    r"""A structure for each of m comparisons, with half of it shared: :math:`\tfrac12(I + J) \otimes G`.

    Attributes
    ----------
    base : Structure
        G, of the q coefficients of one comparison.
    comparisons : int
        m.

    Notes
    -----
    Higgins & Whitehead (1996), Statistics in Medicine 15, 2733-2749, for courses instead of single effects.
    """

    base: Structure
    comparisons: int

    @property
    def shared(self) -> Floats:
        """(m, m) correlation between comparisons."""
        return np.asarray((np.eye(self.comparisons) + 1) / 2)

    @property
    def size(self) -> int:
        """Number of random effects of one group, m q."""
        return self.comparisons * self.base.size

    @property
    def parameters(self) -> int:
        """Those of G."""
        return self.base.parameters

    @property
    def names(self) -> tuple[str, ...]:
        """Those of G."""
        return self.base.names

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """Those of G."""
        return self.base.bounds

    @property
    def search_bounds(self) -> tuple[tuple[float, float], ...]:
        """Those of G."""
        return self.base.search_bounds

    def _spread(self, matrices: Floats) -> Floats:
        """(k, m q, m q) Kronecker products."""
        return np.array([np.kron(self.shared, G) for G in matrices]).reshape(-1, self.size, self.size)

    def covariance(self, psi: Floats) -> Floats:
        """(m q, m q) covariance."""
        return np.asarray(np.kron(self.shared, self.base.covariance(psi)), dtype=np.float64)

    def derivatives(self, psi: Floats) -> Floats:
        """(parameters, m q, m q) slopes in psi."""
        return self._spread(self.base.derivatives(psi))

    def start(self, variance: Floats) -> Floats:
        """That of G, with the mean over comparisons."""
        each = np.broadcast_to(variance, (self.size,)).reshape(self.comparisons, self.base.size)
        return self.base.start(each.mean(axis=0))

    def from_search(self, theta: Floats) -> Floats:
        """As G does."""
        return self.base.from_search(theta)

    def to_search(self, psi: Floats) -> Floats:
        """As G does."""
        return self.base.to_search(psi)

    def hold(self, index: int, value: float) -> "SharedArms | None":
        """G with one entry held."""
        held = self.base.hold(index, value)
        return None if held is None else SharedArms(held, self.comparisons)

    def search_derivatives(self, theta: Floats) -> Floats:
        """(parameters, m q, m q) slopes in theta."""
        return self._spread(self.base.search_derivatives(theta))

    def search_curvature(self, theta: Floats, slope: Floats) -> Floats:
        """(parameters, parameters) of G, with the slope summed over pairs of comparisons."""
        m, q = self.comparisons, self.base.size
        folded = np.tensordot(self.shared, slope.reshape(m, q, m, q), axes=([0, 1], [0, 2]))
        return self.base.search_curvature(theta, np.asarray(folded, dtype=np.float64))

    def linear_basis(self) -> Floats | None:
        """That of G, spread."""
        basis = self.base.linear_basis()
        return None if basis is None else self._spread(basis)
