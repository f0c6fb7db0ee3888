"""A chosen psi, and how it was found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.point import Point

__all__ = ["Choice", "Convergence"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Convergence:
    """How psi was found: facts a reader can act on.

    Attributes
    ----------
    iterations : int
        Evaluations of the likelihood or of Q.
    score : float
        What the search brought to 0, at psi: the slope of the log-likelihood, or Q - (n - p).
        0 for closed forms.
    at_boundary : bool
        Whether psi is 0 because the data ask for less.
    converged : bool
        Whether the search met its tolerance.
    message : str
        The same in a sentence.
    """

    iterations: int
    score: float
    at_boundary: bool
    converged: bool
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A chosen psi, its point and how it was found."""

    psi: Floats
    point: Point
    convergence: Convergence
