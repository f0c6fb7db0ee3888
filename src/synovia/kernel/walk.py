"""From one held value to the next along a likelihood, everything else chosen anew at each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite, SynthesisError
from synovia.kernel.choice import Choice
from synovia.kernel.hill import Hill
from synovia.kernel.problem import Problem
from synovia.kernel.search import climb_out
from synovia.kernel.starts import find_start

__all__ = ["Walk", "walk_contrast", "walk_psi"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Walk: TypeAlias = Callable[[float], tuple[float, Floats]]

PROMISE = 1e-14  # gain in log-likelihood that a further step promises where a climb ends
LEAST = 1e-3  # share of a usual variance with which a climb begins


def walk_psi(problem: Problem, index: int, best: Choice, *, restricted: bool) -> Walk:
    """The highest log-likelihood, and its psi, with one entry of psi held at any value.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    index : int
        Which entry is held.
    best : Choice
        Where the walk begins.
    restricted : bool
        Restricted likelihood, or the likelihood itself.
    """
    low, high = problem.bounds[index]
    held = np.arange(problem.parameters) == index
    climber = _Climber(best.psi, _find_least(problem), problem.nothing)

    def walk(value: float) -> tuple[float, Floats]:
        if not low <= value <= high:
            raise SynthesisError(f"Found {value:g}; wanted a number from {low:g} to {high:g}.")
        return climber.climb(_hold(Hill(problem, restricted), index, value), value, held)

    return walk


def walk_contrast(problem: Problem, contrast: Floats, best: Choice, *, restricted: bool) -> Walk:
    """The highest log-likelihood, and its psi, with a contrast of the coefficients held at any value.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    contrast : ndarray of shape (p,)
        Weights of the coefficients.
    best : Choice
        Where the walk begins.
    restricted : bool
        Restricted likelihood of the variances given the contrast, or the likelihood itself.
    """
    held = np.zeros(problem.parameters, dtype=np.bool_)
    climber = _Climber(best.psi, _find_least(problem), problem.nothing)

    def walk(value: float) -> tuple[float, Floats]:
        return climber.climb(Hill(problem, restricted, contrast, value), value, held)

    return walk


def _hold(hill: Hill, index: int, value: float) -> Hill:
    """The likelihood with one entry of psi held where a search of all cannot hold it, else the same."""
    first, terms = 0, list(hill.problem.terms)
    for place, term in enumerate(terms):
        if index < first + term.parameters:
            held = term.hold(index - first, value)
            if held is not None:
                terms[place] = held
                return Hill(hill.problem.replace_terms(tuple(terms)), hill.restricted)
            break
        first += term.parameters
    return hill


def _find_least(problem: Problem) -> Floats:
    """(parameters,) variances that a climb can begin with: at 0 some coordinates have no slope."""
    usual = Hill(problem, restricted=True).find_psi(find_start(problem)) if problem.terms else np.empty(0)
    variances = np.array([bound == (0.0, np.inf) for bound in problem.bounds], dtype=np.bool_)
    return np.where(variances, LEAST * usual, -np.inf)


@dataclass(slots=True, eq=False)
class _Climber:
    """Climbs from where the last one ended; where no covariance exists there, from no random variance.

    Attributes
    ----------
    last : ndarray of shape (parameters,)
        Psi where the last climb ended.
    least : ndarray of shape (parameters,)
        What a climb begins with at the least.
    nothing : ndarray of shape (parameters,)
        Psi without random variance.
    """

    last: Floats
    least: Floats
    nothing: Floats

    def climb(self, hill: Hill, value: float, held: Flags) -> tuple[float, Floats]:
        """The height and psi of the highest point, with an entry of psi at a value where one is held."""
        try:
            found = self._climb_from(hill, np.where(held, value, np.maximum(self.last, self.least)), held)
        except NotPositiveDefinite:
            found = self._climb_from(hill, np.where(held, value, self.nothing), held)
        return found

    def _climb_from(self, hill: Hill, psi: Floats, held: Flags) -> tuple[float, Floats]:
        if hill.problem.parameters == held.size:
            found = climb_out(hill, hill.find_theta(psi), enough=PROMISE, held=held)
            self.last = found.point.psi
        else:
            found = climb_out(hill, hill.find_theta(psi[~held]), enough=PROMISE)
            self.last = psi.copy()
            self.last[~held] = found.point.psi
        return found.value, self.last
