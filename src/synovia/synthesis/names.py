"""What the numbers of a fit are called."""

from dataclasses import dataclass

__all__ = ["Names"]


@dataclass(frozen=True, slots=True)
class Names:
    """Names for the rows and columns of a problem.

    Attributes
    ----------
    coefficients : tuple of str
        One per column of X.
    effects : tuple of str
        One per row.
    variances : tuple of str
        One per entry of psi.
    """

    coefficients: tuple[str, ...]
    effects: tuple[str, ...]
    variances: tuple[str, ...]
