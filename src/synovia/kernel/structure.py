"""How the random effects of one term vary: the G of ``V + sum of Z (I x G) Z'``."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scalar", "Structure"]


class Structure(Protocol):
    """What a structure must say: how many variance parameters it has, and the G they make."""

    @property
    def parameters(self) -> int:
        """How many entries of psi belong to the term."""
        ...

    def covariance(self, psi: NDArray[np.float64]) -> NDArray[np.float64]:
        """(q, q) covariance of the random effects of one group, at its parameters."""
        ...


@dataclass(frozen=True, slots=True)
class Scalar:
    """One random effect per group with one variance, tau2.

    Examples
    --------
    >>> Scalar().covariance(np.array([0.3])).tolist()
    [[0.3]]
    """

    @property
    def parameters(self) -> int:
        """One: the variance itself."""
        return 1

    def covariance(self, psi: NDArray[np.float64]) -> NDArray[np.float64]:
        """(1, 1) matrix of the variance."""
        return psi.reshape(1, 1)
