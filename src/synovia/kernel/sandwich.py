"""What a cluster-robust covariance is made of, and how it varies when the working model is true."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.clusters import Spread

__all__ = ["Moments", "Sandwich"]

Floats = NDArray[np.float64]

NOTHING = 1e-12  # expected robust variance over the model's, below which a contrast has none


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Mean and covariance of C V C' under the working model.

    Attributes
    ----------
    mean : ndarray of shape (q, q)
        Expectation.
    cov : ndarray of shape (q, q, q, q)
        Covariance of entry (s, t) with entry (u, v).
    """

    mean: Floats
    cov: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Sandwich:
    r"""A cluster-robust covariance: the sum over clusters of :math:`s_j s_j'`.

    Attributes
    ----------
    scores : ndarray of shape (J, p)
        :math:`s_j = U_j A_j e_j`.
    spread : Spread
        :math:`a_i' \Omega_{ij} a_j` with :math:`a_j = A_j'U_j'`.
    pull : ndarray of shape (J, p, r)
        :math:`a_j' Y_j`, where the covariance of the residuals is :math:`\Omega - Y N Y'`.
    middle : ndarray of shape (r, r)
        N; for generalised least squares Y is X and N is M.
    """

    scores: Floats
    spread: Spread
    pull: Floats
    middle: Floats

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(self.scores.shape[0])

    @property
    def cov(self) -> Floats:
        """(p, p) covariance of the coefficients."""
        return np.asarray(self.scores.T @ self.scores)

    def satterthwaite(self, contrasts: Floats) -> Floats:
        r"""(m,) degrees of freedom of each row of (m, p) contrasts.

        Notes
        -----
        c'Vc is a quadratic form in normal residuals with matrix P over clusters; its degrees of freedom are
        :math:`(\operatorname{tr} P)^2 / \operatorname{tr} P^2`. NaN where the robust variance is 0 for sure.
        """
        return np.array([self._satterthwaite(contrast) for contrast in contrasts])

    def _satterthwaite(self, contrast: Floats) -> float:
        own = self._own()
        between = np.einsum("p,npq,q->n", contrast, self.spread.values, contrast)
        pull = np.einsum("p,jpr->jr", contrast, self.pull)
        turned = pull @ self.middle
        total = float(between[own].sum() - (turned * pull).sum())
        if total <= NOTHING * float(np.abs(between[own]).sum()):
            return float("nan")
        crossed = (turned[self.spread.first] * pull[self.spread.second]).sum(axis=1)
        gram = pull.T @ turned
        squared = float((between**2).sum() - 2 * (between * crossed).sum() + (gram * gram.T).sum())
        return total**2 / squared

    def project(self, contrast: Floats) -> Floats:
        """(J, J) P of one contrast as a whole matrix, for approximations that need its eigenvalues."""
        pull = np.einsum("p,jpr->jr", contrast, self.pull)
        P = -pull @ self.middle @ pull.T
        between = np.einsum("p,npq,q->n", contrast, self.spread.values, contrast)
        np.add.at(P, (self.spread.first, self.spread.second), between)
        return np.asarray(P)

    def moments(self, contrasts: Floats) -> Moments:
        """Mean and covariance of C V C' for (q, p) contrasts C.

        Notes
        -----
        Pustejovsky & Tipton (2018), theorem 3 of the supplement: Isserlis' theorem for the products of the
        cluster scores.
        """
        between = contrasts @ self.spread.values @ contrasts.T
        pull = contrasts @ self.pull
        turned = pull @ self.middle
        crossed = turned[self.spread.first] @ np.swapaxes(pull[self.spread.second], 1, 2)
        own = self._own()
        mean = between[own].sum(axis=0) - np.einsum("jsr,jur->su", turned, pull)
        gram = np.einsum("jua,jvb->uvab", pull, turned)
        both = np.einsum("nsu,ntv->sutv", between, between)
        mixed = np.einsum("nsu,ntv->sutv", between, crossed)
        both -= mixed + np.einsum("sutv->tvsu", mixed)
        both += np.einsum("uvab,tsba->sutv", gram, gram)
        return Moments(mean, np.einsum("sutv->stuv", both) + np.einsum("svtu->stuv", both))

    def _own(self) -> NDArray[np.bool_]:
        return np.asarray(self.spread.first == self.spread.second)
