"""What goes into an effect size and what comes out: groups of arrays, and the effect on its scale."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Counts", "Effect", "Means"]

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Means:
    """One group of each of k studies, as means.

    Attributes
    ----------
    mean, sd : array (k,)
        On the scale of the measure.
    n : array (k,)
        Participants.
    """

    mean: Array
    sd: Array
    n: Array

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """Mean, SD and n as float arrays."""
        return np.asarray(self.mean, float), np.asarray(self.sd, float), np.asarray(self.n, float)


@dataclass(frozen=True, slots=True)
class Counts:
    """One group of each of k studies, as counts.

    Attributes
    ----------
    events, n : array (k,)
        Participants with the event, and participants.
    """

    events: Array
    n: Array

    @property
    def arrays(self) -> tuple[Array, Array]:
        """Events and n as float arrays."""
        return np.asarray(self.events, float), np.asarray(self.n, float)

    @property
    def cells(self) -> tuple[Array, Array]:
        """Participants with and without the event."""
        events, n = self.arrays
        return events, n - events


@dataclass(frozen=True, slots=True)
class Effect:
    """Effects of k studies on a stated scale.

    Attributes
    ----------
    estimate : array (k,)
        Treatment minus comparator (or the one group) on ``scale``; NaN where not estimable.
    variance : array (k,)
        Sampling variance, on the square of the scale.
    measure : str
        MD, SMD, ROM, OR, RR, RD, MC, MN, PLO, PFT, NMD.
    scale : str
        The scale in words.
    """

    estimate: Array
    variance: Array
    measure: str
    scale: str

    @property
    def std_error(self) -> Array:
        """Standard error, the root of the variance."""
        return np.asarray(np.sqrt(self.variance))
