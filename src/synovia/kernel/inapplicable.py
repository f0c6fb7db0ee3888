"""A quantity that has no meaning for the data at hand: a value with its reason, not an error."""

from dataclasses import dataclass

__all__ = ["Inapplicable"]


@dataclass(frozen=True, slots=True)
class Inapplicable:
    """A quantity that does not exist here.

    Attributes
    ----------
    reason : str
        Why, as a sentence a report can print.

    Examples
    --------
    >>> print(Inapplicable("one study has no between-study variance"))
    not applicable: one study has no between-study variance
    """

    reason: str

    def __str__(self) -> str:
        return f"not applicable: {self.reason}"
