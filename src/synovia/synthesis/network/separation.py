"""Indirect evidence from the trials that do not compare the two treatments, for all pairs at once."""

import numpy as np
from numpy.typing import NDArray

from synovia.synthesis.network.evidence import Evidence, Trials, list_contrasts

__all__ = ["separate"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

CHUNK = 256  # pairs at a time: (pairs, T, T) numbers stay within 20 MB for 100 treatments
NOTHING = 1e-9  # share of the network's precision that rounding leaves where no trial remains


def separate(evidence: Evidence, pairs: Integers, first: Integers, second: Integers) -> tuple[Floats, Floats]:
    r"""Estimates of first minus second without any trial that has both arms, and their variances.

    Parameters
    ----------
    evidence : Evidence
        The network.
    pairs : ndarray of int of shape (e,)
        Numbers of the pairs.
    first, second : ndarray of int of shape (e,)
        Their treatments.

    Returns
    -------
    estimate, variance : ndarray of shape (e,)
        NaN where the remaining trials do not connect the two.

    Notes
    -----
    Taking trials away lowers the precision of the contrasts among their own treatments U and touches
    nothing else. With K = RR' the network's covariance of these contrasts and L the Laplacian of the trials
    taken away,

    .. math:: K_{-}^{+} = R\,(I - R'LR)^{+}R', \quad
        \theta_{-} = K_{-}^{+}\,(K^{-1}\theta - b)

    so that no network is fitted again. This is what removing the trials and refitting at the same tau2 gives.
    """
    estimate, variance = np.full(pairs.size, np.nan), np.full(pairs.size, np.nan)
    for low in range(0, pairs.size, CHUNK):
        part = slice(low, low + CHUNK)
        taken, right = _take(evidence, pairs[part])
        estimate[part], variance[part] = _down_date(evidence, taken, right, (first[part], second[part]))
    return estimate, variance


def _take(evidence: Evidence, pairs: Integers) -> tuple[Floats, Floats]:
    """(e, T, T) Laplacian and (e, T) evidence of the trials that compare each pair."""
    size = len(evidence.treatments)
    place = np.full(size * (size - 1) // 2, -1)
    place[pairs] = np.arange(pairs.size)
    taken, right = np.zeros((pairs.size, size, size)), np.zeros((pairs.size, size))
    for stack, (number, _, _, of) in zip(evidence.stacks, list_contrasts(evidence), strict=True):
        wanted = np.flatnonzero(place[number] >= 0)
        _collect(stack, (place[number][wanted], of[wanted]), taken, right)
    return taken, right


def _collect(stack: Trials, entries: tuple[Integers, Integers], taken: Floats, right: Floats) -> None:
    pair, of = entries
    arms, laplacian = stack.arms[of], stack.laplacian[of]
    np.add.at(taken, (pair[:, None, None], arms[:, :, None], arms[:, None, :]), laplacian)
    np.add.at(right, (pair[:, None], arms), (laplacian @ stack.y[of][:, :, None])[:, :, 0])


def _down_date(
    evidence: Evidence, taken: Floats, right: Floats, ends: tuple[Integers, Integers]
) -> tuple[Floats, Floats]:
    touched = np.diagonal(taken, axis1=1, axis2=2) > 0
    sizes = touched.sum(axis=1)
    estimate, variance = np.full(sizes.size, np.nan), np.full(sizes.size, np.nan)
    for size in np.unique(sizes).tolist():
        chosen = np.flatnonzero(sizes == size)
        among = np.argsort(~touched[chosen], axis=1, kind="stable")[:, :size]
        inner = taken[chosen[:, None, None], among[:, 1:, None], among[:, None, 1:]]
        signs = (among[:, 1:] == ends[0][chosen, None]) * 1.0 - (among[:, 1:] == ends[1][chosen, None])
        pull = right[chosen[:, None], among[:, 1:]]
        estimate[chosen], variance[chosen] = _solve(evidence, among, inner, pull, signs)
    return estimate, variance


def _solve(
    evidence: Evidence, among: Integers, taken: Floats, right: Floats, signs: Floats
) -> tuple[Floats, Floats]:
    C, base, rest = evidence.cov, among[:, :1], among[:, 1:]
    K = C[rest[:, :, None], rest[:, None, :]] - C[rest, base][:, :, None] - C[rest, base][:, None, :]
    K = K + C[base, base][:, :, None]
    theta = evidence.effects[rest] - evidence.effects[base]
    R = np.linalg.cholesky(K)
    turned = np.swapaxes(R, 1, 2)
    values, vectors = np.linalg.eigh(np.eye(K.shape[1]) - turned @ taken @ R)
    kept = values > NOTHING
    with np.errstate(divide="ignore"):  # what is not kept is replaced
        inverse = np.where(kept, 1 / values, 0.0)
    half = np.linalg.solve(R, theta[:, :, None]) - turned @ right[:, :, None]
    along = (np.swapaxes(vectors, 1, 2) @ (turned @ signs[:, :, None]))[:, :, 0]
    pulled = (np.swapaxes(vectors, 1, 2) @ half)[:, :, 0]
    lost = (along**2 * ~kept).sum(axis=1) > NOTHING * (along**2).sum(axis=1)
    estimate, variance = (along * inverse * pulled).sum(axis=1), (along**2 * inverse).sum(axis=1)
    return np.where(lost, np.nan, estimate), np.where(lost, np.nan, variance)
