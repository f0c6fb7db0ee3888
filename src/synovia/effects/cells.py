"""Tables of two by two counts, and what is done about their empty cells."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from synovia.effects.effect import Array, Counts
from synovia.errors import Fault, ScaleError

__all__ = ["Cells", "ZeroCells", "add_to_cells", "cross", "drop_uninformative", "refuse", "refuse_counts"]

ZeroCells: TypeAlias = Literal["only0", "all", "if0all", "none"]
Cells: TypeAlias = tuple[Array, Array, Array, Array]


def cross(treatment: Counts, comparator: Counts) -> Array:
    """Events and non-events of treatment, then of comparator: array (4, k).

    Raises
    ------
    ScaleError
    When a count is negative or exceeds its group, naming the study.

    Examples
    --------
    >>> from synovia.effects import Counts
    >>> cross(Counts([2], [10]), Counts([3], [12])).ravel().tolist()
    [2.0, 8.0, 3.0, 9.0]
    """
    (a, b), (c, d) = treatment.cells, comparator.cells
    cells = np.stack(np.broadcast_arrays(a, b, c, d)).astype(float)
    refuse_counts(cells, "events from 0 to the number of participants")
    return cells


def refuse_counts(counts: Array, wanted: str) -> None:
    """Raise a ScaleError that names the first studies with a negative count, of an array (cells, k)."""
    refuse(np.nanmin(counts, axis=0, initial=0.0) < 0, counts.min(axis=0), "a negative count", wanted)


def refuse(bad: npt.NDArray[np.bool_], values: Array, found: str, wanted: str) -> None:
    """Raise a ScaleError that names at most five of the studies where ``bad`` is true."""
    bad, values = np.atleast_1d(bad), np.atleast_1d(values)
    if not bad.any():
        return
    rows = np.flatnonzero(bad)
    raise ScaleError(
        [Fault(f"{found} ({values[i]:g}) in row {i + 1} of {bad.size}", wanted) for i in rows[:5]]
    )


def add_to_cells(cells: Array, add: float, to: ZeroCells) -> Array:
    """Counts with ``add`` in every cell of the studies that ``to`` names.

    Parameters
    ----------
    cells : array (m, k)
        Counts of k studies.
    add : float
        Amount, 0.5 as a rule.
    to : {"only0", "all", "if0all", "none"}
        Studies with a zero cell; all; all, when any of them has a zero cell; none.

    Examples
    --------
    >>> import numpy as np
    >>> add_to_cells(np.array([[0.0, 4.0], [5.0, 6.0]]), 0.5, "only0").tolist()
    [[0.5, 4.0], [5.5, 6.0]]
    """
    empty = (cells == 0).any(axis=0)
    everywhere = np.ones_like(empty)
    chosen = {"only0": empty, "all": everywhere, "if0all": everywhere & empty.any()}.get(to, ~everywhere)
    return np.asarray(cells + add * chosen)


def drop_uninformative(cells: Array) -> Array:
    """Counts with NaN for studies in which nobody, or everybody, had the event.

    Examples
    --------
    >>> import numpy as np
    >>> drop_uninformative(np.array([[0.0, 1.0], [9.0, 8.0], [0.0, 0.0], [7.0, 7.0]])).tolist()[0]
    [nan, 1.0]
    """
    a, b, c, d = cells
    return np.where((a + c == 0) | (b + d == 0), np.nan, cells)
