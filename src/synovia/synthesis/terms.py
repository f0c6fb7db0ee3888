"""What random effects become over the rows of a table: terms of the kernel, and names for their variances."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import (
    Correlated,
    Equal,
    Fixed,
    Matrix,
    Power,
    RandomTerm,
    Spatial,
    Structure,
    Term,
    Uncorrelated,
    Unstructured,
)
from synovia.synthesis.random import (
    PLACES,
    STRUCTURES,
    Inner,
    Intercepts,
    Known,
    Places,
    RandomEffects,
    Slopes,
)
from synovia.synthesis.regression import make_design, read_formula
from synovia.synthesis.rows import Rows, find_missing, require_columns

__all__ = ["Built", "build_terms", "find_column", "group_by"]

Integers = NDArray[np.intp]
Made = tuple[RandomTerm, list[str], list[str]]

OWN = "effect"


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """Random effects over the rows of a table.

    Attributes
    ----------
    terms : tuple of RandomTerm
        For the kernel.
    labels : tuple of str
        One per term.
    variances : tuple of str
        One name per entry of psi.
    warnings : tuple of str
        Terms left out, correlations that the data cannot tell.
    """

    terms: tuple[RandomTerm, ...]
    labels: tuple[str, ...]
    variances: tuple[str, ...]
    warnings: tuple[str, ...]


def build_terms(effects: Sequence[RandomEffects], rows: Rows) -> Built:
    """The random terms of a synthesis.

    Parameters
    ----------
    effects : sequence of RandomEffects
        Read from words or given.
    rows : Rows
        The effects used.

    Raises
    ------
    SynthesisError
        When a column does not exist, a row leaves it empty, or a matrix lacks a level.
    """
    terms: list[RandomTerm] = []
    labels: list[str] = []
    variances: list[str] = []
    warnings: list[str] = []
    for effect in effects:
        term, names, said = _build(effect, rows)
        twin = next((i for i, other in enumerate(terms) if _same(term, other)), None)
        if twin is not None:
            warnings.append(
                f"Every {labels[twin]} has one {effect.label}, so that their random effects cannot be told "
                "apart; they were fitted as one."
            )
            continue
        alone = len(effects) == 1 and isinstance(effect, Intercepts)
        terms.append(term)
        labels.append(effect.label)
        variances += ["tau2"] if alone else names
        warnings += said
    return Built(tuple(terms), tuple(labels), tuple(variances), tuple(warnings))


def _same(term: RandomTerm, other: RandomTerm) -> bool:
    if not (isinstance(term, Term) and isinstance(other, Term)):
        return False
    plain = term.structure.size == 1 == other.structure.size and term.loadings is None is other.loadings
    return plain and np.array_equal(_first_seen(term.groups), _first_seen(other.groups))


def _first_seen(groups: Integers) -> Integers:
    return np.asarray(pd.factorize(groups)[0], dtype=np.intp)


def _build(effect: RandomEffects, rows: Rows) -> Made:
    if isinstance(effect, Intercepts):
        return Term(group_by(effect.columns, rows)), [f"tau2[{effect.label}]"], []
    if isinstance(effect, Known):
        return _build_known(effect, rows)
    if isinstance(effect, Places):
        return _build_places(effect, rows)
    if isinstance(effect, Slopes):
        return _build_slopes(effect, rows)
    return _build_inner(effect, rows)


def group_by(columns: tuple[str, ...], rows: Rows) -> Integers:
    """(n,) group of each row: equal values in all columns; "effect" last means each row its own."""
    if columns[-1] == OWN:
        _check_own(rows)
        return np.arange(rows.y.size)
    codes = np.zeros(rows.y.size, dtype=np.intp)
    for column in columns:
        codes = codes * (rows.y.size + 1) + pd.factorize(_read_column(column, rows))[0]
        codes = np.asarray(pd.factorize(codes)[0], dtype=np.intp)
    return codes


def _check_own(rows: Rows) -> None:
    if OWN in rows.used.columns and rows.used[OWN].duplicated().any() and "study" not in rows.used.columns:
        row = int(np.argmax(rows.used[OWN].duplicated()))
        raise SynthesisError(
            f"'effect' stands for one random effect per row, but the column effect has the value of "
            f"{rows.used_labels[row]} twice; rename the column if you mean its values."
        )


def find_column(name: str, rows: Rows) -> str:
    """The column a random effect names; ``study`` also finds ``study_id``."""
    if name not in rows.used.columns and f"{name}_id" in rows.used.columns:
        return f"{name}_id"
    require_columns(rows.data, [name])
    return name


def _read_column(name: str, rows: Rows) -> pd.Series:
    column = find_column(name, rows)
    values = rows.used[column]
    empty = find_missing(values)
    if empty.any():
        raise SynthesisError(f"{rows.used_labels[int(np.argmax(empty))]} has no {column}; fill it in.")
    return values


def _levels(values: pd.Series) -> tuple[Integers, list[object]]:
    """Codes and sorted levels; a categorical keeps its order."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        kept = values.cat.remove_unused_categories()
        return kept.cat.codes.to_numpy().astype(np.intp), list(kept.cat.categories)
    codes, levels = pd.factorize(values, sort=True)
    return np.asarray(codes, dtype=np.intp), list(levels)


