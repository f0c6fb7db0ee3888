"""What a method must produce to be fitted: estimates, design, known covariance and random terms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import CollinearModerators, SynthesisError, TooFewStudies
from synovia.kernel.covariance import Covariance
from synovia.kernel.solver import Solver
from synovia.kernel.solvers import make_solver
from synovia.kernel.term import RandomTerm, Term

__all__ = ["Problem", "find_dependent_columns"]

Floats = NDArray[np.float64]

LARGEST = 1e70  # squares and their products stay within double precision
RANK = 1e-10  # length of a column left unexplained by earlier ones, as a share of its own length


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Problem:
    r"""One Gaussian synthesis: :math:`y \sim N(X\beta,\; V + \sum_k Z_k (I \otimes G_k(\psi)) Z_k')`.

    Attributes
    ----------
    y : ndarray of shape (n,)
        Estimates, one per row, all on one scale.
    X : ndarray of shape (n, p)
        Design of the mean.
    V : Covariance
        Known sampling covariance of y: ``Diagonal`` or ``Blocks``.
    terms : tuple of RandomTerm
        Random effects; empty for a common-effect model.
    solver : Solver
        Made from V and terms; knows which rows are independent of which.
    joined : ndarray of shape (n, p + 1)
        X and y side by side, solved together at every psi.
    log_det_xtx : float
        log of the determinant of X'X, the constant of the restricted likelihood.

    Raises
    ------
    SynthesisError
        When shapes disagree or a number is not finite; the row is named.
    CollinearModerators
        When the columns of X are not independent; they are named by number.
    TooFewStudies
        When there are fewer rows than columns.
    """

    y: Floats
    X: Floats
    V: Covariance
    terms: tuple[RandomTerm, ...]
    solver: Solver
    joined: Floats
    log_det_xtx: float

    def __init__(self, y: ArrayLike, X: ArrayLike, V: Covariance, terms: tuple[RandomTerm, ...] = ()) -> None:
        estimates, design = np.array(y, dtype=np.float64), np.array(X, dtype=np.float64)
        _check_shapes(estimates, design, V, terms)
        _check_finite(estimates, design)
        object.__setattr__(self, "y", estimates)
        object.__setattr__(self, "X", design)
        object.__setattr__(self, "V", V)
        object.__setattr__(self, "terms", terms)
        object.__setattr__(self, "solver", make_solver(V, terms))
        object.__setattr__(self, "joined", np.column_stack([design, estimates]))
        object.__setattr__(self, "log_det_xtx", _measure_design(design))

    @property
    def n(self) -> int:
        """Number of estimates."""
        return self.y.size

    @property
    def p(self) -> int:
        """Number of coefficients."""
        return int(self.X.shape[1])

    @property
    def blocks(self) -> int:
        """Number of independent blocks: rows joined by neither V nor a shared random effect."""
        return self.solver.blocks

    @property
    def units(self) -> int:
        """What t counts as independent: blocks, or levels of the coarsest random effect if those are more.

        Crossed random effects, places and relatedness join all rows into one block; the number of levels of
        the random effect that has fewest is then what the mean is estimated from (containment).
        """
        joined = [
            term.levels if term.levels > 1 else int(term.codes.max()) + 1
            for term in self.terms
            if isinstance(term, Term) and not term.rowwise
        ]
        return max(self.blocks, min(joined)) if joined else self.blocks

    def replace_terms(self, terms: tuple[RandomTerm, ...]) -> "Problem":
        """The same estimates and mean with other random effects."""
        return Problem(self.y, self.X, self.V, terms)

    def restrict(self, rows: NDArray[np.intp]) -> "Problem":
        """The problem of some of the rows, in the given order."""
        terms = tuple(term.restrict(rows) for term in self.terms)
        return Problem(self.y[rows], self.X[rows], self.V.restrict(rows), terms)

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """Lower and upper limit of each entry of psi."""
        return tuple(limit for term in self.terms for limit in term.bounds)

    @property
    def nothing(self) -> Floats:
        """(parameters,) psi without any random variance; correlations lie where a search begins."""
        parts = [term.from_search(term.start(0.0)) for term in self.terms]
        return np.concatenate(parts) if parts else np.empty(0)

    @property
    def parameters(self) -> int:
        """Number of entries of psi: variances, and correlations where a term has them."""
        return sum(term.parameters for term in self.terms)


def _measure_design(X: Floats) -> float:
    """log|X'X| of independent columns; others are refused by number."""
    length = np.linalg.norm(X, axis=0)
    triangle = _find_triangle(X, length)
    if triangle.min() <= RANK:
        _refuse_dependent(X)
    return 2 * float(np.log(triangle).sum() + np.log(length).sum())


