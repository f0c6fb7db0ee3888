"""What a network of the protocol asks for that cannot be."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from synovia.errors import Fault
from synovia.review.network_protocol import Network, NetworkVariant
from synovia.review.toml_lines import Path

__all__ = ["of_network"]

MakeFault = Callable[..., Fault]


def of_network(at: Path, network: Network, fault: MakeFault) -> Iterator[Fault]:
    """Every demand of a network that contradicts another.

    Parameters
    ----------
    at : Path
        Where it stands in the protocol.
    network : Network
        Its treatments, outcome and window are known to exist.
    fault : callable
        Makes a fault from the path of a key, what was found, what was wanted, and advice.
    """
    names = [*network.treatments, *(node.id for node in network.node)]
    yield from _twice((*at, "treatments"), "node", names, fault)
    if len(set(names)) < 2:
        found = f"{len(set(names))} node{'s' if not names else ''} in network {network.id!r}"
        yield fault((*at, "treatments"), found, "at least two: treatments, or [[network.node]] entries")
    if network.reference not in names:
        wanted = f"one of its nodes: {', '.join(names) or 'none declared'}"
        yield fault((*at, "reference"), f"reference {network.reference!r}", wanted)
    yield from _claimed_twice(at, network, fault)
    ids = [variant.id.casefold() for variant in network.variant]
    yield from _twice((*at, "variant"), "variant", ids, fault)
    for j, variant in enumerate(network.variant):
        yield from _of_variant((*at, "variant", j), variant, fault)


def _twice(at: Path, kind: str, names: Sequence[str], fault: MakeFault) -> Iterator[Fault]:
    for name, times in Counter(names).items():
        if times > 1:
            yield fault(at, f"{kind} {name!r} {times} times", f"a different id for each {kind}")


def _claimed_twice(at: Path, network: Network, fault: MakeFault) -> Iterator[Fault]:
    """An arm must know its node: a treatment belongs to one, or to several that name its products."""
    claims: list[tuple[str, tuple[str, ...]]] = [(name, ()) for name in network.treatments]
    claims += [(name, node.products) for node in network.node for name in node.treatments]
    for treatment in dict.fromkeys(name for name, _ in claims):
        own = [products for name, products in claims if name == treatment]
        repeated = [
            name for name, times in Counter(p for products in own for p in products).items() if times > 1
        ]
        if repeated:
            found = f"product {repeated[0]!r} of {treatment} in several nodes"
            yield fault((*at, "node"), found, "each product in one node")
        if sum(not products for products in own) > 1:
            wanted = "one node for each treatment, or products that say which arms belong where"
            yield fault((*at, "node"), f"treatment {treatment!r} in several nodes", wanted)


def _of_variant(at: Path, variant: NetworkVariant, fault: MakeFault) -> Iterator[Fault]:
    if variant.id.casefold() == "primary":
        yield fault((*at, "id"), "variant 'primary'", "another id: the planned analysis has this one")
    if variant.smaller_than and variant.smaller_than <= variant.smallest_arm:
        found = f"trials with every group of {variant.smallest_arm} and some below {variant.smaller_than}"
        yield fault((*at, "smaller_than"), found, "one of the two, or a range that some trial can fill")
    if 0 < variant.sd_factor <= 1:
        found = f"sd_factor {variant.sd_factor:g}, which leaves out every SD that is not the median"
        yield fault((*at, "sd_factor"), found, "a number above 1")
    if not (variant.smallest_arm or variant.smaller_than or variant.sd_factor or variant.exclude):
        wanted = "one of smallest_arm, smaller_than, sd_factor, exclude"
        yield fault((*at, "id"), f"variant {variant.id!r} that changes nothing", wanted)
