"""Networks as the protocol declares them: nodes, one outcome, one window, and what is varied."""

from typing import Literal

from pydantic import Field

from synovia.review.section import Identifier, Measure, Section, Tau2

__all__ = ["Network", "NetworkVariant", "Node"]


class Node(Section):
    """One node of a network: a treatment, several taken together, or some products of one."""

    id: Identifier
    label: str = Field(min_length=1, description="how the report writes it inside a sentence")
    treatments: tuple[Identifier, ...] = Field(min_length=1, description="treatment ids that belong to it")
    products: tuple[str, ...] = Field(
        default=(), description="products as arms.csv names them, if only these; empty: all"
    )


class NetworkVariant(Section):
    """A sensitivity analysis of a network: the same model on fewer trials."""

    id: Identifier
    label: str = Field(min_length=1, description="what is done differently, in words")
    smallest_arm: int = Field(default=0, ge=0, description="people every group compared must have")
    smaller_than: int = Field(
        default=0, ge=0, description="only trials with a group of fewer people than this; 0: all"
    )
    sd_factor: float = Field(
        default=0.0,
        ge=0.0,
        description="leaves out trials with an SD that many times above or below the median SD of all "
        "groups, or with a caution about an SD; 0: none",
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="study ids to leave out; a trailing * leaves out all that begin so"
    )


class Network(Section):
    """All treatments at once: which, for what outcome, when."""

    id: Identifier
    label: str = Field(min_length=1, description="heading in the report")
    outcome: Identifier
    window: Identifier
    treatments: tuple[Identifier, ...] = Field(
        default=(), description="treatment ids that are a node each, in the order of the report"
    )
    node: tuple[Node, ...] = Field(default=(), description="nodes that are more or less than one treatment")
    reference: Identifier = Field(description="the node that effects are shown against")
    measure: Measure | None = Field(default=None, description="effect measure, when not the model's")
    random: Literal["study", "none"] = Field(
        default="study", description="whether true effects vary between trials, or not (common effect)"
    )
    tau2: Tau2 | None = Field(default=None, description="estimator of tau2, when not the model's")
    inference: Literal["z", "t", "knapp-hartung"] = Field(
        default="z", description="how the confidence interval is made"
    )
    variant: tuple[NetworkVariant, ...] = Field(default=(), description="sensitivity analyses")

    @property
    def nodes(self) -> tuple[str, ...]:
        """Ids of all nodes: the reference, those spelled out, then the single treatments."""
        every = (*(node.id for node in self.node), *self.treatments)
        return (self.reference, *(name for name in every if name != self.reference))
