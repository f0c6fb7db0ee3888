"""What each trial of a network says, as weighted Laplacians: every reading of incoherence starts here.

A trial with arms j and covariance of its contrasts has a Laplacian L, the generalised inverse of the
covariance of its arms: L[j, k] is minus the weight of comparison jk, rows sum to 0, and the evidence is L y
whatever arm is called the baseline. Laplacians of trials add up to that of the network. Rücker (2012),
Research Synthesis Methods 3, 312-324.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel import Blocks
from synovia.synthesis.network.contrasts import Contrasts

__all__ = [
    "Designs",
    "Direct",
    "Evidence",
    "Trials",
    "find_direct",
    "gather",
    "list_contrasts",
    "name_pairs",
    "number_pairs",
    "pool_designs",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """All g trials with m arms.

    Attributes
    ----------
    study : ndarray of int of shape (g,)
        Place among the trials of the network.
    arms : ndarray of int of shape (g, m)
        Treatments in alphabetical order.
    y : ndarray of shape (g, m)
        Effects of the arms against the first of them.
    omega : ndarray of shape (g, m, m)
        Covariance of y, its first row and column 0.
    laplacian : ndarray of shape (g, m, m)
        Weights of the comparisons, off the diagonal with a minus.
    """

    study: Integers
    arms: Integers
    y: Floats
    omega: Floats
    laplacian: Floats

    @property
    def pairs(self) -> tuple[Integers, Integers]:
        """Places of both arms of every comparison of a trial, (m (m - 1) / 2,) each."""
        first, second = np.triu_indices(self.arms.shape[1], 1)
        return first, second


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A network at one tau2.

    Attributes
    ----------
    treatments : tuple of str
        T of them, in alphabetical order.
    stacks : tuple of Trials
        Trials by number of arms.
    tau2 : float
        Variance between trials that the weights allow for.
    laplacian : ndarray of shape (T, T)
        Sum over trials.
    effects : ndarray of shape (T,)
        Network estimates against the first treatment.
    cov : ndarray of shape (T, T)
        Their covariance, the first row and column 0.
    """

    treatments: tuple[str, ...]
    stacks: tuple[Trials, ...]
    tau2: float
    laplacian: Floats
    effects: Floats
    cov: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Designs:
    """All d designs with m arms, each with what its trials say together.

    Attributes
    ----------
    arms : ndarray of int of shape (d, m)
        Treatments in alphabetical order.
    k : ndarray of int of shape (d,)
        Trials.
    y : ndarray of shape (d, m)
        Effects against the first arm, pooled over the trials of the design.
    cov : ndarray of shape (d, m, m)
        Their covariance, the first row and column 0.
    laplacian : ndarray of shape (d, m, m)
        Sum over trials.
    q : ndarray of shape (d,)
        How much the trials of a design differ from each other.
    """

    arms: Integers
    k: Integers
    y: Floats
    cov: Floats
    laplacian: Floats
    q: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Direct:
    """Direct evidence on every pair of treatments, T (T - 1) / 2 of them; NaN where there is none.

    Attributes
    ----------
    k : ndarray of int of shape (pairs,)
        Trials that compare both.
    estimate, variance : ndarray of shape (pairs,)
        First minus second treatment by inverse variance, each trial giving its own contrast of the two.
    """

    k: Integers
    estimate: Floats
    variance: Floats


def gather(contrasts: Contrasts, tau2: float = 0.0) -> Evidence:
    """What a connected network says at a given variance between trials.

    Parameters
    ----------
    contrasts : Contrasts
        Comparisons of the trials.
    tau2 : float
        Variance between trials, 0 for a common effect.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis.network.contrasts import read_contrasts
    >>> trials = pd.DataFrame({"study": ["s1", "s2"], "treatment_1": ["B", "C"], "treatment_2": ["A", "B"],
    ...                        "estimate": [1.0, 2.0], "std_error": [0.5, 0.5]})
    >>> gather(read_contrasts(trials)).effects.round(6).tolist()
    [0.0, 1.0, 3.0]
    """
    stacks = _stack_trials(contrasts, tau2)
    size = len(contrasts.treatments)
    laplacian, right = np.zeros((size, size)), np.zeros(size)
    for stack in stacks:
        np.add.at(laplacian, (stack.arms[:, :, None], stack.arms[:, None, :]), stack.laplacian)
        np.add.at(right, stack.arms, (stack.laplacian @ stack.y[:, :, None])[:, :, 0])
    cov = np.zeros_like(laplacian)
    cov[1:, 1:] = np.linalg.inv(laplacian[1:, 1:])
    return Evidence(contrasts.treatments, stacks, tau2, laplacian, cov @ right, cov)


def _stack_trials(contrasts: Contrasts, tau2: float) -> tuple[Trials, ...]:
    places, blocks = _find_blocks(contrasts)
    sizes = np.array([rows.size for rows in places])
    out = []
    for size in np.unique(sizes).tolist():
        chosen = np.flatnonzero(sizes == size).tolist()
        rows = np.stack([places[i] for i in chosen])
        omega = np.stack([blocks[i] for i in chosen]) + tau2 * (np.eye(size) + 1) / 2
        out.append(_sort_arms(contrasts, rows, omega))
    return tuple(out)


