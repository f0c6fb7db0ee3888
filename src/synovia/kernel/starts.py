"""Where a search over several variances and correlations sets out from."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.correlated import Correlated
from synovia.kernel.problem import Problem
from synovia.kernel.scan import residual_sum
from synovia.kernel.term import RandomTerm, Term
from synovia.kernel.unstructured import Unstructured

__all__ = ["find_spread", "find_start", "find_starts"]

Floats = NDArray[np.float64]

SHARES = (1e-3, 0.03, 0.3, 2.0)  # of the spread of the estimates, tried for each variance
MANY = 3  # variances beyond which their combinations are too many


def find_starts(problem: Problem) -> list[Floats]:
    """Thetas in order of plausibility: variance shared equally, little of it, combinations, correlations.

    A likelihood of several variances can be highest inside and still fall away from 0 in every direction, so
    that combinations of small and large variances are looked at too.

    Parameters
    ----------
    problem : Problem
        With random terms.
    """
    whole = find_spread(problem)
    counts = [_count_variances(term) for term in problem.terms]
    equal = _share_equally(counts)
    shares = [equal, 0.05 * equal]
    if 1 < equal.size <= MANY:
        shares += [np.array(share) for share in product(SHARES, repeat=equal.size)]
    elif equal.size > MANY:
        shares += [np.where(np.arange(equal.size) == one, 0.9, 0.02) for one in range(equal.size)]
    starts = [_place(problem, whole * share, counts) for share in shares]
    return [*starts, *_vary_correlations(problem, starts[0])]


def find_start(problem: Problem) -> Floats:
    """The most plausible theta: the variance that sampling errors leave, shared equally by the terms.

    Parameters
    ----------
    problem : Problem
        With random terms.
    """
    counts = [_count_variances(term) for term in problem.terms]
    return _place(problem, find_spread(problem) * _share_equally(counts), counts)


def find_spread(problem: Problem) -> float:
    """Variance of the estimates that sampling errors do not explain.

    Parameters
    ----------
    problem : Problem
        With random terms or without.
    """
    v = float(problem.V.diagonal.mean())
    s2 = residual_sum(problem) / (problem.n - problem.p)
    return max(s2 - v, 0.1 * s2, 1e-8 * v)


def _share_equally(counts: list[int]) -> Floats:
    return np.full(sum(counts), 1 / len(counts))


def _count_variances(term: RandomTerm) -> int:
    if not isinstance(term, Term):
        return 1
    structure = term.structure
    own = isinstance(structure, Unstructured) or (isinstance(structure, Correlated) and structure.separate)
    return structure.size if own else 1


def _place(problem: Problem, variances: Floats, counts: list[int]) -> Floats:
    parts = np.split(variances, np.cumsum(counts)[:-1])
    return np.concatenate([term.start(part) for term, part in zip(problem.terms, parts, strict=True)])


def _vary_correlations(problem: Problem, start: Floats) -> list[Floats]:
    """Weak and strong correlations, short and long ranges."""
    limits = [limit for term in problem.terms for limit in term.search_bounds]
    out = []
    for place, (low, high) in enumerate(limits):
        if not (np.isfinite(low) and np.isfinite(high)):
            continue
        ends = np.geomspace(low, high, 5) if low > 0 else np.linspace(low, high, 21)
        for value in (ends[1], ends[-2]):
            moved = start.copy()
            moved[place] = value
            out.append(moved)
    return out
