"""What the trials of several outcomes say about how their sampling errors go together."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import block_diag, cholesky, eigh, solve_triangular

from synovia.errors import NotPositiveDefinite, SynthesisError
from synovia.kernel import Blocks
from synovia.kernel.covariance import find_indefinite_row
from synovia.synthesis.network.design import NetworkDesign

__all__ = ["find_middle", "join_outcomes", "read_correlation"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

SYMMETRY = 1e-8  # what 8 printed digits of a correlation leave open


def read_correlation(correlation: float | pd.DataFrame, outcomes: tuple[str, ...]) -> pd.DataFrame:
    """The correlation of every two outcomes within trials, from one number or a table.

    Parameters
    ----------
    correlation : float or DataFrame
        One for all pairs, or a table with a row and a column for each outcome.
    outcomes : tuple of str
        Their names.

    Raises
    ------
    SynthesisError
        When an outcome has no row or column.
    NotPositiveDefinite
        When no outcomes can be correlated so.

    Examples
    --------
    >>> read_correlation(0.5, ("pain", "function")).to_numpy().tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    if isinstance(correlation, pd.DataFrame):
        missing = [name for name in outcomes if name not in correlation.index or name not in correlation]
        if missing:
            raise SynthesisError(
                f"The correlation has no row and column {missing[0]!r}; wanted every outcome."
            )
        R = correlation.loc[list(outcomes), list(outcomes)].to_numpy(dtype=np.float64)
    else:
        R = np.full((len(outcomes),) * 2, float(correlation))
        np.fill_diagonal(R, 1.0)
    sound = np.isfinite(R).all() and np.allclose(R, R.T, rtol=0, atol=SYMMETRY)
    if not sound or (np.diag(R) != 1).any() or find_indefinite_row(R) is not None:
        lowest = -1 / (len(outcomes) - 1) if len(outcomes) > 1 else -1.0
        said = "the table" if isinstance(correlation, pd.DataFrame) else f"{correlation:g}"
        raise NotPositiveDefinite(
            f"Found correlation {said}; wanted a number between {lowest:.4g} and 1, limits excluded, which "
            f"{len(outcomes)} outcomes can have with each other, or a symmetric positive definite table with "
            "1 on its diagonal."
        )
    return pd.DataFrame((R + R.T) / 2, index=list(outcomes), columns=list(outcomes))


def find_middle(A: Floats, B: Floats) -> Floats:
    r"""The geometric mean of two covariance matrices, :math:`A \# B`.

    Parameters
    ----------
    A, B : ndarray of shape (m, m)
        Positive definite.

    Notes
    -----
    .. math:: A \# B = L (L^{-1} B L^{-\top})^{1/2} L', \quad A = LL'

    With :math:`|\rho| < 1` the matrix with blocks A, B and :math:`\rho (A \# B)` is positive definite, and
    :math:`(CAC') \# (CBC') = C (A \# B) C'` for every invertible C, so that the choice of baselines changes
    nothing. Bhatia (2007), Positive Definite Matrices, sections 4.1 and 4.2.

    Examples
    --------
    >>> find_middle(np.array([[4.0]]), np.array([[9.0]])).tolist()
    [[6.0]]
    """
    L = cholesky(A, lower=True)
    half = solve_triangular(L, B, lower=True)
    values, vectors = eigh(solve_triangular(L, half.T, lower=True))
    turned = L @ vectors
    return np.asarray((turned * np.sqrt(values)) @ turned.T)


def join_outcomes(
    outcomes: tuple[str, ...], designs: tuple[NetworkDesign, ...], R: Floats, studies: tuple[str, ...]
) -> Blocks:
    """The sampling covariance of all comparisons, a block for each trial.

    Parameters
    ----------
    outcomes : tuple of str
        Their names.
    designs : tuple of NetworkDesign
        The network of each.
    R : ndarray of shape (outcomes, outcomes)
        Their correlation within trials.
    studies : tuple of str
        Trials of any outcome.

    Raises
    ------
    NotPositiveDefinite
        When a trial cannot have these correlations; it is named.
    """
    starts = np.cumsum([0, *(design.problem.n for design in designs)])
    blocks, index = [], []
    for name in studies:
        own = [(o, _take(design, name)) for o, design in enumerate(designs) if name in design.studies]
        sizes = np.cumsum([0, *(trial.rows.size for _, trial in own)])
        block = block_diag(*(trial.V for _, trial in own))
        for (i, (a, one)), (j, (b, other)) in combinations(enumerate(own), 2):
            cross = R[a, b] * _cross(one, other)
            block[sizes[i] : sizes[i + 1], sizes[j] : sizes[j + 1]] = cross
            block[sizes[j] : sizes[j + 1], sizes[i] : sizes[i + 1]] = cross.T
        if find_indefinite_row(block) is not None:
            reported = ", ".join(outcomes[o] for o, _ in own)
            raise NotPositiveDefinite(
                f"The outcomes {reported} of {name} cannot have the declared correlations with their "
                "standard errors; declare smaller ones, or check the standard errors."
            )
        blocks.append(block)
        index.append(np.concatenate([starts[o] + trial.rows for o, trial in own]))
    return Blocks(blocks, index)


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """One outcome of one trial: its rows in the network, its arms, the baseline first, and covariance."""

    rows: Integers
    arms: tuple[str, ...]
    V: Floats


def _take(design: NetworkDesign, name: str) -> _Trial:
    number = design.studies.index(name)
    rows = np.flatnonzero(design.study == number)
    first, second, values = design.problem.V.restrict(rows).entries()
    V = np.zeros((rows.size, rows.size))
    V[first, second] = values
    return _Trial(rows, tuple(design.treatments[arm] for arm in design.arms[number]), V)


def _cross(one: _Trial, other: _Trial) -> Floats:
    """The covariance of two outcomes of a trial at a correlation of 1, through the arms that both have."""
    shared = [arm for arm in one.arms if arm in other.arms]
    if len(shared) < 2:
        return np.zeros((one.rows.size, other.rows.size))
    (A, gain), (B, other_gain) = _regress(one, shared), _regress(other, shared)
    return np.asarray(gain @ find_middle(A, B) @ other_gain.T)


def _regress(trial: _Trial, shared: list[str]) -> tuple[Floats, Floats]:
    """Covariance of the shared comparisons, and the regression of all on them."""
    every = np.vstack([np.zeros(trial.rows.size), np.eye(trial.rows.size)])
    places = [trial.arms.index(arm) for arm in shared]
    C = every[places[1:]] - every[places[0]]
    A = C @ trial.V @ C.T
    return A, np.linalg.solve(A, C @ trial.V).T