def _find_blocks(contrasts: Contrasts) -> tuple[Sequence[Integers], Sequence[Floats]]:
    V = contrasts.V
    if isinstance(V, Blocks):
        return V.index, V.blocks
    return list(np.arange(V.size)[:, None]), list(V.diagonal[:, None, None])


def _sort_arms(contrasts: Contrasts, rows: Integers, omega: Floats) -> Trials:
    """Trials of one size with their arms in alphabetical order, the first the baseline."""
    own = np.concatenate([contrasts.baseline[rows[:, :1]], contrasts.arm[rows]], axis=1)
    order = np.argsort(own, axis=1)
    each = np.arange(len(rows))[:, None]
    y, wide = np.zeros(own.shape), np.zeros((*own.shape, own.shape[1]))
    y[:, 1:], wide[:, 1:, 1:] = contrasts.y[rows], omega
    y, wide = y[each, order], wide[each[:, :, None], order[:, :, None], order[:, None, :]]
    wide = wide - wide[:, :1, :] - wide[:, :, :1] + wide[:, :1, :1]
    return Trials(
        study=contrasts.study[rows[:, 0]],
        arms=own[each, order],
        y=y - y[:, :1],
        omega=wide,
        laplacian=invert_to_laplacian(wide),
    )


def invert_to_laplacian(cov: Floats) -> Floats:
    """(g, m, m) weights of comparisons from the covariance of effects against the first arm."""
    inverse = np.linalg.inv(cov[:, 1:, 1:])
    out = np.zeros_like(cov)
    out[:, 1:, 1:] = inverse
    out[:, 0, 1:] = out[:, 1:, 0] = -inverse.sum(axis=1)
    out[:, 0, 0] = inverse.sum(axis=(1, 2))
    return out


def pool_designs(trials: Trials) -> Designs:
    """Trials of each set of arms, pooled, with what they differ by."""
    arms, of = np.unique(trials.arms, axis=0, return_inverse=True)
    of = of.reshape(-1)
    laplacian, right = np.zeros((len(arms), *trials.laplacian.shape[1:])), np.zeros(arms.shape)
    np.add.at(laplacian, of, trials.laplacian)
    np.add.at(right, of, (trials.laplacian @ trials.y[:, :, None])[:, :, 0])
    cov = np.zeros_like(laplacian)
    cov[:, 1:, 1:] = np.linalg.inv(laplacian[:, 1:, 1:])
    y = (cov @ right[:, :, None])[:, :, 0]
    apart = trials.y - y[of]
    q = np.bincount(
        of, weights=np.einsum("gi,gij,gj->g", apart, trials.laplacian, apart), minlength=len(arms)
    )
    k = np.bincount(of, minlength=len(arms))
    return Designs(arms, k, y, cov, laplacian, np.where(k > 1, q, 0.0))


def number_pairs(first: Integers, second: Integers, treatments: int) -> Integers:
    """Place of pairs of treatments, ``first`` before ``second``, among all pairs in alphabetical order."""
    return np.asarray(first * treatments - first * (first + 1) // 2 + second - first - 1)


def name_pairs(treatments: Sequence[str]) -> list[str]:
    """Every pair of treatments, in alphabetical order.

    Examples
    --------
    >>> name_pairs(("A", "B", "C"))
    ['A:B', 'A:C', 'B:C']
    """
    return [f"{first}:{second}" for i, first in enumerate(treatments) for second in treatments[i + 1 :]]


def find_direct(evidence: Evidence) -> Direct:
    r"""Direct evidence on every pair.

    .. math:: D_{ab} = \sum_i w_i y_{i,ab} / \sum_i w_i, \quad w_i = 1 / \operatorname{Var}(y_{i,ab})

    over the trials i with both arms; trials of more arms give their contrast of the two.
    """
    size = len(evidence.treatments)
    count = size * (size - 1) // 2
    k, w, wy = np.zeros(count, dtype=np.intp), np.zeros(count), np.zeros(count)
    for number, y, variance, _ in list_contrasts(evidence):
        k += np.bincount(number, minlength=count)
        w += np.bincount(number, weights=1 / variance, minlength=count)
        wy += np.bincount(number, weights=y / variance, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):  # pairs that no trial compares are NaN
        return Direct(k, wy / w, np.where(k > 0, 1 / w, np.nan))


def list_contrasts(evidence: Evidence) -> list[tuple[Integers, Floats, Floats, Integers]]:
    """For each stack: number of the pair, first minus second, its variance, and which trial of the stack."""
    out = []
    for stack in evidence.stacks:
        i, j = stack.pairs
        number = number_pairs(stack.arms[:, i], stack.arms[:, j], len(evidence.treatments))
        variance = stack.omega[:, i, i] + stack.omega[:, j, j] - 2 * stack.omega[:, i, j]
        of = np.repeat(np.arange(len(stack.arms)), i.size)
        out.append((number.ravel(), (stack.y[:, i] - stack.y[:, j]).ravel(), variance.ravel(), of))
    return out