def _build_inner(effect: Inner, rows: Rows) -> Made:
    groups = group_by((effect.within,), rows)
    codes, levels = _levels(_read_column(effect.inner, rows))
    structure = _choose_structure(effect, levels, rows.used_labels)
    names = _name(structure, effect.inner, [str(level) for level in levels])
    said = _tell_apart(effect, groups, codes, levels) if effect.structure == "UN" else []
    if effect.rho is not None:
        structure, names = _hold(structure, names, effect)
    return Term(groups, structure, codes), names, said


def _choose_structure(effect: Inner, levels: list[object], labels: Sequence[str]) -> Structure:
    q, kind = len(levels), effect.structure
    if kind == "UN":
        return Unstructured(q)
    if kind in ("CS", "HCS"):
        return Correlated(Equal(q), separate=kind == "HCS")
    if kind in ("DIAG", "ID"):
        return Correlated(Uncorrelated(q), separate=kind == "DIAG")
    if kind not in ("AR", "HAR", "CAR"):
        raise SynthesisError(f"Found structure {kind!r}; wanted {', '.join(STRUCTURES)}.")
    try:
        times = np.array([float(str(level)) for level in levels])
    except ValueError:
        raise SynthesisError(
            f"{kind}({effect.inner} | {effect.within}) needs numbers in {effect.inner}; found {levels[0]!r} "
            f"(in {labels[0]} or another row)."
        ) from None
    return Correlated(Power(times, continuous=kind == "CAR"), separate=kind == "HAR")


def _hold(structure: Structure, names: list[str], effect: Inner) -> tuple[Structure, list[str]]:
    values = np.array([effect.rho if name.startswith("rho") else np.nan for name in names], dtype=np.float64)
    return Fixed(structure, values), [name for name in names if not name.startswith("rho")]


def _name(structure: Structure, column: str, levels: list[str]) -> list[str]:
    """Names of the entries of psi with the levels in them."""
    out = []
    for name in structure.names:
        numbers = [int(number) - 1 for number in re.findall(r"\d+", name.partition("[")[2])]
        inside = ", ".join(levels[number] for number in numbers) or column
        out.append(f"{name.partition('[')[0]}[{inside}]")
    return out


def _tell_apart(effect: Inner, groups: Integers, codes: Integers, levels: list[object]) -> list[str]:
    """Pairs of levels that no group has both of: their correlation is not in the data."""
    table = np.zeros((int(groups.max()) + 1, len(levels)), dtype=bool)
    table[groups, codes] = True
    together = table.astype(int).T @ table.astype(int)
    first, second = np.nonzero(np.triu(together == 0, 1))
    return [
        f"No {effect.within} has both {levels[i]} and {levels[j]}: the data do not tell their correlation."
        for i, j in zip(first, second, strict=True)
    ]


def _build_slopes(effect: Slopes, rows: Rows) -> Made:
    groups = group_by((effect.within,), rows)
    design = make_design(read_formula(f"estimate ~ {effect.formula}"), rows.used)
    q = len(design.columns)
    structure: Structure = (
        Unstructured(q) if effect.structure == "UN" else Correlated(Uncorrelated(q), separate=True)
    )
    return Term(groups, structure, design.X), _name(structure, effect.within, list(design.columns)), []


def _build_known(effect: Known, rows: Rows) -> Made:
    values = _read_column(effect.column, rows).astype(str)
    matrix = effect.matrix
    names = [str(name) for name in matrix.index]
    if names != [str(name) for name in matrix.columns]:
        raise SynthesisError(f"The matrix of {effect.column} has different names in its rows and columns.")
    place = {name: number for number, name in enumerate(names)}
    lacking = [value for value in values if value not in place]
    if lacking:
        raise SynthesisError(f"The matrix of {effect.column} has no row for {lacking[0]!r}; add it.")
    levels = list(dict.fromkeys(values))
    chosen = [place[level] for level in levels]
    known = matrix.to_numpy(dtype=np.float64)[np.ix_(chosen, chosen)]
    codes = np.array([levels.index(value) for value in values])
    structure = Correlated(Matrix(known))
    return Term(np.zeros(rows.y.size, dtype=np.intp), structure, codes), [f"tau2[{effect.column}]"], []


def _build_places(effect: Places, rows: Rows) -> Made:
    points = np.column_stack([_read_column(name, rows).to_numpy(np.float64) for name in effect.coordinates])
    within = np.zeros(rows.y.size, dtype=np.intp)
    if effect.within:
        within = np.asarray(pd.factorize(_read_column(effect.within, rows))[0], dtype=np.intp)
    unique, codes = np.unique(points, axis=0, return_inverse=True)
    distance = np.sqrt(((unique[:, None, :] - unique[None, :, :]) ** 2).sum(axis=2))
    structure = Correlated(Spatial(distance, PLACES[effect.kind]))
    label = " + ".join(effect.coordinates)
    return Term(within, structure, codes.reshape(-1)), [f"tau2[{label}]", f"range[{label}]"], []
