"""Trials of doses of several agents: which agent and dose each arm was given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.network.arms import read_arms
from synovia.synthesis.network.contrasts import Contrasts, alphabetical, find_study_column, read_contrasts
from synovia.synthesis.rows import find_missing, read_numbers, require_columns

__all__ = ["Nodes", "read_dose_network"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Node = tuple[str, float]

_COMPARED = ("estimate", "std_error", "variance", "baseline_variance")


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Comparisons of trials whose treatments are doses of agents.

    Attributes
    ----------
    contrasts : Contrasts
        Comparisons; a treatment is an agent and its dose, such as ``"ha 20"``.
    reference : str
        What dose 0 is called.
    agents : tuple of str
        In alphabetical order, without the reference.
    agent : ndarray of int of shape (T,)
        Agent of each treatment by its place in ``agents``; -1 for the reference.
    dose : ndarray of shape (T,)
        Dose of each treatment, 0 for the reference.
    units : mapping of str to str
        Unit of the doses of each agent; empty when the table does not say.
    """

    contrasts: Contrasts
    reference: str
    agents: tuple[str, ...]
    agent: Integers
    dose: Floats
    units: Mapping[str, str]

    def require_one_unit(self) -> None:
        """Refuse agents with doses in different units, which cannot share a curve."""
        first = next(iter(self.units), "")
        for name, unit in self.units.items():
            if unit != self.units[first]:
                raise SynthesisError(
                    f"The doses of {first} are in {self.units[first]}, those of {name} in {unit}, and curves "
                    "that agents share need one unit; convert them, or fit slopes='agent' and ed50='agent'."
                )

    def list_levels(self, agent: int) -> Floats:
        """Doses above 0 of an agent, rising, each once."""
        return np.unique(self.dose[self.agent == agent])

    def list_doses(self, agents: Sequence[int]) -> Floats:
        """Dose of every arm of some agents and, where their trials have one, of the reference arm."""
        contrasts = self.contrasts
        starts = np.searchsorted(contrasts.study, np.arange(len(contrasts.studies) + 1)).tolist()
        found: list[float] = []
        for low, high in pairwise(starts):
            arms = np.r_[contrasts.baseline[low], contrasts.arm[low:high]]
            own = np.isin(self.agent[arms], agents)
            if own.any():
                found += self.dose[arms[own | (self.agent[arms] < 0)]].tolist()
        return np.array(found)


def read_dose_network(
    data: pd.DataFrame,
    names: tuple[str, str, str, str],
    *,
    measure: str | None,
    columns: Mapping[str, str],
    reference: str | None,
) -> Nodes:
    """Read trials that compare doses of agents.

    Parameters
    ----------
    data : DataFrame
        One row per arm (with a measure) or per comparison.
    names : tuple of str
        Columns of the trial, the agent, the dose and its unit; of a comparison the last three end in ``_1``
        and ``_2``.
    measure : str or None
        Effect measure of arms.
    columns : mapping of str to str
        What the table calls the columns of ``read_arms`` or ``read_contrasts``.
    reference : str or None
        The agent without a dose.

    Raises
    ------
    SynthesisError
        When a dose, an arm or a trial cannot be used; it is named.
    """
    if not isinstance(data, pd.DataFrame):
        raise SynthesisError(f"Found {type(data).__name__}; wanted a DataFrame of arms or comparisons.")
    if data.empty:
        raise SynthesisError("Found a table without rows; wanted one row per arm, or per comparison.")
    if measure is None and names[1] in data.columns and f"{names[1]}_1" not in data.columns:
        raise SynthesisError(
            f"Found arms (a column {names[1]!r}) without a measure; wanted measure='MD' or another that says "
            f"how they are compared, or comparisons with {names[1]}_1 and {names[1]}_2."
        )
    study, agent, dose, unit = (find_study_column(data, names[0]), *names[1:])
    sides = ("",) if measure is not None else ("_1", "_2")
    require_columns(data, [study, *(name + side for side in sides for name in (agent, dose))])
    places: dict[str, Node] = {}
    told: set[str] = set()
    labels, units = {}, _Units()
    for side in sides:
        read = _read_nodes(data, agent + side, dose + side, reference)
        if unit + side in data.columns:
            units.read(read, data[unit + side])
        told.update(data[agent + side].dropna().astype(str).str.strip())
        labels[f"treatment{side}"] = [_name_node(node, reference) for node in read]
        places.update(zip(labels[f"treatment{side}"], read, strict=True))
    if reference is not None and reference not in told:
        raise SynthesisError(
            f"There is no agent {reference!r} to refer to; the table has {', '.join(sorted(told))}."
        )
    table = data.assign(**labels)
    if measure is not None:
        named = {**columns, "study": study, "treatment": "treatment"}
        contrasts = read_arms(table, measure=measure, columns=named)
    else:
        _require_known(columns)
        contrasts = read_contrasts(table, study=study, **dict(columns))
    return _gather(contrasts, places, reference, units.found)


