"""Correlations of sampling errors as declared: of what was measured, when, and between which groups."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from synovia.effects.effect import Array
from synovia.errors import Fault, InputError

__all__ = ["Contrast", "Declared", "Likeness", "Overlap", "Times", "read_column", "require_column"]

Rows: TypeAlias = npt.NDArray[np.intp]
Declared: TypeAlias = float | pd.DataFrame


@dataclass(frozen=True, slots=True)
class Times:
    """When the effects were measured, and how measurements of the same people fade apart.

    Attributes
    ----------
    column : str
        Time of the effect; of its first side where two sides were measured at different times.
    phi : float
        Correlation of two measurements one unit of time apart, from 0 to 1; d units apart it is phi to the d.
    second : str
        Time of the second side of a contrast; empty when it is that of the first.
    """

    column: str
    phi: float
    second: str = ""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Which two groups an effect compares, so that a shared group is known.

    Attributes
    ----------
    first, second : str
        Columns with the names of the groups within the cluster, the second being the comparator.
    weights : tuple of str
        Columns with the sizes of the two groups; empty takes them as equal, so that one shared group means a
        correlation of 1/2.
    """

    first: str
    second: str
    weights: tuple[str, str] | tuple[()] = ()


class Likeness:
    """Correlation of what was measured: the same quantity and scale 1, else as declared."""

    def __init__(self, data: pd.DataFrame, outcome: str, observation: str, rho: Any) -> None:
        self.names = [name for name in (outcome, observation) if name]
        for name in self.names:
            require_column(data, name, "what was measured")
        if self.names and rho is None:
            found = f"{' and '.join(self.names)} without rho"
            raise InputError([Fault(found, "the correlation of what they tell apart")])
        if len(self.names) == 2 and not isinstance(rho, tuple):
            wanted = "a pair: within an outcome, between outcomes"
            raise InputError([Fault("one rho for outcome and observation", wanted)])
        self.values = {name: data[name].astype(str).to_numpy() for name in self.names}
        self.declared = rho if isinstance(rho, tuple) else (rho,) * 2
        self.outcome, self.observation = outcome, observation

    def within(self, rows: Rows) -> Array:
        """(m, m) correlation of some rows by what they measure."""
        if not self.names:
            return np.ones((rows.size, rows.size))
        if len(self.names) == 1:
            return self._declare(self.names[0], rows, self.declared[0])
        inside = self._declare(self.observation, rows, self.declared[0])
        across = self._declare(self.outcome, rows, self.declared[1])
        outcomes = self.values[self.outcome][rows]
        return np.where(outcomes[:, None] == outcomes, inside, across)

    def _declare(self, name: str, rows: Rows, rho: Any) -> Array:
        values = self.values[name][rows]
        if isinstance(rho, pd.DataFrame):
            return self._look_up(name, values, rho.rename(index=str, columns=str))
        if not -1 <= rho <= 1:
            raise InputError([Fault(f"rho {rho:g}", "a correlation from -1 to 1")])
        return np.where(values[:, None] == values, 1.0, float(rho))

    @staticmethod
    def _look_up(name: str, values: npt.NDArray[Any], table: pd.DataFrame) -> Array:
        rows, columns = table.index.get_indexer(pd.Index(values)), table.columns.get_indexer(pd.Index(values))
        if (missing := (rows < 0) | (columns < 0)).any():
            found = f"no correlation declared for {name} {values[missing][0]}"
            raise InputError([Fault(found, "a row and a column of rho with its name")])
        return np.asarray(table.to_numpy(float)[np.ix_(rows, columns)])


class Overlap:
    """Correlation through shared groups and times: that of two differences of group means."""

    def __init__(self, data: pd.DataFrame, times: Times | None, contrast: Contrast | None) -> None:
        self.phi = 1.0 if times is None else times.phi
        if not 0 <= self.phi <= 1:
            raise InputError([Fault(f"phi {self.phi:g}", "an autocorrelation from 0 to 1")])
        zeros = np.zeros(len(data))
        first = zeros if times is None else read_column(data, times.column, "times")
        second = first if times is None or not times.second else read_column(data, times.second, "times")
        self.times = np.column_stack([first, second])
        self.groups = None if contrast is None else self._name(data, contrast)
        self.weights = np.ones((len(data), 2))
        if contrast is not None and contrast.weights:
            self.weights = np.column_stack([read_column(data, name, "sizes") for name in contrast.weights])

    @staticmethod
    def _name(data: pd.DataFrame, contrast: Contrast) -> npt.NDArray[Any]:
        for name in (contrast.first, contrast.second):
            require_column(data, name, "a group")
        return data[[contrast.first, contrast.second]].astype(str).to_numpy()

    def within(self, rows: Rows) -> Array:
        """(m, m) correlation of some rows by shared groups and times."""
        times = self.times[rows]
        if self.groups is None:
            return np.asarray(self._fade(times[:, 0], times[:, 0]))
        groups, sizes = self.groups[rows], self.weights[rows]
        covariance = np.zeros((rows.size, rows.size))
        for a, b, sign in ((0, 0, 1), (1, 1, 1), (0, 1, -1), (1, 0, -1)):
            shared = groups[:, a][:, None] == groups[:, b]
            root = np.sqrt(np.outer(sizes[:, a], sizes[:, b]))
            covariance += sign * shared * self._fade(times[:, a], times[:, b]) / root
        spread = np.sqrt(np.diag(covariance))
        return np.asarray(covariance / np.outer(spread, spread))

    def _fade(self, one: Array, other: Array) -> Array:
        return np.asarray(self.phi ** np.abs(one[:, None] - other))


def require_column(data: pd.DataFrame, column: str, what: str) -> None:
    """Refuse a table without a column.

    Raises
    ------
    InputError
        Naming what the column is wanted for.
    """
    if column not in data.columns:
        known = ", ".join(map(str, data.columns))
        raise InputError([Fault(f"{column!r} for {what}", f"a column of the table: {known}")])


def read_column(data: pd.DataFrame, column: str, what: str) -> Array:
    """(N,) numbers of a column.

    Raises
    ------
    InputError
        When the table does not have it.
    """
    require_column(data, column, what)
    return np.asarray(pd.to_numeric(data[column]), float)
