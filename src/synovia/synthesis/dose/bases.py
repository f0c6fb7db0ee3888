"""Shapes of a dose-response curve: what a dose becomes in the design."""

import re
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError

__all__ = ["Basis", "Linear", "Log", "Quadratic", "Spline", "place_knots"]

Floats = NDArray[np.float64]

HARRELL = {
    3: (0.1, 0.5, 0.9),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.5, 0.725, 0.95),
    6: (0.05, 0.23, 0.41, 0.59, 0.77, 0.95),
    7: (0.025, 0.1833, 0.3417, 0.5, 0.6583, 0.8167, 0.975),
}
"""Quantiles of the doses where knots go: Harrell (2001), Regression Modeling Strategies, table 2.3."""


class Basis(Protocol):
    """What a curve must say about itself. All but Emax are linear in their coefficients."""

    @property
    def size(self) -> int:
        """Number of coefficients."""
        ...

    @property
    def bends(self) -> tuple[int, ...] | None:
        """Coefficients that are 0 when the curve is a straight line; None when no such test exists."""
        ...

    def names(self, dose: str) -> tuple[str, ...]:
        """A name for each coefficient."""
        ...

    def resolve(self, doses: Floats) -> "Basis":
        """The basis with everything settled that is taken from the data, such as knots."""
        ...

    def value(self, doses: Floats, beta: Floats) -> Floats:
        """(n,) height of the curve, up to a constant."""
        ...

    def slopes(self, doses: Floats, beta: Floats) -> Floats:
        """(n, size) slope of the height in each coefficient."""
        ...


def require_basis(basis: object) -> None:
    """Refuse what is no curve."""
    if not all(hasattr(basis, name) for name in ("names", "resolve", "value", "slopes")):
        raise SynthesisError(
            f"Found basis {basis!r}; wanted an object such as Spline((1.0, 5.0, 20.0)), or words."
        )


class _Fixed:
    """Curves linear in their coefficients: the slopes are the columns of the design."""

    __slots__ = ()

    def columns(self, doses: Floats) -> Floats:
        """(n, size) design."""
        raise NotImplementedError

    def resolve(self, doses: Floats) -> Self:  # noqa: ARG002 - one signature for all
        """Nothing to settle."""
        return self

    def value(self, doses: Floats, beta: Floats) -> Floats:
        """(n,) height of the curve."""
        return np.asarray(self.columns(doses) @ beta)

    def slopes(self, doses: Floats, beta: Floats) -> Floats:  # noqa: ARG002 - one signature for all
        """(n, size) the columns themselves."""
        return self.columns(doses)


@dataclass(frozen=True, slots=True)
class Linear(_Fixed):
    """A straight line: the same change for each unit of dose."""

    @property
    def size(self) -> int:
        """One coefficient."""
        return 1

    @property
    def bends(self) -> tuple[int, ...] | None:
        """None: a line has no bend."""
        return None

    def names(self, dose: str) -> tuple[str, ...]:
        """The dose."""
        return (dose,)

    def columns(self, doses: Floats) -> Floats:
        """(n, 1) the dose."""
        return doses[:, None]


@dataclass(frozen=True, slots=True)
class Quadratic(_Fixed):
    """A parabola: it always turns, also where no study looked."""

    @property
    def size(self) -> int:
        """Two coefficients."""
        return 2

    @property
    def bends(self) -> tuple[int, ...] | None:
        """The square."""
        return (1,)

    def names(self, dose: str) -> tuple[str, ...]:
        """The dose and its square."""
        return (dose, f"{dose}^2")

    def columns(self, doses: Floats) -> Floats:
        """(n, 2) the dose and its square."""
        return np.column_stack([doses, doses**2])


@dataclass(frozen=True, slots=True)
class Log(_Fixed):
    r"""A line in the logarithm: each doubling adds the same, :math:`\log(d + c)`.

    Attributes
    ----------
    offset : float
        c, in the unit of the dose; needed above 0 when a dose is 0, and the curve depends on it.
    """

    offset: float = 0.0

    @property
    def size(self) -> int:
        """One coefficient."""
        return 1

    @property
    def bends(self) -> tuple[int, ...] | None:
        """None: no coefficient makes it a straight line."""
        return None

    def names(self, dose: str) -> tuple[str, ...]:
        """The logarithm."""
        return (f"log({dose})" if self.offset == 0 else f"log({dose} + {self.offset:g})",)

    def columns(self, doses: Floats) -> Floats:
        """(n, 1) the logarithm of the dose plus the offset."""
        if (doses + self.offset <= 0).any():
            raise SynthesisError(
                f"Found dose {doses.min():g}, which has no logarithm; wanted doses above "
                f"{0 - self.offset:g}. Add a constant, as in log(dose + 1), and show that the result does "
                "not hang on it."
            )
        return np.log(doses + self.offset)[:, None]


