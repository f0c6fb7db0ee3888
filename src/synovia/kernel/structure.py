"""How the random effects of one term vary: the G of ``V + sum of Z (I x G) Z'``.

Every structure speaks two languages. ``psi`` are its natural parameters, variances and then correlations, as
a paper reports them. ``theta`` are the coordinates in which a search moves without leaving the matrices that
exist: variances or standard deviations of at least 0, or the Cholesky factor of G.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Bounds", "Fixed", "Scalar", "Structure"]

Floats = NDArray[np.float64]

VANISHING = 1e-8  # share of the largest standard deviation that stands for 0 in slopes
Bounds = tuple[tuple[float, float], ...]


class Structure(Protocol):
    """What a structure must say about the q random effects of one group."""

    @property
    def size(self) -> int:
        """Number of random effects of one group, q."""
        ...

    @property
    def parameters(self) -> int:
        """How many entries of psi belong to the term."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each entry of psi: "tau2", "tau2[2]", "rho", "rho[1,2]"."""
        ...

    @property
    def bounds(self) -> Bounds:
        """Lower and upper limit of each entry of psi."""
        ...

    @property
    def search_bounds(self) -> Bounds:
        """Lower and upper limit of each entry of theta."""
        ...

    def covariance(self, psi: Floats) -> Floats:
        """(q, q) covariance G at its natural parameters."""
        ...

    def derivatives(self, psi: Floats) -> Floats:
        """(parameters, q, q) slopes of G in psi."""
        ...

    def start(self, variance: Floats) -> Floats:
        """Theta where a search begins, with (q,) so much variance in each random effect."""
        ...

    def from_search(self, theta: Floats) -> Floats:
        """Psi of a theta."""
        ...

    def to_search(self, psi: Floats) -> Floats:
        """A theta of psi, or of a psi close to it where the search has an edge."""
        ...

    def hold(self, index: int, value: float) -> "Structure | None":
        """The structure with one entry of psi held; None where that entry alone is a coordinate of theta."""
        ...

    def search_derivatives(self, theta: Floats) -> Floats:
        """(parameters, q, q) slopes of G in theta."""
        ...

    def search_curvature(self, theta: Floats, slope: Floats) -> Floats:
        """(parameters, parameters) second derivatives in theta of the sum of ``slope`` times G."""
        ...

    def linear_basis(self) -> Floats | None:
        """(m, q, q) matrices that G is a linear combination of, or None when it is not linear."""
        ...


