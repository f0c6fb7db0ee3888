"""What goes into an effect size and what comes out: groups of arrays, and the effect on its scale."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Counts", "Effect", "Means", "Pairs", "Rates", "settle"]

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
class Pairs:
    """One group of each of k studies measured twice, or matched pairs.

    Attributes
    ----------
    after, before : Means
        The two occasions; their ``n`` are the same participants.
    correlation : array (k,)
        Correlation of the two measurements, from -1 to 1.
    """

    after: Means
    before: Means
    correlation: Array

    @property
    def sd_of_change(self) -> Array:
        r"""SD of the change, :math:`\sqrt{s_1^2 + s_2^2 - 2 r s_1 s_2}`."""
        (_, s1, _), (_, s2, _) = self.after.arrays, self.before.arrays
        return np.asarray(np.sqrt(s1**2 + s2**2 - 2 * np.asarray(self.correlation, float) * s1 * s2))


@dataclass(frozen=True, slots=True)
class Rates:
    """One group of each of k studies, as events over person-time.

    Attributes
    ----------
    events : array (k,)
        Events, of which a person may have several.
    time : array (k,)
        Person-time at risk, in one unit for all studies.
    """

    events: Array
    time: Array

    @property
    def arrays(self) -> tuple[Array, Array]:
        """Events and person-time as float arrays."""
        return np.asarray(self.events, float), np.asarray(self.time, float)


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
        One of the names in :data:`synovia.effects.MEASURE_TABLE`, or NMD.
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

    @property
    def usable(self) -> int:
        """Number of studies with an estimate and a variance."""
        return int(np.sum(np.isfinite(self.estimate) & np.isfinite(self.variance)))


def settle(estimate: Array, variance: Array, measure: str, scale: str) -> Effect:
    """Effect in which a study has both an estimate and a variance, or neither.

    Examples
    --------
    >>> import numpy as np
    >>> settle(np.array([0.2, 0.1]), np.array([0.04, np.inf]), "MD", "mean difference").usable
    1
    """
    y, v = np.broadcast_arrays(np.asarray(estimate, float), np.asarray(variance, float))
    told = np.isfinite(y) & np.isfinite(v)
    return Effect(np.where(told, y, np.nan), np.where(told, v, np.nan), measure, scale)