def _read_nodes(data: pd.DataFrame, agent: str, dose: str, reference: str | None) -> list[Node]:
    rows = [f"Row {number}" for number in range(1, len(data) + 1)]
    doses, empty = read_numbers(data, dose, rows).tolist(), find_missing(data[agent])
    names = ["" if gone else str(name).strip() for name, gone in zip(data[agent], empty, strict=True)]
    return [
        _read_node((row, agent, dose), name, value, reference)
        for row, name, value in zip(rows, names, doses, strict=True)
    ]


def _read_node(where: tuple[str, str, str], name: str, dose: float, reference: str | None) -> Node:
    row, agent_column, dose_column = where
    told = f"{row} ({name})" if name else row
    if name and name == reference:
        if dose > 0 or dose < 0:
            raise SynthesisError(f"{told} is the reference with {dose_column} {dose:g}; wanted 0 or nothing.")
        return "", 0.0
    if np.isnan(dose):
        raise SynthesisError(f"{told} has no {dose_column}; fill it in, 0 for a control without the agent.")
    if not 0 <= dose < np.inf:
        raise SynthesisError(f"{told} has {dose_column} {dose:g}; wanted a number of 0 or more.")
    if dose > 0 and not name:
        raise SynthesisError(f"{told} has {dose_column} {dose:g} and no {agent_column}; fill it in.")
    return (name, dose) if dose > 0 else ("", 0.0)


def _name_node(node: Node, reference: str | None) -> str:
    return f"{node[0]} {node[1]:.15g}" if node[0] else f"{reference or 'dose'} 0"


def _require_known(columns: Mapping[str, str]) -> None:
    strange = [name for name in columns if name not in _COMPARED]
    if strange:
        raise SynthesisError(f"Found columns[{strange[0]!r}]; wanted names for {', '.join(_COMPARED)}.")


class _Units:
    """The unit of the doses of each agent, one for each, and the row that said so."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._rows: dict[str, int] = {}

    def read(self, nodes: Sequence[Node], column: pd.Series) -> None:
        """Take the units of a column; a dose without one, or with another one, is refused by row."""
        empty = find_missing(column).tolist()
        said = [str(value).strip() for value in column]
        for row, ((agent, _), unit) in enumerate(zip(nodes, said, strict=True), start=1):
            if agent and empty[row - 1]:
                raise SynthesisError(
                    f"The dose in row {row} ({agent}) has no unit; fill in {column.name}. A dose of unknown "
                    "unit cannot be placed on a curve."
                )
            if agent and self.found.setdefault(agent, unit) != unit:
                raise SynthesisError(
                    f"The dose in row {row} ({agent}) is in {unit}, that in row {self._rows[agent]} in "
                    f"{self.found[agent]}; wanted one unit for an agent. Convert with convert_doses, which "
                    "uses each study's own ratio, or name them as two agents."
                )
            self._rows.setdefault(agent, row)


def _gather(
    contrasts: Contrasts, places: Mapping[str, Node], reference: str | None, units: Mapping[str, str]
) -> Nodes:
    own = [places[name] for name in contrasts.treatments]
    agents = tuple(sorted({name for name, _ in own if name}, key=alphabetical))
    agent = np.array([agents.index(name) if name else -1 for name, _ in own], dtype=np.intp)
    doses = np.array([dose for _, dose in own])
    kept = {name: units[name] for name in agents if name in units}
    return Nodes(contrasts, reference or "dose 0", agents, agent, doses, kept)
