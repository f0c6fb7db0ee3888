"""Doses of studies as contrasts against the reference dose of each study, with their covariance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.kernel import Covariance
from synovia.synthesis.dose.bases import Basis
from synovia.synthesis.dose.counts import KINDS
from synovia.synthesis.dose.covariance import COVARIANCES, MEANS, Group, find_covariance, stack
from synovia.synthesis.dose.units import read_unit
from synovia.synthesis.rows import find_missing, name_rows, read_numbers, require_columns

__all__ = ["Columns", "DoseDesign", "HowCovariance", "read_doses"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
HowCovariance = str | Mapping[Any, ArrayLike]


@dataclass(frozen=True, slots=True)
class Columns:
    """What the table calls its columns; ``kind`` may also be the kind of all studies."""

    estimate: str
    dose: str
    study: str
    std_error: str
    kind: str
    cases: str
    n: str
    sd: str
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class DoseDesign:
    """Contrasts of doses against the reference dose of their study.

    Attributes
    ----------
    studies : tuple of str
        In the order in which they came.
    study : ndarray of int of shape (n,)
        Study of each contrast.
    dose, reference : ndarray of shape (n,)
        Dose, and the reference dose of the study, in ``unit``.
    y : ndarray of shape (n,)
        Estimate against the reference.
    V : Covariance
        Sampling covariance.
    doses : ndarray of shape (N,)
        All doses, those of the reference groups among them.
    columns : Columns
        What the table calls them.
    unit : str
        Unit of the doses, empty when the table does not say.
    ratios : bool
        Whether estimates are known to be logarithms of ratios.
    warnings : tuple of str
        Rows that were dropped.
    """

    studies: tuple[str, ...]
    study: Integers
    dose: Floats
    reference: Floats
    y: Floats
    V: Covariance
    doses: Floats
    columns: Columns
    unit: str
    ratios: bool
    warnings: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of contrasts."""
        return self.y.size

    @property
    def frame(self) -> pd.DataFrame:
        """study_id, dose, reference_dose, estimate, std_error: one row per contrast."""
        return pd.DataFrame(
            {
                "study_id": np.array(self.studies, dtype=object)[self.study],
                "dose": self.dose,
                "reference_dose": self.reference,
                "estimate": self.y,
                "std_error": np.sqrt(self.V.diagonal),
            }
        )

    def contrasts(self, basis: Basis, beta: Floats) -> Floats:
        """(n, size) slopes of the curve at the dose less those at the reference dose."""
        return basis.slopes(self.dose, beta) - basis.slopes(self.reference, beta)

    def heights(self, basis: Basis, beta: Floats) -> Floats:
        """(n,) the curve at the dose less the curve at the reference dose."""
        return basis.value(self.dose, beta) - basis.value(self.reference, beta)


