"""A window of time within which one measurement of each study is chosen."""

from dataclasses import dataclass

from synovia.errors import Fault, ProtocolError

__all__ = ["Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """Weeks from ``low`` to ``high``, both included, aimed at ``target``.

    Attributes
    ----------
    id : str
        Name in the protocol, e.g. "6 months".
    target, low, high : float
        Weeks from the first injection.

    Examples
    --------
    >>> from synovia.effects import Window
    >>> Window("6 months", 26, 18, 35).holds(24)
    True
    """

    id: str
    target: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.target <= self.high:
            found = f"window {self.id!r} from {self.low:g} to {self.high:g} weeks with target {self.target:g}"
            raise ProtocolError([Fault(found, "a target within the window")])

    def holds(self, weeks: float) -> bool:
        """Whether a time lies in the window."""
        return self.low <= weeks <= self.high
