"""Which coefficients belong to the curve of which agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.dose.bases import Basis
from synovia.synthesis.dose.emax import Emax
from synovia.synthesis.dose.nodes import Nodes

__all__ = ["Layout", "Slopes", "make_layout"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Slopes = Literal["agent", "common"]
CHOICES = ("agent", "common")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The curves of agents and the place of their coefficients among those of the network.

    Attributes
    ----------
    bases : tuple of Basis
        The curve of each agent, its knots placed.
    places : ndarray of int of shape (agents, size)
        Where the coefficients of each agent stand; agents that share one point to the same place.
    names : tuple of str
        Of the p coefficients.
    owners : tuple of str
        The agent of each coefficient, "all" for a shared one.
    """

    bases: tuple[Basis, ...]
    places: Integers
    names: tuple[str, ...]
    owners: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of coefficients of the network."""
        return len(self.names)

    def heights(self, agent: Integers, dose: Floats, beta: Floats) -> Floats:
        """(m,) curve of each dose less that of dose 0; 0 for the reference, whose agent is -1."""
        out = np.zeros(dose.size)
        for place, basis in enumerate(self.bases):
            own = np.flatnonzero((agent == place) & (dose > 0))
            if own.size:
                value = basis.value(np.r_[0.0, dose[own]], beta[self.places[place]])
                out[own] = value[1:] - value[0]
        return out

    def slopes(self, agent: Integers, dose: Floats, beta: Floats) -> Floats:
        """(m, p) slopes of these heights in the coefficients."""
        out = np.zeros((dose.size, self.size))
        for place, basis in enumerate(self.bases):
            own = np.flatnonzero((agent == place) & (dose > 0))
            if own.size:
                slope = basis.slopes(np.r_[0.0, dose[own]], beta[self.places[place]])
                out[np.ix_(own, self.places[place])] = slope[1:] - slope[0]
        return out

    def guess(self, nodes: Nodes) -> Floats:
        """(p,) coefficients that no curve finds special: every slope and plateau 1, ED50 in the middle."""
        beta = np.ones(self.size)
        for place, basis in enumerate(self.bases):
            if isinstance(basis, Emax):
                beta[self.places[place, 1]] = float(np.log(np.median(nodes.list_levels(place))))
        return beta


def make_layout(nodes: Nodes, basis: Basis, slopes: str, ed50: str) -> Layout:
    """Place the curves of all agents.

    Parameters
    ----------
    nodes : Nodes
        Comparisons of doses of agents.
    basis : Basis
        Shape of the curves.
    slopes : {"agent", "common"}
        Whether each agent has coefficients of its own.
    ed50 : {"agent", "common"}
        Of Emax curves with plateaus of their own, whether agents share the dose of half of it.

    Raises
    ------
    SynthesisError
        When a setting does not exist or an agent has too few doses for its curve; it is named.
    """
    for name, value in (("slopes", slopes), ("ed50", ed50)):
        if value not in CHOICES:
            raise SynthesisError(f"Found {name} {value!r}; wanted 'agent' or 'common'.")
    if ed50 == "common" and not isinstance(basis, Emax):
        raise SynthesisError("Only Emax curves have an ED50 to share; wanted basis='emax', or ed50='agent'.")
    agents, count = nodes.agents, len(nodes.agents)
    if slopes == "common":
        _require_levels("All agents together have", np.unique(nodes.dose[nodes.agent >= 0]), basis.size)
        settled = basis.resolve(nodes.list_doses(range(count)))
        names = settled.names("dose")
        places = np.tile(np.arange(settled.size), (count, 1))
        return Layout((settled,) * count, places, names, ("all",) * settled.size)
    shared = ed50 == "common"
    bases = tuple(_place_basis(nodes, place, basis, basis.size - shared) for place in range(count))
    if shared:
        places = np.column_stack([np.arange(count), np.full(count, count)])
        own = tuple(f"{agent}: {basis.names('dose')[0]}" for agent in agents)
        return Layout(bases, places, (*own, basis.names("dose")[1]), (*agents, "all"))
    places = np.arange(count * basis.size).reshape(count, basis.size)
    pairs = [(agent, name) for agent, one in zip(agents, bases, strict=True) for name in one.names("dose")]
    return Layout(
        bases, places, tuple(f"{agent}: {name}" for agent, name in pairs), tuple(agent for agent, _ in pairs)
    )


def _place_basis(nodes: Nodes, place: int, basis: Basis, wanted: int) -> Basis:
    name = nodes.agents[place]
    _require_levels(f"{name} has", nodes.list_levels(place), wanted)
    try:
        return basis.resolve(nodes.list_doses([place]))
    except SynthesisError as refused:
        raise SynthesisError(f"The curve of {name}: {refused}") from refused


def _require_levels(who: str, levels: Sequence[float] | Floats, wanted: int) -> None:
    if len(levels) >= wanted:
        return
    listed = ", ".join(f"{level:g}" for level in levels)
    raise SynthesisError(
        f"{who} {len(levels)} dose{'s' if len(levels) > 1 else ''} above 0 ({listed}) for a curve of "
        f"{wanted} coefficients; wanted at least {wanted}. Use basis='linear', or slopes='common' "
        "when all agents can share one curve."
    )
