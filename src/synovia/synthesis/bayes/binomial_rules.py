"""Rules for means under the standard normal in several dimensions."""

from collections.abc import Iterator
from functools import cache
from itertools import product
from math import comb

import numpy as np
from numpy.typing import NDArray

__all__ = ["make_rule", "make_sparse_rule"]

Floats = NDArray[np.float64]


@cache
def make_rule(t: int, grid: int) -> tuple[Floats, Floats]:
    """Nodes (Q, t) and weights (Q,) for means under the standard normal.

    A product of Gauss-Hermite rules of ``grid`` nodes each; with 0 the rule of degree 5 with 2t² + 1 nodes
    (McNamee & Stenger 1967, Numerische Mathematik 10, 327-344).

    Parameters
    ----------
    t : int
        Number of dimensions.
    grid : int
        Nodes in each, or 0.
    """
    if grid or not t:
        return _multiply([_make_gauss(max(grid, 1))] * t)
    axes = np.sqrt(3) * np.concatenate([np.eye(t), -np.eye(t)])
    pairs = [
        np.sqrt(3) * (a * np.eye(t)[i] + b * np.eye(t)[j])
        for i in range(t)
        for j in range(i)
        for a, b in product((1, -1), repeat=2)
    ]
    weights = [1 + (t * t - 7 * t) / 18, *[(4 - t) / 18] * (2 * t), *[1 / 36] * len(pairs)]
    return np.concatenate([np.zeros((1, t)), axes, np.array(pairs).reshape(-1, t)]), np.array(weights)


@cache
def make_sparse_rule(t: int, level: int) -> tuple[Floats, Floats]:
    """Nodes (Q, t) and weights (Q,) of Smolyak's rule of degree 2 level + 1 for t above level.

    Gerstner & Griebel (1998), Numerical Algorithms 18, 209-232, with Gauss-Hermite rules of odd size.

    Parameters
    ----------
    t : int
        Number of dimensions.
    level : int
        Of the rule.

    Examples
    --------
    >>> nodes, weights = make_sparse_rule(4, 3)
    >>> len(weights), round(float(weights @ (nodes[:, 0] ** 4 * nodes[:, 1] ** 2)), 9)
    (201, 3.0)
    """
    nodes, weights = [], []
    for levels in _share_out(t, level):
        gap = level - sum(levels)
        if gap < t:
            places, masses = _multiply([_make_gauss(2 * own + 1) for own in levels])
            nodes.append(places)
            weights.append((-1) ** gap * comb(t - 1, gap) * masses)
    every, own = np.unique(np.concatenate(nodes).round(12), axis=0, return_inverse=True)
    return every, np.asarray(np.bincount(own.reshape(-1), weights=np.concatenate(weights)), dtype=np.float64)


def _share_out(t: int, level: int) -> Iterator[tuple[int, ...]]:
    """All t numbers of at least 0 whose sum is at most so much."""
    if t == 0:
        yield ()
        return
    for own in range(level + 1):
        for others in _share_out(t - 1, level - own):
            yield (own, *others)


def _make_gauss(count: int) -> tuple[Floats, Floats]:
    z, w = np.polynomial.hermite_e.hermegauss(count)
    return z, w / w.sum()


def _multiply(rules: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    places = np.array(list(product(*(z for z, _ in rules))), dtype=np.float64)
    masses = np.array(list(product(*(w for _, w in rules))), dtype=np.float64)
    return places, masses.prod(axis=1)
