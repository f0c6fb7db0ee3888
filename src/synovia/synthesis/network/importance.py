"""How much the precision of a network's estimates rests on each trial."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.evidence import Evidence, gather, name_pairs

__all__ = ["Importance", "find_importance"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

ALONE = (
    1e-9  # share of a trial's variance left by the others: rounding leaves about 1e-14 where there is none
)


@dataclass(frozen=True, slots=True, eq=False)
class Importance:
    """How much precision each estimate loses without each trial.

    Attributes
    ----------
    comparisons : tuple of str
        All pairs of treatments, such as ``"A:B"``.
    studies : tuple of str
        Trials.
    shares : ndarray of shape (pairs, trials)
        From 0 (the trial does not matter) to 1 (without it there is no estimate).
    tau2 : float
        Variance between trials, the same with and without a trial.
    """

    comparisons: tuple[str, ...]
    studies: tuple[str, ...]
    shares: Floats
    tau2: float

    def matrix(self) -> pd.DataFrame:
        """Shares: a row per comparison, a column per trial."""
        return pd.DataFrame(self.shares, index=list(self.comparisons), columns=list(self.studies))

    def tidy(self) -> pd.DataFrame:
        """One row per comparison and trial: comparison, study, importance, essential.

        ``essential`` says that without the trial the comparison has no estimate.
        """
        shares = self.shares.ravel()
        return pd.DataFrame(
            {
                "comparison": np.repeat(np.array(self.comparisons, dtype=object), len(self.studies)),
                "study": np.tile(np.array(self.studies, dtype=object), len(self.comparisons)),
                "importance": shares,
                "essential": shares == 1.0,
            }
        )

    def __str__(self) -> str:
        return self.matrix().round(3).to_string()


def find_importance(design: NetworkDesign, tau2: float = 0.0) -> Importance:
    r"""Loss of precision of every estimate when a trial is left out, all in one pass.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    tau2 : float
        Variance between trials, that of the network; 0 for a common effect.

    Returns
    -------
    Importance

    Notes
    -----
    .. math:: 1 - \operatorname{Var}\hat d_{ab} / \operatorname{Var}\hat d_{ab}^{(-i)}

    With K the covariance of the estimate of a against b with those of the contrasts of trial i, A the
    covariance of these, and :math:`\Omega_i` that of the trial,

    .. math:: \operatorname{Var}\hat d_{ab}^{(-i)} = \operatorname{Var}\hat d_{ab}
        + K(\Omega_i - A)^{-1}K'

    so that no network is fitted again. Where :math:`\Omega_i - A` is singular the trial alone says something,
    and estimates that need it are lost: their share is 1. For two treatments it is the weight of a study.
    Rücker, Nikolakopoulou, Papakonstantinou, Salanti, Riley & Schwarzer (2020), BMC Medical Research
    Methodology 20, 190.

    Examples
    --------
    >>> from synovia.synthesis.network import from_contrasts
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "B", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.25, 0.5]})
    >>> find_importance(from_contrasts(trials)).matrix().round(2)
           s1   s2   s3
    A:B  0.20  0.8  0.0
    A:C  0.04  0.4  1.0
    B:C  0.00  0.0  1.0
    """
    evidence = gather(design.contrasts, tau2)
    first, second = np.triu_indices(len(evidence.treatments), 1)
    C = evidence.cov
    variance = np.diag(C)[first] + np.diag(C)[second] - 2 * C[first, second]
    shares = np.empty((first.size, len(design.studies)))
    for stack in evidence.stacks:
        for study, arms, omega in zip(stack.study.tolist(), stack.arms, stack.omega, strict=True):
            gained = _lose(evidence, arms, omega[1:, 1:], (first, second))
            with np.errstate(invalid="ignore"):  # infinite where nothing else says anything
                share = gained / (variance + gained)
            shares[:, study] = np.where(np.isinf(gained), 1.0, share)
    return Importance(tuple(name_pairs(evidence.treatments)), design.studies, shares, tau2)


def _lose(evidence: Evidence, arms: Integers, omega: Floats, pairs: tuple[Integers, Integers]) -> Floats:
    """(pairs,) what leaving a trial out adds to the variances; infinite where nothing is left."""
    K = evidence.cov[:, arms[1:]] - evidence.cov[:, arms[:1]]
    R = np.linalg.cholesky(omega)
    inner = np.linalg.solve(R, np.linalg.solve(R, K[arms[1:]] - K[arms[:1]]).T)
    values, vectors = np.linalg.eigh(np.eye(arms.size - 1) - (inner + inner.T) / 2)
    along = np.linalg.solve(R, (K[pairs[0]] - K[pairs[1]]).T).T @ vectors
    kept = values > ALONE
    gained = (along[:, kept] ** 2 / values[kept]).sum(axis=1)
    v = np.diag(evidence.cov)
    own = v[pairs[0]] + v[pairs[1]] - 2 * evidence.cov[pairs]
    lost = (along[:, ~kept] ** 2).sum(axis=1) > ALONE * own
    return np.where(lost, np.inf, gained)
