"""The networks of the protocol spelled out: every one as planned, and every variant of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from synovia.review.network_protocol import Network, NetworkVariant
from synovia.review.plans import PRIMARY
from synovia.review.protocol import Model, Outcome, Prior, Protocol, Window

__all__ = ["NetworkPlan", "network_plans"]

AS_PLANNED = NetworkVariant(id="as-planned", label="as planned")


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """One network to carry out.

    Attributes
    ----------
    network : Network
        What the protocol says of it.
    variant : str
        ``primary``, or the id of a sensitivity analysis.
    changes : NetworkVariant
        Which trials the variant leaves out; nothing for the primary analysis.
    outcome, window, model : Outcome, Window, Model
        What is measured, when, and how effects are computed, the network's own choices put in.
    labels : dict of str to str
        How the report names each node, in the order of the protocol.
    """

    network: Network
    variant: str
    changes: NetworkVariant
    outcome: Outcome
    window: Window
    model: Model
    labels: dict[str, str]

    @property
    def network_id(self) -> str:
        """Id of the network."""
        return self.network.id

    @property
    def place(self) -> dict[str, int]:
        """Place of every node, the reference first."""
        return {name: i for i, name in enumerate(self.network.nodes)}

    @property
    def prior(self) -> Prior | None:
        """Prior on tau, for the Bayesian reading."""
        return self.model.prior

    @property
    def better(self) -> Literal["lower", "higher"]:
        """Which effects are good: on 0-100 lower, of responders more."""
        return "higher" if self.outcome.id == "responder" else "lower"

    @property
    def mid(self) -> float:
        """The difference that matters to patients, on the scale of the effect; 0 when none is known on it."""
        return 0.0 if self.outcome.mid is None or self.model.measure != "MD" else self.outcome.mid.value

    @property
    def base(self) -> dict[str, object]:
        """What every row of a derived table begins with."""
        return {"network_id": self.network.id, "variant": self.variant}


def network_plans(protocol: Protocol) -> Iterator[tuple[NetworkPlan, ...]]:
    """Every network of the protocol: the primary analysis, then its variants.

    Parameters
    ----------
    protocol : Protocol
        Checked.
    """
    for network in protocol.network:
        primary = _plan(protocol, network, PRIMARY, AS_PLANNED)
        yield (primary, *(_plan(protocol, network, variant.id, variant) for variant in network.variant))


def _plan(protocol: Protocol, network: Network, name: str, changes: NetworkVariant) -> NetworkPlan:
    own = {
        key: value
        for key, value in (("measure", network.measure), ("tau2", network.tau2))
        if value is not None
    }
    known = protocol.labels() | {node.id: node.label for node in network.node}
    return NetworkPlan(
        network=network,
        variant=name,
        changes=changes,
        outcome=protocol.outcome_named(network.outcome),
        window=protocol.window_named(network.window),
        model=protocol.model.model_copy(update=own),
        labels={node: known[node] for node in network.nodes},
    )
