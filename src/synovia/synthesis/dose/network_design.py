"""Trials of doses of several agents as one design: every arm is a place on the curve of its agent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synovia.errors import CollinearModerators, SynthesisError
from synovia.kernel import Problem, find_dependent_columns
from synovia.synthesis.dose.bases import Basis
from synovia.synthesis.dose.emax import Emax
from synovia.synthesis.dose.nodes import Nodes
from synovia.synthesis.network.design import find_subnetworks, make_heterogeneity

__all__ = ["DoseNetworkDesign", "Slopes", "find_heights", "make_dose_network_design"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Slopes = Literal["agent", "common"]


@dataclass(frozen=True, slots=True, eq=False)
class DoseNetworkDesign:
    r"""A dose-response network as a problem of the kernel.

    Attributes
    ----------
    nodes : Nodes
        Comparisons, agents and doses.
    bases : tuple of Basis
        The curve of each agent, its knots placed; the same for all when coefficients are common.
    slopes : {"agent", "common"}
        Whether each agent has coefficients of its own.
    coefficients : tuple of str
        Names of the columns.
    problem : Problem
        Comparisons of the trials, their mean and their random effects.

    Notes
    -----
    With the incidence B of comparisons and treatments and F the heights of the basis above dose 0,
    :math:`X = BF`.
    """

    nodes: Nodes
    bases: tuple[Basis, ...]
    slopes: Slopes
    coefficients: tuple[str, ...]
    problem: Problem

    def find_agent(self, name: str) -> int:
        """The place of an agent, -1 for the reference.

        Raises
        ------
        SynthesisError
            When the network has no such agent; those it has are listed.
        """
        if name == self.nodes.reference:
            return -1
        if name not in self.nodes.agents:
            raise SynthesisError(
                f"There is no agent {name!r}; the network has {', '.join(self.nodes.agents)}."
            )
        return self.nodes.agents.index(name)

    def find_rows(self, agent: str, doses: ArrayLike) -> Floats:
        """(m, p) what turns the coefficients into the effects of doses of an agent against dose 0."""
        place = self.find_agent(agent)
        at = np.atleast_1d(np.asarray(doses, dtype=np.float64))
        if not (np.isfinite(at) & (at >= 0)).all():
            raise SynthesisError(f"Found dose {at[~(np.isfinite(at) & (at >= 0))][0]:g}; wanted 0 or more.")
        if place < 0 and at.any():
            raise SynthesisError(f"{agent} is the reference and has no dose but 0; found {at.max():g}.")
        return find_heights(self.bases, self.slopes, np.full(at.size, place), at)


def make_dose_network_design(
    nodes: Nodes, basis: Basis, slopes: Slopes, *, random: bool = True
) -> DoseNetworkDesign:
    """The design of trials whose agents are linked to the reference.

    Parameters
    ----------
    nodes : Nodes
        Comparisons of doses of agents.
    basis : Basis
        Shape of the curves, linear in its coefficients.
    slopes : {"agent", "common"}
        Whether each agent has coefficients of its own.
    random : bool
        Whether trials differ beyond chance.

    Raises
    ------
    SynthesisError
        When no trial links an agent to the reference, an agent has too few doses for the curve, or the basis
        is not linear in its coefficients.
    CollinearModerators
        When coefficients cannot be told apart; they are named.
    """
    if slopes not in ("agent", "common"):
        raise SynthesisError(f"Found slopes {slopes!r}; wanted 'agent' or 'common'.")
    if isinstance(basis, Emax):
        raise SynthesisError(
            "An Emax curve is not linear in its coefficients, and a network of doses needs that; wanted "
            "'linear', 'quadratic(dose)', 'rcs(dose, 3)' or 'log(dose + 1)'."
        )
    _require_linked(nodes)
    bases = _place_bases(nodes, basis, slopes)
    heights = find_heights(bases, slopes, nodes.agent, nodes.dose)
    X = nodes.contrasts.incidence @ heights
    coefficients = _name_coefficients(nodes, bases, slopes)
    _require_told_apart(X, coefficients)
    contrasts = replace(nodes.contrasts, warnings=(*nodes.contrasts.warnings, *_remark_links(nodes)))
    terms = (make_heterogeneity(contrasts),) if random else ()
    problem = Problem(contrasts.y, X, contrasts.V, terms)
    return DoseNetworkDesign(replace(nodes, contrasts=contrasts), bases, slopes, coefficients, problem)


def find_heights(bases: Sequence[Basis], slopes: Slopes, agent: Integers, dose: Floats) -> Floats:
    """(m, p) basis of each dose less that of dose 0, in the columns of its agent; 0 for the reference."""
    size = bases[0].size
    out = np.zeros((dose.size, size if slopes == "common" else size * len(bases)))
    for place, basis in enumerate(bases):
        own = np.flatnonzero((agent == place) & (dose > 0))
        low = 0 if slopes == "common" else place * size
        if own.size:
            x = basis.slopes(np.r_[0.0, dose[own]], np.zeros(size))
            out[own, low : low + size] = x[1:] - x[0]
    return out


def _require_linked(nodes: Nodes) -> None:
    """Doses of one agent are linked by its curve; different agents by trials alone."""
    if (nodes.agent >= 0).all():
        raise SynthesisError(
            "No arm of a trial in use has dose 0, so that nothing links the agents to the reference; curves "
            "start at dose 0, and their height there has to be seen."
        )
    size, contrasts = len(nodes.agents) + 1, nodes.contrasts
    ends = nodes.agent[contrasts.arm] + 1, nodes.agent[contrasts.baseline] + 1
    _, part = connected_components(
        coo_array((np.ones(contrasts.n), ends), shape=(size, size)), directed=False
    )
    loose = [name for name, own in zip(nodes.agents, part[1:].tolist(), strict=True) if own != part[0]]
    if loose:
        raise SynthesisError(
            f"No trial links {', '.join(loose)} to the reference ({nodes.reference}), directly or through "
            f"other agents; add a trial such as one of {loose[0]} with {nodes.reference}, or leave them out."
        )


def _remark_links(nodes: Nodes) -> tuple[str, ...]:
    parts = find_subnetworks(nodes.contrasts)
    start = nodes.contrasts.treatments[int(np.argmin(nodes.agent))]
    loose = [name for part in parts if start not in part for name in part]
    if not loose:
        return ()
    return (f"The curves alone, no trials, link {', '.join(loose)} to the reference.",)


def _place_bases(nodes: Nodes, basis: Basis, slopes: Slopes) -> tuple[Basis, ...]:
    every = range(len(nodes.agents))
    if slopes == "common":
        _require_levels("All agents together have", np.unique(nodes.dose[nodes.agent >= 0]), basis)
        return (basis.resolve(nodes.list_doses(every)),) * len(nodes.agents)
    return tuple(_place_basis(nodes, place, basis) for place in every)


def _place_basis(nodes: Nodes, place: int, basis: Basis) -> Basis:
    name = nodes.agents[place]
    _require_levels(f"{name} has", nodes.list_levels(place), basis)
    try:
        return basis.resolve(nodes.list_doses([place]))
    except SynthesisError as refused:
        raise SynthesisError(f"The curve of {name}: {refused}") from refused


def _require_levels(who: str, levels: Floats, basis: Basis) -> None:
    if levels.size >= basis.size:
        return
    listed = ", ".join(f"{level:g}" for level in levels)
    raise SynthesisError(
        f"{who} {levels.size} dose{'s' if levels.size > 1 else ''} above 0 ({listed}) for a curve of "
        f"{basis.size} coefficients; wanted at least {basis.size}. Use basis='linear', or slopes='common' "
        "when all agents can share one curve."
    )


def _name_coefficients(nodes: Nodes, bases: Sequence[Basis], slopes: Slopes) -> tuple[str, ...]:
    if slopes == "common":
        return bases[0].names("dose")
    pairs = zip(nodes.agents, bases, strict=True)
    return tuple(f"{agent}: {name}" for agent, basis in pairs for name in basis.names("dose"))


def _require_told_apart(X: Floats, names: tuple[str, ...]) -> None:
    dependent = find_dependent_columns(X)
    if dependent:
        said = ", ".join(names[column] for column in dependent)
        raise CollinearModerators(
            f"The coefficients {said} cannot be told apart from the others by {X.shape[0]} comparisons; use "
            "a curve with fewer coefficients, or slopes='common'."
        )
