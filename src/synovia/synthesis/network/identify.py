"""Which effects a design of whole numbers can tell apart, and which it cannot, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["Identified", "identify"]

Floats = NDArray[np.float64]
Row = list[Fraction]


@dataclass(frozen=True, slots=True, eq=False)
class Identified:
    r"""What a design estimates: the rows of its reduced echelon form.

    Attributes
    ----------
    names : tuple of str
        Columns of the design.
    basis : ndarray of shape (r, c)
        Combinations of the columns' effects that are estimated; any other estimable one is made of these.
    pivots : tuple of int
        The column that each row leads with.
    """

    names: tuple[str, ...]
    basis: Floats
    pivots: tuple[int, ...]

    @property
    def complete(self) -> bool:
        """Whether every effect can be told apart."""
        return len(self.pivots) == len(self.names)

    @property
    def labels(self) -> tuple[str, ...]:
        """(r,) each estimated combination in words, such as ``"gel + peptide"``."""
        return tuple(_write(row, self.names) for row in self.basis)

    def contains(self, rows: Floats) -> NDArray[np.bool_]:
        """(m,) whether each (m, c) combination of effects can be estimated."""
        rest = rows - rows[:, self.pivots] @ self.basis
        return np.asarray(np.abs(rest).max(axis=1, initial=0.0) < EXACT)

    def express(self, rows: Floats) -> Floats:
        """(m, r) estimable combinations by those of the basis."""
        return np.asarray(rows[:, self.pivots])

    def null_space(self) -> Floats:
        """(c - r, c) directions in which effects can move without any comparison noticing."""
        free = [column for column in range(len(self.names)) if column not in self.pivots]
        out = np.zeros((len(free), len(self.names)))
        for place, column in enumerate(free):
            out[place, column] = 1.0
            out[place, list(self.pivots)] = -self.basis[:, column]
        return out

    def explain(self) -> tuple[str, ...]:
        """One sentence for every set of effects that cannot be separated; none when all can.

        Examples
        --------
        >>> identify(np.array([[1, 1, 0], [1, 1, 1]]), ("gel", "peptide", "cargo")).explain()[0]
        "The effects of 'gel' and 'peptide' cannot be separated: of them only gel + peptide is estimated."
        """
        return tuple(self._tell(group) for group in self._find_groups())

    def _find_groups(self) -> list[list[int]]:
        """Columns joined by the directions that nothing sees."""
        groups: list[set[int]] = []
        for direction in self.null_space():
            inside = set(np.flatnonzero(direction).tolist())
            joined = [group for group in groups if group & inside]
            groups = [group for group in groups if not group & inside]
            groups.append(inside.union(*joined))
        return sorted(sorted(group) for group in groups)

    def _tell(self, group: Sequence[int]) -> str:
        if len(group) == 1:
            name = self.names[group[0]]
            return (
                f"The effect of {name!r} cannot be estimated: no trial compares arms with and without it. "
                "One that does would tell."
            )
        kept = [row for row, pivot in zip(self.labels, self.pivots, strict=True) if pivot in group]
        quoted = [repr(self.names[column]) for column in group]
        known = f"only {_join(kept)} {'is' if len(kept) == 1 else 'are'} estimated"
        return f"The effects of {_join(quoted)} cannot be separated: of them {known}."


FINEST = 10**6  # of a share of a component that is not a whole number
EXACT = 1e-9  # rows of small whole numbers over a basis of small fractions


def identify(X: NDArray[np.generic], names: Sequence[str]) -> Identified:
    """The estimable combinations of a design of whole numbers or simple fractions.

    Parameters
    ----------
    X : ndarray of shape (n, c)
        Design; its entries are whole numbers or fractions with denominators up to a million.
    names : sequence of str
        Its columns.

    Notes
    -----
    Rows are reduced one by one in rational arithmetic, so that no tolerance decides what can be estimated.

    Examples
    --------
    >>> identify(np.array([[1, 1, 0], [0, 0, 1]]), ("a", "b", "c")).labels
    ('a + b', 'c')
    """
    found: dict[int, Row] = {}
    for numbers in np.unique(np.asarray(X), axis=0).tolist():
        if len(found) == len(names):
            break
        _insert(found, [Fraction(number).limit_denominator(FINEST) for number in numbers])
    pivots = tuple(sorted(found))
    basis = np.array([[float(value) for value in found[pivot]] for pivot in pivots])
    return Identified(tuple(names), basis.reshape(len(pivots), len(names)), pivots)


def _insert(found: dict[int, Row], row: Row) -> None:
    """Reduce a row by those found, and those by what is left of it."""
    for pivot, known in found.items():
        row = _clear(row, known, pivot)
    lead = next((column for column, value in enumerate(row) if value), None)
    if lead is None:
        return
    row = [value / row[lead] for value in row]
    for pivot in list(found):
        found[pivot] = _clear(found[pivot], row, lead)
    found[lead] = row


def _clear(row: Row, known: Row, column: int) -> Row:
    share = row[column]
    return row if not share else [value - share * own for value, own in zip(row, known, strict=True)]


def _write(row: Floats, names: Sequence[str]) -> str:
    text = ""
    for value, name in zip(row.tolist(), names, strict=True):
        if value:
            size = Fraction(abs(value)).limit_denominator(1000)
            sign = (" - " if value < 0 else " + ") if text else ("-" if value < 0 else "")
            text += f"{sign}{'' if size == 1 else f'{size} '}{name}"
    return text


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
