"""What a protocol asks for that cannot be, although each of its keys is well formed."""

from collections.abc import Callable, Iterator

from synovia.errors import Fault
from synovia.review.network_contradictions import of_network
from synovia.review.plans import change_model
from synovia.review.protocol import Comparison, Model, Protocol, Variant
from synovia.review.toml_lines import Path

__all__ = ["contradictions"]

MakeFault = Callable[..., Fault]


def contradictions(protocol: Protocol, fault: MakeFault) -> list[Fault]:
    """Every demand of a protocol that contradicts another.

    Parameters
    ----------
    protocol : Protocol
        Its names are known to exist.
    fault : callable
        Makes a fault from the path of a key, what was found, what was wanted, and advice.
    """
    found: list[Fault] = []
    for i, comparison in enumerate(protocol.comparison):
        found += _of_comparison(("comparison", i), comparison, fault)
    found += _shared_names(protocol, fault)
    found += _of_model(("model",), protocol.model, fault)
    for i, variant in enumerate(protocol.variant):
        found += _of_variant(("variant", i), variant, protocol, fault)
    for i, network in enumerate(protocol.network):
        found += of_network(("network", i), network, fault)
    return found


def _of_comparison(at: Path, comparison: Comparison, fault: MakeFault) -> Iterator[Fault]:
    both = [name for name in comparison.treatment if name in comparison.comparator]
    if both:
        wanted = "two sides without a common treatment"
        yield fault((*at, "comparator"), f"{', '.join(both)} as treatment and as comparator", wanted)
    for key in ("treatment", "comparator", "outcomes", "windows"):
        names = getattr(comparison, key)
        twice = [name for i, name in enumerate(names) if name in names[:i]]
        if twice:
            yield fault((*at, key), f"{', '.join(twice)} twice in {key}", "each name once")


def _shared_names(protocol: Protocol, fault: MakeFault) -> Iterator[Fault]:
    """Two results must not have one name: 'a' with 'b-c' and 'a-b' with 'c' both give a-b-c."""
    owner: dict[str, int] = {}
    for i, comparison in enumerate(protocol.comparison):
        for outcome in comparison.outcomes:
            for window in comparison.windows:
                name = f"{comparison.id}-{outcome}-{window}"
                first = owner.setdefault(name.casefold(), i)
                if first != i:
                    other = protocol.comparison[first].id
                    yield fault(
                        ("comparison", i, "id"),
                        f"the result {name} a second time, as in comparison {other!r}",
                        "results with different names",
                        "Change the id of the comparison, the outcome or the window.",
                    )
    for i, network in enumerate(protocol.network):
        if network.id.casefold() in owner:
            found = f"network {network.id!r}, which is also the name of a result of a comparison"
            yield fault(("network", i, "id"), found, "another id")


def _of_model(at: Path, model: Model, fault: MakeFault) -> Iterator[Fault]:
    """An estimator for one variance only, or an interval derived for another estimator."""
    if model.random == "study/effect" and model.tau2 not in ("REML", "ML"):
        yield fault(
            (*at, "tau2"),
            f"tau2 {model.tau2!r} with random 'study/effect', which has two variances",
            "REML or ML",
            f"Use one of them, or random = 'study' with {model.tau2}.",
        )
    if "kenward-roger" in (model.inference, model.dependent) and model.tau2 != "REML":
        key = "inference" if model.inference == "kenward-roger" else "dependent"
        yield fault(
            (*at, key),
            f"{key} 'kenward-roger' with tau2 {model.tau2!r}",
            "tau2 'REML', for which Kenward and Roger derived it",
        )


def _of_variant(at: Path, variant: Variant, protocol: Protocol, fault: MakeFault) -> Iterator[Fault]:
    if variant.id.casefold() == "primary":
        yield fault((*at, "id"), "variant 'primary'", "another id: the planned analysis has this one")
    comparison = protocol.comparison_named(variant.comparison)
    for key, name, known in (
        ("outcome", variant.outcome, comparison.outcomes),
        ("window", variant.window, comparison.windows),
    ):
        if name not in known:
            wanted = f"one that comparison {comparison.id!r} asks for: {', '.join(known)}"
            yield fault((*at, key), f"{key} {name!r}", wanted)
    window = protocol.window_named(variant.window)
    low = window.low if variant.low is None else variant.low
    high = window.high if variant.high is None else variant.high
    if not low <= window.target <= high:
        found = f"{low:g} to {high:g} weeks around a target of {window.target:g}"
        yield fault((*at, "low" if variant.low is not None else "high"), found, "a target within the window")
    changed = change_model(protocol.model, variant)
    if changed != protocol.model:
        yield from _of_model(at, changed, fault)
