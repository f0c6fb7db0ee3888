"""Mantel and Haenszel's odds ratios of the trials that compare the same treatments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stratum", "find_silent_arms", "has_every_pair", "pool_design"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """The trials of one design.

    Attributes
    ----------
    events, n : ndarray of shape (k, m)
        Events and participants, a row per trial and a column per arm.
    """

    events: Floats
    n: Floats

    @property
    def rest(self) -> Floats:
        """(k, m) participants without the event."""
        return self.n - self.events

    @property
    def total(self) -> Floats:
        """(k,) participants."""
        return np.asarray(self.n.sum(axis=1))

    @property
    def products(self) -> Floats:
        """(k, m, m) events of one arm by the non-events of another, over the participants."""
        return np.asarray(self.events[:, :, None] * self.rest[:, None, :] / self.total[:, None, None])


def find_silent_arms(stratum: Stratum) -> Mask:
    """(m,) arms without events, or with nothing but events, in all trials of a design."""
    return np.asarray((stratum.events.sum(axis=0) == 0) | (stratum.rest.sum(axis=0) == 0))


def has_every_pair(stratum: Stratum) -> bool:
    """Whether every two arms of a design have a finite odds ratio."""
    joint = stratum.products.sum(axis=0)
    return bool((joint[~np.eye(joint.shape[0], dtype=bool)] > 0).all())


def pool_design(stratum: Stratum) -> tuple[Floats, Floats]:
    r"""Log odds ratios of all arms against the first, and their covariance.

    Parameters
    ----------
    stratum : Stratum
        Trials in which every pair of arms has a finite odds ratio.

    Notes
    -----
    With :math:`C_{ij} = \sum a_i b_j / N` over trials, events a and non-events b,

    .. math:: L_{ij} = \ln(C_{ij}/C_{ji}), \quad \bar L_i = \frac1m \sum_j L_{ij},
        \quad \hat\theta_{ij} = \bar L_i - \bar L_j

    so that the odds ratios of more than two arms agree. :math:`\operatorname{Var} L_{ij}` is that of
    Robins, Breslow & Greenland (1986); pairs that share an arm have

    .. math:: \operatorname{Cov}(L_{ij}, L_{ik}) = \frac{\sum a_i b_j b_k / N^2}{C_{ij} C_{ik}}
        + \frac{\sum b_i a_j a_k / N^2}{C_{ji} C_{ki}}

    which holds with few large trials and with many small ones: given :math:`a_i` the deviation
    :math:`(a_i b_j - \psi_{ij} b_i a_j)/N` has mean :math:`n_j q_j (a_i - n_i p_i)/(q_i N)`, so that two
    of them have the covariance :math:`n_i n_j n_k p_i q_j q_k / (q_i N^2)`, of which the sums above have
    the expectation; pairs without a common arm are independent. Mickey & Elashoff (1985), Biometrics 41,
    623-635; Greenland (1989), Biometrics 45, 183-191.
    """
    m = stratum.n.shape[1]
    first, second = np.triu_indices(m, 1)
    joint = stratum.products.sum(axis=0)
    logs = np.log(joint[first, second] / joint[second, first])
    averaged = np.zeros((m, first.size))
    averaged[first, np.arange(first.size)] = 1 / m
    averaged[second, np.arange(first.size)] = -1 / m
    basic = averaged[1:] - averaged[0]
    cov = _find_covariance(stratum, joint)
    signs = np.where(np.arange(m)[:, None] == first, 1.0, 0.0) - np.where(
        np.arange(m)[:, None] == second, 1.0, 0.0
    )
    between = np.zeros((first.size, first.size))
    for arm in range(m):
        held = np.flatnonzero(signs[arm])
        others = np.where(first[held] == arm, second[held], first[held])
        sign = signs[arm, held]
        between[np.ix_(held, held)] += np.outer(sign, sign) * cov[arm][np.ix_(others, others)]
    np.fill_diagonal(between, [cov[i][j, j] for i, j in zip(first, second, strict=True)])
    return basic @ logs, basic @ between @ basic.T


def _find_covariance(stratum: Stratum, joint: Floats) -> Floats:
    """(m, m, m) covariance of the log odds ratios of arm i against j and against k."""
    m, a, b = stratum.n.shape[1], stratum.events, stratum.rest
    N = stratum.total
    out = np.zeros((m, m, m))
    for i in range(m):
        others = [j for j in range(m) if j != i]
        up, down = joint[i, others], joint[others, i]
        scaled = (a[:, i] / N**2, b[:, i] / N**2)
        shared = np.einsum("s,sj,sk->jk", scaled[0], b[:, others], b[:, others]) / np.outer(up, up)
        shared += np.einsum("s,sj,sk->jk", scaled[1], a[:, others], a[:, others]) / np.outer(down, down)
        out[i][np.ix_(others, others)] = shared
        for j in others:
            out[i, j, j] = _find_variance(stratum, joint, i, j)
    return out


def _find_variance(stratum: Stratum, joint: Floats, i: int, j: int) -> float:
    a, b, N = stratum.events, stratum.rest, stratum.total
    P, Q = (a[:, i] + b[:, j]) / N, (b[:, i] + a[:, j]) / N
    R, S = stratum.products[:, i, j], stratum.products[:, j, i]
    up, down = joint[i, j], joint[j, i]
    parts = (P * R).sum() / up**2 + (P * S + Q * R).sum() / (up * down) + (Q * S).sum() / down**2
    return float(parts / 2)
