"""Differences that matter to people."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Mid"]


@dataclass(frozen=True, slots=True)
class Mid:
    """A published difference that matters to people, on the 0-100 scale of the effect.

    Attributes
    ----------
    value : float
        Points on 0-100.
    kind : {"individual", "group"}
        A threshold for one person's change, or for a difference between groups; the report never
        holds a difference between groups against the former without saying so.
    citation : str
        Where it was published.
    """

    value: float
    kind: Literal["individual", "group"]
    citation: str
