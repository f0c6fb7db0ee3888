"""One step of a conversion: what was derived, from what, by which formula, out of which source."""

from dataclasses import dataclass

__all__ = ["Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One derived number and where it comes from.

    Attributes
    ----------
    quantity : str
        What was derived: mean, sd, n, events, mean change.
    value : float
        The number, on the printed scale.
    formula : str
        The formula, in symbols of its source.
    inputs : str
        ``name=value`` joined by ``"; "``.
    citation : str
        Where the formula comes from.
    words : str
        The step as a short phrase, e.g. "SD from its standard error".
    """

    quantity: str
    value: float
    formula: str
    inputs: str
    citation: str
    words: str


def name_inputs(**values: float) -> str:
    """Numbers as ``name=value`` joined by ``"; "``, shortest exact digits."""
    return "; ".join(f"{name}={value:.12g}" for name, value in values.items())