@dataclass(frozen=True, slots=True)
class Spline(_Fixed):
    r"""A restricted cubic spline: smooth, and straight before its first and after its last knot.

    Attributes
    ----------
    knots : int or tuple of float
        How many (3 to 7, placed at Harrell's quantiles of all doses), or where.
    of : {"doses", "quantiles"}
        Whether places are doses, or quantiles of all doses, between 0 and 1.

    Notes
    -----
    With knots :math:`k_1 < \dots < k_m` and :math:`u_+ = \max(u, 0)` the columns are d and, for
    j = 1 ... m - 2,

    .. math:: \frac{(d - k_j)_+^3 - (d - k_{m-1})_+^3 \frac{k_m - k_j}{k_m - k_{m-1}}
        + (d - k_m)_+^3 \frac{k_{m-1} - k_j}{k_m - k_{m-1}}}{(k_m - k_1)^2}

    Harrell (2001), Regression Modeling Strategies, equation 2.25.

    Examples
    --------
    >>> Spline((0.0, 1.0, 2.0)).columns(np.array([0.0, 1.0, 3.0])).round(3).tolist()
    [[0.0, 0.0], [1.0, 0.25], [3.0, 3.0]]
    """

    knots: int | tuple[float, ...] = 3
    of: str = "doses"

    def __post_init__(self) -> None:
        count = self.knots if isinstance(self.knots, int) else len(self.knots)
        if count < 3 or (isinstance(self.knots, int) and count not in HARRELL):
            raise SynthesisError(f"Found {count} knots; wanted 3 to 7, or at least 3 places.")
        if not isinstance(self.knots, int) and (np.diff(self.knots) <= 0).any():
            listed = ", ".join(f"{knot:g}" for knot in self.knots)
            raise SynthesisError(f"Found knots {listed}; wanted rising {self.of}, each once.")
        if self.of not in ("doses", "quantiles"):
            raise SynthesisError(f"Found knots of {self.of!r}; wanted 'doses' or 'quantiles'.")
        if (
            self._by_quantile
            and not isinstance(self.knots, int)
            and not 0 <= self.knots[0] < self.knots[-1] <= 1
        ):
            listed = ", ".join(f"{knot:g}" for knot in self.knots)
            raise SynthesisError(
                f"Found quantiles {listed}; wanted numbers from 0 to 1, such as 0.1, 0.5, 0.9."
            )

    @property
    def _by_quantile(self) -> bool:
        return isinstance(self.knots, int) or self.of == "quantiles"

    @property
    def size(self) -> int:
        """One coefficient less than there are knots."""
        return (self.knots if isinstance(self.knots, int) else len(self.knots)) - 1

    @property
    def bends(self) -> tuple[int, ...] | None:
        """All but the first."""
        return tuple(range(1, self.size))

    def names(self, dose: str) -> tuple[str, ...]:
        """The dose, then the dose with one, two ... primes."""
        return tuple(dose + "'" * place for place in range(self.size))

    def resolve(self, doses: Floats) -> "Spline":
        """The spline with its knots placed."""
        return Spline(place_knots(doses, self.knots)) if self._by_quantile else self

    def columns(self, doses: Floats) -> Floats:
        """(n, knots - 1) the dose and its truncated cubes."""
        if isinstance(self.knots, int) or self.of == "quantiles":
            raise SynthesisError("The knots are not placed yet; give doses to resolve(), or the places.")
        knots = np.array(self.knots)
        cubes = np.maximum(doses[:, None] - knots, 0.0) ** 3
        last = knots[-1] - knots[-2]
        before = cubes[:, -2:-1] * (knots[-1] - knots[:-2]) / last
        after = cubes[:, -1:] * (knots[-2] - knots[:-2]) / last
        return np.column_stack([doses, (cubes[:, :-2] - before + after) / (knots[-1] - knots[0]) ** 2])


def place_knots(doses: ArrayLike, knots: int | tuple[float, ...]) -> tuple[float, ...]:
    """Knots at quantiles of the doses, those of reference groups among them.

    Parameters
    ----------
    doses : array_like of shape (n,)
        All doses.
    knots : int or tuple of float
        3 to 7 at Harrell's quantiles, or the quantiles.

    Raises
    ------
    SynthesisError
        When two knots fall on the same dose.

    Examples
    --------
    >>> place_knots(range(11), 3)
    (1.0, 5.0, 9.0)
    """
    wanted = HARRELL[knots] if isinstance(knots, int) else knots
    places = np.quantile(np.asarray(doses, dtype=np.float64), wanted)
    if (np.diff(places) <= 0).any():
        listed = ", ".join(f"{place:g}" for place in places)
        raise SynthesisError(
            f"{len(wanted)} knots would fall at doses {listed}, two of them on the same; give fewer knots, "
            "or their places, as in Spline((1.0, 5.0, 20.0))."
        )
    return tuple(float(place) for place in places)


def read_spline(words: str) -> Spline:
    """The second argument of ``rcs``: a count, places in brackets, or ``quantiles=`` with those."""
    named = re.fullmatch(
        r"(?:(quantiles)\s*=\s*)?(?:c?\(([^()]*)\)|\[([^\[\]]*)\]|([^()\[\]]*))", words.strip()
    )
    try:
        if named is None:
            raise ValueError
        inside = next((part for part in named.groups()[1:] if part is not None), "")
        if re.fullmatch(r"\d+", inside) and named[4] is not None:
            return Spline(int(inside))
        numbers = tuple(float(part) for part in inside.split(",") if part.strip())
    except ValueError:
        raise SynthesisError(
            f"Cannot read the knots {words!r}; wanted how many, as rcs(dose, 3), where, as "
            "rcs(dose, [1, 5, 20]), or at which quantiles of the doses, as "
            "rcs(dose, quantiles=[0.1, 0.5, 0.9])."
        ) from None
    return Spline(numbers, "quantiles" if named[1] else "doses")
