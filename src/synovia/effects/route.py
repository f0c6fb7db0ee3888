"""What is asked of a measure, and one way to compute it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from synovia.effects.effect import Effect

__all__ = ["Ask", "Compute", "Route"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a measure: its name, the inputs as arrays, and the choices.

    Attributes
    ----------
    measure : str
        Name of the measure.
    inputs : dict of str to array (k,), or to a tuple of them
        By name.
    add, to, drop00
        As in :func:`two_by_two`.
    variance : str
        Kind of sampling variance; empty for the default of the measure.
    correct : str
        exact, approximate or none.
    unit : str
        Occasion whose SD is the unit of SMCR.
    """

    measure: Any
    inputs: Mapping[str, Any]
    add: float | None = None
    to: Any = "only0"
    drop00: bool = False
    variance: Any = ""
    correct: Any = "exact"
    unit: Any = "before"

    def __getitem__(self, name: str) -> Any:
        return self.inputs[name]

    def __contains__(self, name: str) -> bool:
        return name in self.inputs

    def get(self, name: str, other: Any = None) -> Any:
        """An input, or something else where it is not given."""
        return self.inputs.get(name, other)

    @property
    def zeros(self) -> dict[str, Any]:
        """The two arguments about zero cells."""
        return {"add": self.add, "to": self.to}

    def kind(self, default: str) -> Any:
        """The kind of variance asked for, else the default."""
        return self.variance or default

    @property
    def corrects(self) -> bool:
        """Whether a small-sample correction is asked for."""
        return bool(self.correct != "none")


Compute: TypeAlias = Callable[[Ask], Effect]


@dataclass(frozen=True, slots=True)
class Route:
    """One way to a measure.

    Attributes
    ----------
    needs : dict of str to int
        Inputs by name, and how many columns each has: 1, a pair (2), or more.
    compute : callable
        From what is asked to the effect.
    variances : tuple of str
        Kinds of variance that this way knows, its default first; empty when there is one.
    """

    needs: dict[str, int]
    compute: Compute
    variances: tuple[str, ...] = ()
