"""Where between-study covariances are looked for: coordinates of a size near 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Choice, Problem, Term, ml, point, reml
from synovia.synthesis.turning import read_psi

__all__ = ["Search", "search_psi"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """The same problem in other coordinates of the coefficients, where the search for psi is easy.

    Attributes
    ----------
    problem : Problem
        With columns of a size near 1.
    turn : ndarray of shape (q, q)
        T of the covariance in the unit of the dose: T G T'.
    """

    problem: Problem
    turn: Floats


def search_psi(problem: Problem, search: Search, method: str) -> Choice:
    """Psi in the unit of the dose, at the highest maximum that a search in other coordinates finds.

    Parameters
    ----------
    problem : Problem
        In the unit of the dose.
    search : Search
        The other coordinates.
    method : {"REML", "ML"}
        Which likelihood.
    """
    choice = (ml if method == "ML" else reml)(search.problem)
    term = search.problem.terms[0]
    if not isinstance(term, Term):
        raise SynthesisError("A dose-response model has random coefficients only.")
    G = search.turn @ term.structure.covariance(choice.psi) @ search.turn.T
    psi = read_psi(G, term.parameters)
    return Choice(psi, point(problem, psi), choice.convergence)
