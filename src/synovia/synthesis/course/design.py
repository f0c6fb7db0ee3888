"""A time course as a problem of the kernel: treatments times functions of time."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import CollinearModerators, SynthesisError, TooFewStudies
from synovia.kernel import (
    Correlated,
    Equal,
    Problem,
    RandomTerm,
    Scalar,
    Structure,
    Term,
    Uncorrelated,
    Unstructured,
    find_dependent_columns,
)
from synovia.synthesis.course.arms import SharedArms
from synovia.synthesis.course.basis import Basis, Emax
from synovia.synthesis.course.covariance import Repeats, find_covariance
from synovia.synthesis.course.reading import FollowUps

__all__ = ["BETWEEN", "CourseDesign", "find_support", "make_course_design"]

Floats = NDArray[np.float64]

BETWEEN = ("UN", "CS", "DIAG")


@dataclass(frozen=True, slots=True, eq=False)
class CourseDesign:
    r"""Follow-ups and what describes them.

    Attributes
    ----------
    follow_ups : FollowUps
        Rows.
    basis : Basis
        Shape of the course.
    treatments : tuple of str
        Those with a course of their own; of comparisons all but the reference; ``("",)`` for one course.
    reference : str
        What comparisons are against, "" when rows are not comparisons.
    between : str or None
        How coefficients vary between studies.

    Notes
    -----
    With w the treatment of a row, less its comparator,

    .. math:: y_{ij}(t) = (w_{ij} \otimes b(t))'\beta + b(t)'u_{ij} + e_{ij}(t), \quad u \sim N(0, G)

    and :math:`\operatorname{Cov}(u_{ij}, u_{il}) = G/2` for two comparisons of a study.
    """

    follow_ups: FollowUps
    basis: Basis
    treatments: tuple[str, ...]
    reference: str
    between: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients: treatments, and for each the functions of time."""
        lines = [f"{name} {part}".strip() for name in self.treatments for part in self.basis.names]
        return tuple(lines)

    @property
    def incidence(self) -> Floats:
        """(n, treatments) of each row."""
        table = self.follow_ups.data
        own = table["treatment"].to_numpy()[:, None] == np.array(self.treatments, dtype=object)
        other = table["comparator"].to_numpy()[:, None] == np.array(self.treatments, dtype=object)
        compared = 1.0 if self.follow_ups.kind == "contrasts" else 0.0
        return np.asarray(own.astype(np.float64) - compared * other.astype(np.float64))

    def spread(self, incidence: Floats, functions: Floats) -> Floats:
        """(m, treatments q) products of treatments and functions of time."""
        return np.asarray((incidence[:, :, None] * functions[:, None, :]).reshape(len(incidence), -1))

    def loadings(self, functions: Floats) -> Floats:
        """(n, m q) functions of time at the place of each comparison within its study."""
        if self.follow_ups.kind != "contrasts":
            return functions
        position = self.follow_ups.position
        return self.spread(np.eye(int(position.max()) + 1)[position], functions)

    def terms(self, functions: Floats) -> tuple[RandomTerm, ...]:
        """Random courses of studies; of arms too where rows are arms."""
        if self.between is None:
            return ()
        base, study, series = _make_structure(self.between, functions.shape[1]), self.follow_ups.study, None
        loadings = self.loadings(functions)
        comparisons = loadings.shape[1] // functions.shape[1]
        structure = base if comparisons == 1 else SharedArms(base, comparisons)
        terms: tuple[RandomTerm, ...] = (Term(study, structure, loadings),)
        series = self.follow_ups.series
        if self.follow_ups.kind == "arms" and series.max() > study.max():
            terms = (*terms, Term(series, base, loadings))
        return terms

    def variances(self, count: int) -> tuple[str, ...]:
        """Names of the variances and correlations of ``count`` terms."""
        if self.between is None:
            return ()
        names = _make_structure(self.between, len(self.basis.names)).names
        plain = [_name(name, self.basis.names) for name in names]
        levels = ("",) if count == 1 else ("study: ", "arm: ")
        return tuple(level + name for level in levels for name in plain)

    def pose(self, repeats: Repeats, functions: Floats, X: Floats, y: Floats) -> Problem:
        """The problem for given functions of time, mean and response."""
        return Problem(y, X, find_covariance(self.follow_ups, repeats), self.terms(functions))


