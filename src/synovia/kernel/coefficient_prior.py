"""Normal priors of the coefficients, and what integrating them out leaves."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.likelihoods import Likelihoods

__all__ = ["Gaussian", "condition", "flat"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """One normal component of the prior of the coefficients.

    Attributes
    ----------
    log_weight : float
        Logarithm of its share in the prior.
    mean : ndarray of shape (p,)
    precision : ndarray of shape (p, p)
        Zero rows where the prior is flat.
    log_constant : float
        Log of the prior's normalising constant; flat directions count as density 1.
    """

    log_weight: float
    mean: Floats
    precision: Floats
    log_constant: float = field(init=False)

    def __post_init__(self) -> None:
        values = np.linalg.eigvalsh(self.precision)
        held = values[values > 1e-14 * max(values.max(initial=0), 1e-300)]
        constant = self.log_weight + 0.5 * np.log(held).sum() - 0.5 * held.size * np.log(2 * np.pi)
        object.__setattr__(self, "log_constant", float(constant))


def flat(p: int) -> Gaussian:
    """The flat prior of p coefficients."""
    return Gaussian(0.0, np.zeros(p), np.zeros((p, p)))


def condition(found: Likelihoods, prior: Gaussian) -> tuple[Floats, Floats, Floats]:
    r"""Integrate the coefficients out at every node.

    Parameters
    ----------
    found : Likelihoods
        At m psi.
    prior : Gaussian
        Of the coefficients.

    Returns
    -------
    log_marginal : ndarray of shape (m,)
    mean : ndarray of shape (m, p)
    cov : ndarray of shape (m, p, p)

    Notes
    -----
    .. math:: \log\int L\,p = \ell(\hat\beta) + \tfrac p2\log 2\pi + \log c - \tfrac12\log|C^{-1} + P|
              - \tfrac12(\hat\beta - m)'C^{-1}(\hat\beta - m) - \tfrac12(m - b)'P(m - b)
    """
    p = found.beta.shape[1]
    start = found.log_ml + 0.5 * p * np.log(2 * np.pi) + prior.log_constant
    if not prior.precision.any():
        return start + 0.5 * np.linalg.slogdet(found.cov)[1], found.beta, found.cov
    own = np.linalg.inv(found.cov)
    total = own + prior.precision
    cov = np.linalg.inv(total)
    pulled = np.einsum("mij,mj->mi", own, found.beta) + prior.precision @ prior.mean
    mean = np.einsum("mij,mj->mi", cov, pulled)
    away, off = found.beta - mean, mean - prior.mean
    misfit = np.einsum("mi,mij,mj->m", away, own, away) + np.einsum("mi,ij,mj->m", off, prior.precision, off)
    return start - 0.5 * np.linalg.slogdet(total)[1] - 0.5 * misfit, mean, np.asarray(cov, dtype=np.float64)
