"""Trials of doses of several agents as one design: every arm is a place on the curve of its agent."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synovia.errors import CollinearModerators, SynthesisError
from synovia.kernel import Problem, find_dependent_columns
from synovia.synthesis.dose.bases import Basis
from synovia.synthesis.dose.layout import Layout, make_layout
from synovia.synthesis.dose.nodes import Nodes
from synovia.synthesis.dose.targets import read_asked
from synovia.synthesis.network.design import find_subnetworks, make_heterogeneity

__all__ = ["DoseNetworkDesign", "make_dose_network_design"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DoseNetworkDesign:
    r"""A dose-response network as a problem of the kernel.

    Attributes
    ----------
    nodes : Nodes
        Comparisons, agents and doses.
    layout : Layout
        The curve of each agent and the place of its coefficients.
    problem : Problem
        Comparisons of the trials, their mean and their random effects; of Emax curves linearised.

    Notes
    -----
    With the incidence B of comparisons and treatments and F the slopes of the heights above dose 0,
    :math:`X = BF`.
    """

    nodes: Nodes
    layout: Layout
    problem: Problem

    @property
    def bases(self) -> tuple[Basis, ...]:
        """The curve of each agent."""
        return self.layout.bases

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.layout.names

    def heights(self, beta: Floats) -> Floats:
        """(n,) what the curves say on each comparison."""
        nodes = self.nodes
        return np.asarray(nodes.contrasts.incidence @ self.layout.heights(nodes.agent, nodes.dose, beta))

    def linearise(self, beta: Floats) -> "DoseNetworkDesign":
        """The problem around some coefficients; the same wherever curves are linear in them."""
        nodes = self.nodes
        X = nodes.contrasts.incidence @ self.layout.slopes(nodes.agent, nodes.dose, beta)
        y = nodes.contrasts.y - self.heights(beta) + X @ beta
        return replace(self, problem=Problem(y, X, self.problem.V, self.problem.terms))

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

    def read_curve(self, agent: str, doses: ArrayLike, beta: Floats) -> tuple[Floats, Floats]:
        """(m,) effects of doses of an agent against dose 0, and (m, p) their slopes in the coefficients."""
        place = self.find_agent(agent)
        at = read_asked(doses)
        if (at < 0).any():
            raise SynthesisError(f"Found dose {at[at < 0][0]:g}; wanted 0 or more.")
        if place < 0 and at.any():
            raise SynthesisError(f"{agent} is the reference and has no dose but 0; found {at.max():g}.")
        own = np.full(at.size, place)
        return self.layout.heights(own, at, beta), self.layout.slopes(own, at, beta)


def make_dose_network_design(
    nodes: Nodes, basis: Basis, slopes: str, ed50: str = "agent", *, random: bool = True
) -> DoseNetworkDesign:
    """The design of trials whose agents are linked to the reference.

    Parameters
    ----------
    nodes : Nodes
        Comparisons of doses of agents.
    basis : Basis
        Shape of the curves.
    slopes : {"agent", "common"}
        Whether each agent has coefficients of its own.
    ed50 : {"agent", "common"}
        Of Emax curves, whether agents share the dose of half the plateau.
    random : bool
        Whether trials differ beyond chance.

    Raises
    ------
    SynthesisError
        When no trial links an agent to the reference, or an agent has too few doses for the curve.
    CollinearModerators
        When coefficients cannot be told apart; they are named.
    """
    _require_linked(nodes)
    layout = make_layout(nodes, basis, slopes, ed50)
    contrasts = replace(nodes.contrasts, warnings=(*nodes.contrasts.warnings, *_remark_links(nodes)))
    X = contrasts.incidence @ layout.slopes(nodes.agent, nodes.dose, layout.guess(nodes))
    _require_told_apart(X, layout.names)
    terms = (make_heterogeneity(contrasts),) if random else ()
    problem = Problem(contrasts.y, X, contrasts.V, terms)
    return DoseNetworkDesign(replace(nodes, contrasts=contrasts), layout, problem)


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


def _require_told_apart(X: Floats, names: tuple[str, ...]) -> None:
    dependent = find_dependent_columns(X)
    if dependent:
        said = ", ".join(names[column] for column in dependent)
        raise CollinearModerators(
            f"The coefficients {said} cannot be told apart from the others by {X.shape[0]} comparisons; use "
            "a curve with fewer coefficients, or slopes='common'."
        )
