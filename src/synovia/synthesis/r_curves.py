"""Random coefficients of curves as R's rma.mv takes them: columns, structures and known matrices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synovia.kernel import Correlated, Equal, Structure, Term, Uncorrelated, Unstructured
from synovia.kernel.solver import split
from synovia.synthesis.r_text import write_integers, write_matrix, write_numbers

if TYPE_CHECKING:
    from synovia.synthesis.fit import Fit

__all__ = ["CurveText", "write_curve_terms"]

Floats = NDArray[np.float64]

HELD = "The variances of the random coefficients are held at those found here: "


@dataclass(slots=True)
class CurveText:
    """Random coefficients of a curve in R.

    Attributes
    ----------
    formulas, structures, known : list of str
        Entries of ``random``, ``struct`` and ``R``.
    sigma2 : list of float
        Variances of the terms without a structure, NaN where R estimates them.
    columns : dict of str to str
        Columns of the data.
    before, notes : list of str
        Lines before the call, and what is said of it.
    """

    formulas: list[str] = field(default_factory=list)
    structures: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    sigma2: list[float] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def write_curve_terms(fit: Fit) -> CurveText:
    r"""Write the random coefficients of a curve.

    Parameters
    ----------
    fit : Fit
        Of a dose-response curve or a time course.

    Notes
    -----
    Unstructured and uncorrelated coefficients are rma.mv's GEN and GDIAG. Where covariances are sums
    :math:`\sum_k s_k B_k` of known matrices, each :math:`Z B_k Z'` is a random effect of rows with a known
    correlation. What is neither is held at the values found.
    """
    text = CurveText()
    terms = fit.problem.terms
    estimated = fit.settings.tau2 in ("REML", "ML")
    for number, (term, psi) in enumerate(zip(terms, split(terms, fit.point.psi), strict=True), start=1):
        if isinstance(term, Term):
            _write_term(term, psi, f"g{number}", text, estimated=estimated)
    return text


def _write_term(term: Term, psi: Floats, name: str, text: CurveText, *, estimated: bool) -> None:
    loadings = _find_loadings(term)
    columns = [f"{name}_z{place + 1}" for place in range(loadings.shape[1])]
    text.columns[name] = write_integers(term.groups + 1)
    text.columns |= {key: write_numbers(column) for key, column in zip(columns, loadings.T, strict=True)}
    kind = _find_kind(term.structure)
    if estimated and kind:
        text.formulas.append(f"~ 0 + {' + '.join(columns)} | {name}")
        text.structures.append(kind)
        return
    parts = _find_parts(term.structure) if estimated else None
    if parts is None:
        parts = [np.asarray(term.structure.covariance(psi), dtype=np.float64)]
        why = (
            "R has no such structure."
            if estimated
            else "R's rma.mv knows REML and ML alone, or they were given."
        )
        text.notes.append(HELD + why)
        text.sigma2.append(1.0)
    else:
        text.sigma2 += [np.nan] * len(parts)
    text.before.append(f"{name}_Z <- cbind({', '.join(f'dat${column}' for column in columns)})")
    for place, part in enumerate(parts, start=1):
        row = f"{name}_row{place}"
        rows = len(term.groups)
        text.columns[row] = write_integers(np.arange(1, rows + 1))
        text.before.append(
            f"{row} <- ({name}_Z %*% {write_matrix(part)} %*% t({name}_Z)) * "
            f'outer(dat${name}, dat${name}, "==")\n'
            f"dimnames({row}) <- list(1:{rows}, 1:{rows})"
        )
        text.formulas.append(f"~ 1 | {row}")
        text.known.append(f"{row}={row}")


def _find_loadings(term: Term) -> Floats:
    """(n, q) loadings; coefficients told by a code have a column of their own."""
    if term.loadings is not None:
        return term.loadings
    return np.eye(term.structure.size)[term.codes]


def _find_kind(structure: Structure) -> str:
    """The structure of several coefficients; R refuses a single column that is the same in all rows."""
    if isinstance(structure, Unstructured):
        return "GEN"
    if isinstance(structure, Correlated) and structure.separate and structure.size > 1:
        return "GDIAG" if isinstance(structure.correlation, Uncorrelated) else ""
    return ""


def _find_parts(structure: Structure) -> list[Floats] | None:
    """Matrices whose sums with coefficients of 0 or more are the covariances of a structure."""
    base, shared = getattr(structure, "base", None), getattr(structure, "shared", None)
    if base is not None and shared is not None:
        inner = _find_parts(base)
        return None if inner is None else [np.kron(shared, part) for part in inner]
    size = structure.size
    if size == 1:
        return [np.eye(1)]
    if not isinstance(structure, Correlated):
        return None
    if isinstance(structure.correlation, Equal) and not structure.separate:
        mean = np.full((size, size), 1 / size)
        return [np.eye(size) - mean, mean]  # I and J themselves reach no correlation below 0
    if isinstance(structure.correlation, Uncorrelated) and structure.separate:
        return [np.diag(unit) for unit in np.eye(size)]
    return None