def make_course_design(
    follow_ups: FollowUps, basis: Basis, reference: str | None, between: str | None
) -> CourseDesign:
    """Choose the treatments that have courses, and check that the times tell them.

    Parameters
    ----------
    follow_ups : FollowUps
        Rows.
    basis : Basis
        Shape.
    reference : str or None
        What comparisons are against; the comparator of most rows without it.
    between : str or None
        UN, CS, DIAG, or None for no differences between studies.

    Raises
    ------
    SynthesisError
        When ``between`` or the reference does not exist, or there is one study.
    TooFewStudies
        When there are not more rows than coefficients.
    CollinearModerators
        When the times do not tell the coefficients of a treatment; they are named.
    """
    if between not in (*BETWEEN, None):
        raise SynthesisError(f"Found random {between!r}; wanted one of {', '.join(BETWEEN)}, or None.")
    if between is not None and follow_ups.study.max() == 0:
        raise SynthesisError("One study shows no differences between studies; set random=None.")
    treatments, chosen = _choose_treatments(follow_ups, reference)
    design = CourseDesign(follow_ups, basis, treatments, chosen, between)
    shape = Emax(float(np.median(follow_ups.times)) or 1.0) if isinstance(basis, Emax) else basis
    X = design.spread(design.incidence, shape.evaluate(follow_ups.times))
    if between is not None and X.shape[0] <= X.shape[1]:
        raise TooFewStudies(
            f"{X.shape[0]} follow-ups for {X.shape[1]} coefficients leave nothing to estimate differences "
            "between studies from; choose fewer knots, or random=None."
        )
    lost = find_dependent_columns(X)
    if lost:
        named = ", ".join(design.names[column] for column in lost)
        raise CollinearModerators(
            f"The times and comparisons do not tell {named}: choose fewer knots, or leave treatments out "
            "that were seen too rarely or that no study joins to the others."
        )
    if between in ("UN", "DIAG"):
        _require_several(design, shape.evaluate(follow_ups.times), between)
    return design


def find_support(columns: Floats, study: NDArray[np.intp]) -> NDArray[np.intp]:
    """(p,) how many studies have anything but 0 in each column."""
    return np.array([np.unique(study[np.abs(column) > 0]).size for column in columns.T], dtype=np.intp)


def _require_several(design: CourseDesign, functions: Floats, between: str) -> None:
    few = find_support(functions, design.follow_ups.study) < 2
    if few.any():
        name = design.basis.names[int(np.argmax(few))]
        raise SynthesisError(
            f"One study alone says something on {name!r}, which does not tell how studies differ there, as "
            f"random={between!r} asks; choose fewer knots, or random='CS', which has one variance for all."
        )


def _choose_treatments(follow_ups: FollowUps, reference: str | None) -> tuple[tuple[str, ...], str]:
    table = follow_ups.data
    if follow_ups.kind != "contrasts":
        if reference is not None:
            raise SynthesisError(
                f"Found reference {reference!r}; only comparisons have one. Name the column of comparators, "
                "or make comparisons with course_contrasts."
            )
        return tuple(sorted(set(table["treatment"]))), ""
    every = sorted({*table["treatment"], *table["comparator"]})
    counted = Counter(table["comparator"].tolist())
    chosen = max(every, key=lambda name: counted[name]) if reference is None else reference
    if chosen not in every:
        raise SynthesisError(f"There is no treatment {chosen!r} to refer to; there are {', '.join(every)}.")
    return tuple(name for name in every if name != chosen), chosen


def _make_structure(between: str, size: int) -> Structure:
    if size == 1:
        return Scalar()
    if between == "UN":
        return Unstructured(size)
    return Correlated(Equal(size)) if between == "CS" else Correlated(Uncorrelated(size), separate=True)


def _name(name: str, parts: tuple[str, ...]) -> str:
    """``rho[1,2]`` with the names of the functions instead of numbers."""
    head, _, inside = name.partition("[")
    numbers = [int(number) - 1 for number in re.findall(r"\d+", inside)]
    return f"{head}[{', '.join(parts[number] for number in numbers)}]" if numbers else head