def read_doses(data: pd.DataFrame, columns: Columns, covariance: HowCovariance) -> DoseDesign:
    """Read a table with one row per dose, the reference dose of each study among them.

    Parameters
    ----------
    data : DataFrame
        The reference row of a study has no standard error, or 0, and an estimate of 0 or none.
    columns : Columns
        What the table calls its columns.
    covariance : str or mapping of str to array_like
        How contrasts of a study covary: "greenland-longnecker", "hamling", "independent", or for each study
        the matrix of its contrasts in the order of the table.

    Raises
    ------
    SynthesisError
        When a study or row cannot be used; it is named.
    """
    if not isinstance(data, pd.DataFrame):
        raise SynthesisError(f"Found {type(data).__name__}; wanted a DataFrame with one row per dose.")
    if isinstance(covariance, Mapping):
        covariance = {str(name): matrix for name, matrix in covariance.items()}
    if covariance not in COVARIANCES if isinstance(covariance, str) else not isinstance(covariance, Mapping):
        said = repr(covariance) if isinstance(covariance, str) else type(covariance).__name__
        raise SynthesisError(
            f"Found covariance {said}; wanted {', '.join(COVARIANCES)}, or a matrix for each study, by name."
        )
    require_columns(data, [columns.study, columns.dose, columns.estimate, columns.std_error])
    table, dropped = _drop_empty(data.reset_index(drop=True), columns)
    labels = _name(table, columns)
    unit = read_unit(table, (columns.dose, columns.unit), labels)
    read = _read_columns(table, columns, labels)
    kinds = _read_kinds(table, columns, needed=covariance != "independent" and isinstance(covariance, str))
    try:
        parts = [
            _read_study(study, rows, (read, kinds, labels), covariance)
            for study, rows in _group(table[columns.study]).items()
        ]
    except SynthesisError as refused:
        raise type(refused)(" ".join([str(refused), *dropped])) from None
    sizes = [part[0].size for part in parts]
    return DoseDesign(
        studies=tuple(str(study) for study in table[columns.study].unique()),
        study=np.repeat(np.arange(len(parts)), sizes),
        dose=np.concatenate([read["dose"][rows] for rows, _, _ in parts]),
        reference=np.repeat([read["dose"][reference] for _, reference, _ in parts], sizes),
        y=np.concatenate([read["estimate"][rows] for rows, _, _ in parts]),
        V=stack([block for _, _, block in parts]),
        doses=read["dose"],
        columns=columns,
        unit=unit,
        ratios=all(kind in KINDS for kind in kinds),
        warnings=dropped,
    )


