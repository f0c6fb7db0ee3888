"""Where between-study covariances are looked for: coordinates of a size near 1, and a grid of starts."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Choice, Convergence, Problem, Structure, Term, Unstructured, ml, point, reml
from synovia.kernel.search import find_maximum

__all__ = ["Search", "find_turns", "read_psi", "search_psi"]

Floats = NDArray[np.float64]

LEVELS = {2: 7, 3: 5, 4: 3}  # variances tried for each coefficient; more coefficients than these, 2
FINEST, COARSEST = -4.0, 2.0  # of the sampling variance, powers of ten
CLIMBED = 2  # starts of the grid that are climbed from
HIGHER = 1e-9  # gain that is no rounding


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


def find_turns(spread: Floats, structure: Structure) -> list[Floats]:
    """Coordinates in which a matrix has ones on its diagonal, and in which it is the identity."""
    scale = np.diag(np.sqrt(np.diag(spread)))
    if not isinstance(structure, Unstructured):
        return [scale]
    return [scale, scale @ np.linalg.cholesky(spread / np.outer(np.diag(scale), np.diag(scale)))]


def search_psi(problem: Problem, search: Search, method: str) -> Choice:
    """Psi in the unit of the dose, at the highest maximum that a search in other coordinates finds.

    A likelihood of several variances can be highest inside and still fall away from 0 in every direction: the
    starts of the kernel then all end at 0. Here the best points of a grid of variances are climbed from too.

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
    if term.structure.size > 1:
        choice = _climb_grid(search.problem, term.structure, choice, restricted=method != "ML")
    G = search.turn @ term.structure.covariance(choice.psi) @ search.turn.T
    psi = read_psi(G, term.parameters)
    return Choice(psi, point(problem, psi), choice.convergence)


def _climb_grid(problem: Problem, structure: Structure, choice: Choice, *, restricted: bool) -> Choice:
    q, unit = structure.size, float(np.median(problem.V.diagonal))
    levels = unit * np.logspace(FINEST, COARSEST, LEVELS.get(q, 2))
    rest = np.zeros(structure.parameters - q)
    tried = [point(problem, np.concatenate([variances, rest])) for variances in product(levels, repeat=q)]
    heights = np.array([at.log_reml if restricted else at.log_ml for at in tried])
    best = np.argsort(-heights, kind="stable")[:CLIMBED]
    starts = [_read_theta(tried[place].psi[:q], structure) for place in best.tolist()]
    found, _ = find_maximum(problem, starts, restricted=restricted)
    known = choice.point.log_reml if restricted else choice.point.log_ml
    if found.value <= known + HIGHER * (1 + abs(known)):
        return choice
    psi = found.point.psi
    edge = any(value in limit for value, limit in zip(psi.tolist(), problem.bounds, strict=True))
    said = (
        f"maximum {'on the edge of what the variances can be' if edge else 'inside'}, from a grid of starts"
    )
    told = Convergence(found.steps, float(np.abs(found.around.slope).max()), edge, found.promise < 1e-6, said)
    return Choice(psi, found.point, told)


def _read_theta(variances: Floats, structure: Structure) -> Floats:
    """Coordinates of the kernel's search: variances, or the Cholesky factor of a diagonal matrix."""
    if not isinstance(structure, Unstructured):
        return variances
    return np.asarray(np.diag(np.sqrt(variances))[np.tril_indices(variances.size)])


def read_psi(G: Floats, parameters: int) -> Floats:
    """Variances, and correlations where the structure has them."""
    variances = np.maximum(np.diag(G), 0.0)
    if parameters == variances.size:
        return variances
    s = np.sqrt(variances)
    with np.errstate(divide="ignore", invalid="ignore"):
        C = np.where(np.outer(s, s) > 0, G / np.outer(s, s), 0.0)
    return np.concatenate([variances, np.clip(C[np.triu_indices(s.size, 1)], -1, 1)])
