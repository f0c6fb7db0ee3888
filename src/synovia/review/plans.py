"""The synthesis plan spelled out: every comparison, outcome and window, and every variant of one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from synovia.review.protocol import Comparison, Model, Outcome, Protocol, Variant, Window

__all__ = ["PRIMARY", "Plan", "plans"]

PRIMARY = "primary"


@dataclass(frozen=True, slots=True)
class Plan:
    """One synthesis to carry out: what is compared, when, and how."""

    synthesis_id: str
    variant: str
    label: str
    comparison: Comparison
    outcome: Outcome
    window: Window
    model: Model
    shared: Literal["covariance", "split", "ignored"]
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    smallest_arm: int = 0


def plans(protocol: Protocol) -> Iterator[Plan]:
    """Every synthesis the protocol declares, the primary ones first, then the variants."""
    for comparison in protocol.comparison:
        for outcome_id in comparison.outcomes:
            for window_id in comparison.windows:
                yield _primary(protocol, comparison, outcome_id, window_id)
    for variant in protocol.variant:
        comparison = protocol.comparison_named(variant.comparison)
        yield _changed(_primary(protocol, comparison, variant.outcome, variant.window), variant)


def _primary(protocol: Protocol, comparison: Comparison, outcome_id: str, window_id: str) -> Plan:
    model = protocol.model
    if comparison.measure is not None:
        model = model.model_copy(update={"measure": comparison.measure})
    return Plan(
        synthesis_id=f"{comparison.id}-{outcome_id}-{window_id}",
        variant=PRIMARY,
        label="as planned",
        comparison=comparison,
        outcome=protocol.outcome_named(outcome_id),
        window=protocol.window_named(window_id),
        model=model,
        shared=model.shared,
    )


def _changed(plan: Plan, variant: Variant) -> Plan:
    changes = {
        name: getattr(variant, name)
        for name in ("measure", "random", "tau2", "inference")
        if getattr(variant, name) is not None
    }
    limits = {name: getattr(variant, name) for name in ("low", "high") if getattr(variant, name) is not None}
    return replace(
        plan,
        variant=variant.id,
        label=variant.label,
        window=plan.window.model_copy(update=limits),
        model=plan.model.model_copy(update=changes),
        shared=variant.shared or plan.shared,
        only=variant.only,
        exclude=variant.exclude,
        smallest_arm=variant.smallest_arm,
    )