def _drop_empty(table: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Rows with an estimate but no standard error, or the other way round, or no dose, are left out."""
    labels = _name(table, columns)
    y, se, dose = (
        read_numbers(table, name, labels) for name in (columns.estimate, columns.std_error, columns.dose)
    )
    for name, values in ((columns.estimate, y), (columns.std_error, se), (columns.dose, dose)):
        if np.isinf(values).any():
            row = int(np.argmax(np.isinf(values)))
            raise SynthesisError(f"{labels[row]} has an infinite {name}; wanted a number, or nothing.")
    y, se = np.nan_to_num(y), np.nan_to_num(se)
    if (se < 0).any():
        raise SynthesisError(f"{labels[int(np.argmax(se < 0))]} has a standard error below 0. Correct it.")
    reasons = {
        f"no {columns.dose}": np.isnan(dose),
        f"no {columns.std_error}": (y != 0) & (se == 0),
        f"no {columns.estimate}": np.isnan(read_numbers(table, columns.estimate, labels)) & (se > 0),
        f"no {columns.study}": find_missing(table[columns.study]),
    }
    lost = np.any(list(reasons.values()), axis=0)
    said = [
        f"{labels[row]} ({next(why for why, bad in reasons.items() if bad[row])})"
        for row in np.flatnonzero(lost).tolist()
    ]
    if lost.all():
        raise TooFewStudies(f"None of {len(table)} rows has a dose, an estimate and a standard error.")
    told = (f"{len(said)} of {len(table)} doses dropped: {'; '.join(said)}.",) if said else ()
    return table.loc[~lost].reset_index(drop=True), told


def _name(table: pd.DataFrame, columns: Columns) -> tuple[str, ...]:
    names = name_rows(table)
    if names and names[0].startswith("row ") and columns.study in table.columns:
        studies = table[columns.study].tolist()
        return tuple(f"Row {i + 1} ({study})" for i, study in enumerate(studies))
    return tuple(f"Row {i + 1} ({name})" for i, name in enumerate(names))


def _read_columns(table: pd.DataFrame, columns: Columns, labels: tuple[str, ...]) -> dict[str, Floats]:
    given = {"dose": columns.dose, "estimate": columns.estimate, "std_error": columns.std_error,
             "cases": columns.cases, "n": columns.n, "sd": columns.sd}  # fmt: skip
    empty = np.full(len(table), np.nan)
    read = {
        name: read_numbers(table, column, labels) if column in table.columns else empty
        for name, column in given.items()
    }
    return read | {"estimate": np.nan_to_num(read["estimate"]), "std_error": np.nan_to_num(read["std_error"])}


def _read_kinds(table: pd.DataFrame, columns: Columns, *, needed: bool) -> list[str]:
    if columns.kind in table.columns:
        gone = find_missing(table[columns.kind]).tolist()
        pairs = zip(table[columns.kind], gone, strict=True)
        return ["" if lost else str(kind).strip().lower() for kind, lost in pairs]
    if columns.kind in (*KINDS, *MEANS) or not needed:
        return [columns.kind] * len(table)
    raise SynthesisError(
        f"Found no column {columns.kind!r} that says what kind each study is; wanted one of "
        f"{', '.join([*KINDS, *MEANS])} as a column or for all, such as type='ci', or "
        "covariance='independent'."
    )


def _read_study(
    study: str,
    rows: Integers,
    table: tuple[dict[str, Floats], list[str], tuple[str, ...]],
    covariance: HowCovariance,
) -> tuple[Integers, int, Floats]:
    """Rows of the contrasts of a study, the row of its reference, and their covariance."""
    read, kinds, labels = table
    reference = _find_reference(study, rows, read["std_error"], labels)
    others = rows[rows != reference]
    same = read["dose"][others] == read["dose"][reference]
    if same.all():
        raise SynthesisError(
            f"Study {study} has a single dose, {read['dose'][reference]:g}, in all its groups; wanted at "
            "least one other. It says nothing about dose: leave it out."
        )
    order = np.concatenate([[reference], others]).astype(np.intp)
    if not isinstance(covariance, str):
        return others, reference, _take_matrix(study, covariance, others.size)
    if len({kinds[row] for row in rows.tolist()}) > 1:
        raise SynthesisError(f"Study {study} has several types; wanted one type for all its doses.")
    group = Group(
        kinds[reference], read["estimate"][others], read["std_error"][others] ** 2,
        read["cases"][order], read["n"][order], read["sd"][order],
    )  # fmt: skip
    try:
        return others, reference, find_covariance(group, covariance)
    except SynthesisError as problem:
        raise SynthesisError(f"Study {study}: {problem}.") from None


def _group(studies: pd.Series) -> dict[str, Integers]:
    """Rows of each study, in the order in which studies came."""
    codes, names = pd.factorize(studies)
    return {str(name): np.flatnonzero(codes == number) for number, name in enumerate(names)}


def _find_reference(study: str, rows: Integers, std_error: Floats, labels: tuple[str, ...]) -> int:
    found = rows[std_error[rows] == 0]
    if rows.size == 1:
        raise SynthesisError(
            f"Study {study} has one dose ({labels[rows[0]]}); wanted its reference dose and at least "
            "one other."
        )
    if found.size == 0:
        raise SynthesisError(
            f"Study {study} has no reference dose; wanted one row with estimate 0 and no standard error, the "
            "dose that its other estimates are against."
        )
    if found.size > 1:
        raise SynthesisError(
            f"Study {study} has {found.size} rows without a standard error "
            f"({', '.join(labels[r] for r in found)}); wanted one, its reference dose."
        )
    return int(found[0])


def _take_matrix(study: str, given: Mapping[str, ArrayLike], size: int) -> Floats:
    if study not in given:
        raise SynthesisError(
            f"The covariance has no matrix for study {study}; it has {', '.join(map(str, given))}."
        )
    matrix = np.asarray(given[study], dtype=np.float64)
    if matrix.shape != (size, size):
        raise SynthesisError(
            f"The covariance of study {study} has shape {matrix.shape}; wanted ({size}, {size}), its doses "
            "other than the reference."
        )
    if not np.isfinite(matrix).all():
        raise SynthesisError(f"The covariance of study {study} holds a missing or infinite number.")
    spread = np.sqrt(np.abs(np.outer(matrix.diagonal(), matrix.diagonal())))
    if (np.abs(matrix - matrix.T) > 1e-8 * spread).any():
        raise NotPositiveDefinite(f"The covariance of study {study} is not symmetric; wanted C = C'.")
    if (np.linalg.eigvalsh(matrix) <= 0).any():
        raise NotPositiveDefinite(
            f"The covariance of study {study} is not positive definite; wanted variances above 0 and "
            "correlations that can hold together."
        )
    return matrix
