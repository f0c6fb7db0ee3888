"""The synthesis plan spelled out: every comparison, outcome and window, and every variant of one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from synovia.review.protocol import Comparison, Model, Outcome, Protocol, Variant, Window

__all__ = ["PRIMARY", "Plan", "change_model", "plans"]

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


def change_model(model: Model, variant: Variant) -> Model:
    """The model of a variant: that of the protocol with what the variant says otherwise.

    An ``inference`` of its own holds for every synthesis, unless the variant says ``dependent`` too.

    Parameters
    ----------
    model : Model
        Of the protocol.
    variant : Variant
        A sensitivity analysis or a step of a bridge.
    """
    changes = {
        name: getattr(variant, name)
        for name in ("measure", "random", "tau2", "inference", "dependent")
        if getattr(variant, name) is not None
    }
    if variant.inference is not None:
        changes.setdefault("dependent", "")
    return model.model_copy(update=changes)


def _changed(plan: Plan, variant: Variant) -> Plan:
    limits = {name: getattr(variant, name) for name in ("low", "high") if getattr(variant, name) is not None}
    return replace(
        plan,
        variant=variant.id,
        label=variant.label,
        window=plan.window.model_copy(update=limits),
        model=change_model(plan.model, variant),
        shared=variant.shared or plan.shared,
        only=variant.only,
        exclude=variant.exclude,
        smallest_arm=variant.smallest_arm,
    )
