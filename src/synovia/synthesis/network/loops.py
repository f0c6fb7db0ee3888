"""Loops of a network: whether the direct estimates around a circle add up to nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synovia.kernel import Inapplicable, quantile, tail
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.evidence import Evidence, find_direct, gather, number_pairs
from synovia.synthesis.network.interaction import UNTESTABLE

__all__ = ["Loops", "find_loops"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Loops:
    """Closed loops of direct evidence from different trials.

    Attributes
    ----------
    names : tuple of tuple of str
        Treatments around each loop, three or four.
    difference, variance : ndarray of shape (loops,)
        Sum of the direct estimates around the loop, 0 where they agree.
    level : float
        Of the intervals.
    """

    names: tuple[tuple[str, ...], ...]
    difference: Floats
    variance: Floats
    level: float

    @property
    def inapplicable(self) -> Inapplicable | None:
        """Why nothing can be tested, where that is so."""
        return None if self.names else Inapplicable(UNTESTABLE)

    def tidy(self) -> pd.DataFrame:
        """One row per loop: loop, difference, std_error, lower, upper, statistic, p_value (normal), level."""
        error = np.sqrt(self.variance)
        half = quantile(self.level, np.inf) * error
        statistic = self.difference / error
        return pd.DataFrame(
            {
                "loop": [" → ".join((*names, names[0])) for names in self.names],
                "difference": self.difference,
                "std_error": error,
                "lower": self.difference - half,
                "upper": self.difference + half,
                "statistic": statistic,
                "p_value": tail(statistic, np.full(statistic.size, np.inf)),
                "level": self.level,
            }
        )

    def __str__(self) -> str:
        return self.tidy().to_string(index=False)


def find_loops(design: NetworkDesign, tau2: float = 0.0, *, level: float = 0.95) -> Loops:
    r"""Inconsistency around every triangle, and every square that no triangles make up.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    tau2 : float
        Variance between trials, that of the network; 0 for a common effect.
    level : float
        Level of the intervals.

    Returns
    -------
    Loops
        A loop that has no trials but those with all of its arms agrees by construction and is left out.

    Notes
    -----
    .. math:: \hat\omega = D_{ab} + D_{bc} + D_{ca}, \quad
        \operatorname{Var}\hat\omega = \sum_{p, q} \operatorname{Cov}(D_p, D_q)

    with the covariances that trials of several arms bring. Loops overlap, so that their tests are not
    independent; the test of the whole network is ``decompose``. Bucher et al. (1997), Journal of Clinical
    Epidemiology 50, 683-691; Higgins et al. (2012), Research Synthesis Methods 3, 98-110.

    Examples
    --------
    >>> from synovia.synthesis.network import from_contrasts
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "C", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.5, 0.5]})
    >>> find_loops(from_contrasts(trials)).tidy()[["loop", "difference", "p_value"]].round(3)
                loop  difference  p_value
    0  A → B → C → A        -0.5    0.564
    """
    evidence = gather(design.contrasts, tau2)
    direct, size = find_direct(evidence), len(evidence.treatments)
    covariance = _find_covariance(evidence, direct.variance)
    joined = np.zeros((size, size), dtype=bool)
    first, second = np.triu_indices(size, 1)
    joined[first, second] = joined[second, first] = direct.k > 0
    present = _find_arms(evidence)
    names, differences, variances = [], [], []
    for loop in _walk_loops(joined):
        start, end = np.array(loop), np.array([*loop[1:], loop[0]])
        pairs = number_pairs(np.minimum(start, end), np.maximum(start, end), size)
        signs = np.where(start < end, 1.0, -1.0)
        if (direct.k[pairs] > present[:, loop].all(axis=1).sum()).any():
            names.append(tuple(evidence.treatments[i] for i in loop))
            differences.append(float(signs @ direct.estimate[pairs]))
            variances.append(float(signs @ covariance[pairs][:, pairs] @ signs))
    return Loops(tuple(names), np.array(differences), np.array(variances), level)


def _find_arms(evidence: Evidence) -> NDArray[np.bool_]:
    """(trials, T) which treatments each trial has."""
    present = np.zeros(
        (sum(len(stack.arms) for stack in evidence.stacks), len(evidence.treatments)), dtype=bool
    )
    low = 0
    for stack in evidence.stacks:
        present[np.arange(low, low + len(stack.arms))[:, None], stack.arms] = True
        low += len(stack.arms)
    return present


def _find_covariance(evidence: Evidence, variance: Floats) -> csr_array:
    """(pairs, pairs) covariance of the direct estimates, which share the trials of several arms."""
    count, size = variance.size, len(evidence.treatments)
    total = csr_array((count, count))
    for stack in evidence.stacks:
        i, j = stack.pairs
        number = number_pairs(stack.arms[:, i], stack.arms[:, j], size)
        signs = np.zeros((i.size, stack.arms.shape[1]))
        signs[np.arange(i.size), i], signs[np.arange(i.size), j] = 1.0, -1.0
        own = signs @ stack.omega @ signs.T
        weight = variance[number] / np.diagonal(own, axis1=1, axis2=2)
        values = own * weight[:, :, None] * weight[:, None, :]
        rows, columns = np.broadcast_arrays(number[:, :, None], number[:, None, :])
        total = total + csr_array((values.ravel(), (rows.ravel(), columns.ravel())), shape=(count, count))
    return total


def _walk_loops(joined: NDArray[np.bool_]) -> Iterator[tuple[int, ...]]:
    """Triangles, then squares without a diagonal, each once."""
    for a, b in np.argwhere(np.triu(joined)).tolist():
        for c in np.flatnonzero(joined[a] & joined[b]).tolist():
            if c > b:
                yield a, b, c
    for a, c in np.argwhere(np.triu(~joined, 1)).tolist():
        between = np.flatnonzero(joined[a] & joined[c])
        between = between[between > a]
        for i, b in enumerate(between.tolist()):
            for d in between[i + 1 :].tolist():
                if not joined[b, d]:
                    yield a, b, c, d