def _find_triangle(X: Floats, length: Floats) -> Floats:
    """(p,) length of each column left unexplained by earlier ones, as a share of its own."""
    if X.shape[1] == 1:
        return np.where(length > 0, 1.0, 0.0)
    scaled = X / np.where(length > 0, length, 1)
    return np.asarray(np.abs(np.diag(np.linalg.qr(scaled, mode="r"))))


def _check_shapes(y: Floats, X: Floats, V: Covariance, terms: tuple[RandomTerm, ...]) -> None:
    if y.ndim != 1 or X.ndim != 2:
        raise SynthesisError(f"Found y of shape {y.shape} and X of shape {X.shape}; wanted (n,) and (n, p).")
    sizes = {"X": X.shape[0], "V": V.size} | {f"term {i + 1}": t.size for i, t in enumerate(terms)}
    for name, size in sizes.items():
        if size != y.size:
            raise SynthesisError(f"{name} has {size} rows and y has {y.size}; wanted the same rows in all.")
    if X.shape[1] == 0:
        raise SynthesisError("The design has no columns; wanted at least an intercept.")
    if y.size < X.shape[1]:
        raise TooFewStudies(
            f"Found {y.size} estimates for {X.shape[1]} coefficients; wanted at least as many."
        )


def _check_finite(y: Floats, X: Floats) -> None:
    for name, good in (("estimate", np.isfinite(y)), ("design", np.isfinite(X).all(axis=1))):
        if not good.all():
            raise SynthesisError(f"Row {int(np.argmin(good)) + 1} has a missing or infinite {name}.")
    if np.abs(y).max(initial=0) > LARGEST:
        row = int(np.argmax(np.abs(y)))
        raise SynthesisError(
            f"Row {row + 1} has estimate {y[row]:g}, too large to compute with; change units."
        )


def _refuse_dependent(X: Floats) -> None:
    column, others = next(iter(find_dependent_columns(X).items()))
    said = f"follows from columns {', '.join(str(o + 1) for o in others)}" if others else "is zero everywhere"
    raise CollinearModerators(f"Column {column + 1} of the design {said}; leave it out.")


def find_dependent_columns(X: Floats) -> dict[int, tuple[int, ...]]:
    """Columns that add nothing to those before them, each with the columns that make it up.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Design.

    Returns
    -------
    dict of int to tuple of int
        Empty when the columns are independent; a column of zeros has an empty tuple.

    Examples
    --------
    >>> find_dependent_columns(np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]))
    {2: (0, 1)}
    """
    length = np.linalg.norm(X, axis=0)
    if X.shape[0] >= X.shape[1] and _find_triangle(X, length).min(initial=1) > RANK:
        return {}
    scaled = X / np.where(length > 0, length, 1)
    kept: list[int] = []
    dependent: dict[int, tuple[int, ...]] = {}
    for column in range(X.shape[1]):
        weights = np.linalg.lstsq(scaled[:, kept], scaled[:, column], rcond=None)[0]
        rest = scaled[:, column] - scaled[:, kept] @ weights
        if np.linalg.norm(rest) > RANK:
            kept.append(column)
        else:
            dependent[column] = tuple(k for k, w in zip(kept, weights, strict=True) if abs(w) > RANK)
    return dependent
