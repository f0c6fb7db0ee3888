r"""Coordinates in which the parameters of random effects are free: each on the whole line.

Standard deviations go through their logarithm. Correlations of three or more effects are free only as
partial correlations, from which every positive definite matrix is made and no other: with L the Cholesky
factor of the correlations,

.. math:: L_{ij} = p_{ij} \Big(1 - \sum_{k<j} L_{ik}^2\Big)^{1/2}, \qquad
          \Big|\frac{\partial \rho}{\partial p}\Big| = \prod_{i>j} (1 - p_{ij}^2)^{(q - j - 1)/2}

for q effects and j counted from 1. Lewandowski, Kurowicka & Joe (2009), Journal of Multivariate Analysis 100,
1989-2001, sections 2 and 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from synovia.kernel.axis import Axis
from synovia.kernel.solver import Terms
from synovia.kernel.term import Term
from synovia.kernel.unstructured import Unstructured

__all__ = ["Frame", "find_log_volume", "find_matrices", "make_frame"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """From the whole line to natural parameters.

    Attributes
    ----------
    axes : tuple of Axis
        Limits of each parameter, or of the partial correlation that stands for it.
    matrices : tuple of (int, int)
        Number of effects, and place of the first correlation, of the matrices that are made of partial ones.
    """

    axes: tuple[Axis, ...]
    matrices: tuple[tuple[int, int], ...]

    def natural(self, x: Floats) -> tuple[Floats, Floats]:
        """(m, d) natural parameters at x, and (m,) the log of how much they stretch."""
        out = np.stack([axis.from_line(c) for axis, c in zip(self.axes, x.T, strict=True)], axis=1)
        slope = np.sum([axis.line_slope(c) for axis, c in zip(self.axes, x.T, strict=True)], axis=0)
        for q, first in self.matrices:
            place = slice(first, first + q * (q - 1) // 2)
            out[:, place], more = _correlate(q, x[:, place])
            slope = slope + more
        return out, np.asarray(slope)


def _correlate(q: int, x: Floats) -> tuple[Floats, Floats]:
    """Correlations (m, q(q-1)/2) of partial ones, given as their logits, and the log of the slope."""
    log_left = np.log(4.0) - np.logaddexp(0, x) - np.logaddexp(0, -x)  # log(1 - p²)
    p = np.tanh(x / 2)
    first, second = np.triu_indices(q, 1)
    L, left = np.zeros((x.shape[0], q, q)), np.ones((x.shape[0], q))
    L[:, 0, 0] = 1
    slope = np.zeros(x.shape[0])
    for place, (j, i) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        L[:, i, j] = p[:, place] * np.sqrt(left[:, i])
        left[:, i] *= np.exp(log_left[:, place])
        slope += 0.5 * (q - j - 2) * log_left[:, place]
    L[:, np.arange(q), np.arange(q)] = np.sqrt(left)
    C = L @ np.swapaxes(L, 1, 2)
    return np.clip(C[:, first, second], -1, 1), slope


def find_matrices(terms: Terms) -> tuple[tuple[int, int], ...]:
    """Number of effects, and place of the first correlation in psi, of unstructured terms of three or more.

    Parameters
    ----------
    terms : tuple of RandomTerm
        Random effects.
    """
    found, start = [], 0
    for term in terms:
        if isinstance(term, Term) and isinstance(term.structure, Unstructured) and term.structure.size > 2:
            found.append((term.structure.size, start + term.structure.size))
        start += term.parameters
    return tuple(found)


def make_frame(terms: Terms, axes: Sequence[Axis]) -> Frame:
    """Partial correlations wherever a whole matrix is free; the parameters themselves elsewhere.

    Parameters
    ----------
    terms : tuple of RandomTerm
        Random effects.
    axes : sequence of Axis
        Limits of each parameter.
    """
    free = tuple(
        (q, first)
        for q, first in find_matrices(terms)
        if all((a.lower, a.upper) == (-1.0, 1.0) for a in axes[first : first + q * (q - 1) // 2])
    )
    return Frame(tuple(axes), free)


def find_log_volume(q: int) -> float:
    r"""Log of the volume of the correlation matrices of q effects.

    Parameters
    ----------
    q : int
        Number of effects.

    Notes
    -----
    .. math:: \prod_{j=1}^{q-1} \left[2^{q-j} B\!\left(\tfrac{q-j+1}{2}, \tfrac{q-j+1}{2}\right)\right]^{q-j}

    Joe (2006), Journal of Multivariate Analysis 97, 2177-2189.

    Examples
    --------
    >>> round(float(np.exp(find_log_volume(2))), 3), round(float(np.exp(find_log_volume(3))), 3)
    (2.0, 4.935)
    """
    left = q - np.arange(1, q)
    half = (left + 1) / 2
    return float((left * (left * np.log(2) + betaln(half, half))).sum())