@dataclass(frozen=True, slots=True)
class Scalar:
    """One random effect per group with one variance, tau2.

    Examples
    --------
    >>> Scalar().covariance(np.array([0.3])).tolist()
    [[0.3]]
    """

    size: int = 1
    parameters: int = 1
    names: tuple[str, ...] = ("tau2",)
    bounds: Bounds = ((0.0, np.inf),)
    search_bounds: Bounds = ((0.0, np.inf),)

    def covariance(self, psi: Floats) -> Floats:
        """(1, 1) matrix of the variance."""
        return psi.reshape(1, 1)

    def derivatives(self, psi: Floats) -> Floats:  # noqa: ARG002 - one signature for all
        """(1, 1, 1) one."""
        return np.ones((1, 1, 1))

    def start(self, variance: Floats) -> Floats:
        """The variance itself."""
        return np.array(variance, dtype=np.float64).reshape(1)

    def from_search(self, theta: Floats) -> Floats:
        """The same number."""
        return theta

    def to_search(self, psi: Floats) -> Floats:
        """The same number."""
        return psi

    def hold(self, index: int, value: float) -> None:  # noqa: ARG002 - one signature for all
        """The search moves the variance itself."""
        return

    def search_derivatives(self, theta: Floats) -> Floats:  # noqa: ARG002 - one signature for all
        """(1, 1, 1) one."""
        return np.ones((1, 1, 1))

    def search_curvature(self, theta: Floats, slope: Floats) -> Floats:  # noqa: ARG002 - one signature
        """Linear: no curvature."""
        return np.zeros((1, 1))

    def linear_basis(self) -> Floats:
        """(1, 1, 1) one."""
        return np.ones((1, 1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """A structure with some natural parameters held at given values.

    Attributes
    ----------
    base : Structure
        What is held.
    values : ndarray of shape (base.parameters,)
        The values, NaN where a parameter stays free.

    Examples
    --------
    >>> from synovia.kernel.unstructured import Unstructured
    >>> Fixed(Unstructured(2), np.array([np.nan, np.nan, 0.5])).covariance(np.array([4.0, 1.0])).tolist()
    [[4.0, 1.0], [1.0, 1.0]]
    """

    base: Structure
    values: Floats

    def __init__(self, base: Structure, values: ArrayLike) -> None:
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "values", np.array(values, dtype=np.float64))

    @property
    def free(self) -> NDArray[np.bool_]:
        """(base.parameters,) which parameters are still searched."""
        return np.isnan(self.values)

    @property
    def size(self) -> int:
        """Number of random effects."""
        return self.base.size

    @property
    def parameters(self) -> int:
        """Free parameters."""
        return int(self.free.sum())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters."""
        return tuple(name for name, free in zip(self.base.names, self.free, strict=True) if free)

    @property
    def bounds(self) -> Bounds:
        """Limits of the free parameters."""
        return tuple(limit for limit, free in zip(self.base.bounds, self.free, strict=True) if free)

    @property
    def search_bounds(self) -> Bounds:
        """The search moves standard deviations and correlations."""
        return self.bounds

    @property
    def _variances(self) -> NDArray[np.bool_]:
        """(parameters,) which free parameters are variances."""
        return np.array([name.startswith("tau2") for name in self.names], dtype=bool)

    def fill(self, psi: Floats) -> Floats:
        """(base.parameters,) held and free together."""
        whole = self.values.copy()
        whole[self.free] = psi
        return whole

    def covariance(self, psi: Floats) -> Floats:
        """(q, q) covariance."""
        return self.base.covariance(self.fill(psi))

    def derivatives(self, psi: Floats) -> Floats:
        """(parameters, q, q) slopes in the free parameters."""
        return self.base.derivatives(self.fill(psi))[self.free]

    def start(self, variance: Floats) -> Floats:
        """The start of the whole structure, where free."""
        return self.to_search(self.base.from_search(self.base.start(variance))[self.free])

    def from_search(self, theta: Floats) -> Floats:
        """Standard deviations become variances."""
        return np.where(self._variances, theta**2, theta)

    def to_search(self, psi: Floats) -> Floats:
        """Variances become standard deviations."""
        return np.where(self._variances, np.sqrt(np.abs(psi)), psi)

    def hold(self, index: int, value: float) -> None:  # noqa: ARG002 - one signature for all
        """The search moves each entry by itself."""
        return

    def search_derivatives(self, theta: Floats) -> Floats:
        """(parameters, q, q) slopes in theta; at a standard deviation of 0 their limit from above."""
        own = self._variances
        least = VANISHING * max(float(np.abs(theta[own]).max(initial=0.0)), VANISHING)
        near = np.where(own, np.maximum(theta, least), theta)
        scale = np.where(own, 2 * near, 1.0)
        return self.derivatives(self.from_search(near)) * scale[:, None, None]

    def search_curvature(self, theta: Floats, slope: Floats) -> Floats:
        """Curvature of the variances in their standard deviations; the rest is left to the search."""
        curvature = np.zeros((self.parameters, self.parameters))
        matrices = self.search_derivatives(theta)
        for place in np.flatnonzero(self._variances):
            own = np.abs(np.diag(matrices[place])) > 0
            curvature[place, place] = 2 * float(np.diag(slope)[own].sum())
        return curvature

    def linear_basis(self) -> Floats | None:
        """Not offered: a held parameter is not a free linear one."""
        return None
