"""Shapes that a course over time can take: functions of time whose sum, with coefficients, is the course."""

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.summary import count

__all__ = [
    "Basis",
    "Emax",
    "FractionalPolynomial",
    "PiecewiseLinear",
    "RestrictedCubicSpline",
    "read_basis",
]

Floats = NDArray[np.float64]


class Basis(Protocol):
    """What a shape must say about itself."""

    @property
    def names(self) -> tuple[str, ...]:
        """(q,) what each coefficient is called."""
        ...

    def evaluate(self, times: Floats) -> Floats:
        """(m, q) functions at times."""
        ...


@dataclass(frozen=True, slots=True)
class PiecewiseLinear:
    r"""Straight lines between knots: each coefficient is the course at a knot.

    Attributes
    ----------
    knots : tuple of float
        Times, increasing. The course is not continued beyond them.
    origin : bool
        Whether it starts at 0 at time 0, which then is a knot without a coefficient.

    Notes
    -----
    .. math:: b_k(t) = \max\Bigl(0, \min\Bigl(\frac{t - t_{k-1}}{t_k - t_{k-1}},
        \frac{t_{k+1} - t}{t_{k+1} - t_k}\Bigr)\Bigr)

    Examples
    --------
    >>> PiecewiseLinear((4.0, 12.0)).evaluate(np.array([2.0, 4.0, 8.0])).tolist()
    [[0.5, 0.0], [1.0, 0.0], [0.5, 0.5]]
    """

    knots: tuple[float, ...]
    origin: bool = True

    def __post_init__(self) -> None:
        _check_knots(self.knots, 1, positive=self.origin)

    @property
    def names(self) -> tuple[str, ...]:
        """The knots."""
        return tuple(f"at {knot:g}" for knot in self.knots)

    def evaluate(self, times: Floats) -> Floats:
        """(m, q) hats; times outside the knots are refused."""
        places = np.array([0.0, *self.knots] if self.origin else self.knots)
        outside = (times < places[0]) | (times > places[-1])
        if outside.any():
            raise SynthesisError(
                f"Time {times[np.argmax(outside)]:g} lies outside the knots, {places[0]:g} to "
                f"{places[-1]:g}; add a knot there, or leave the time out."
            )
        hats = np.array([np.interp(times, places, unit) for unit in np.eye(places.size)]).T
        return hats[:, 1:] if self.origin else hats


@dataclass(frozen=True, slots=True)
class RestrictedCubicSpline:
    r"""Cubic between knots, smooth at them and straight beyond the outer two.

    Attributes
    ----------
    knots : tuple of float
        At least three times, increasing.
    origin : bool
        Whether the course starts at 0 at time 0.

    Notes
    -----
    With knots :math:`k_1 < \dots < k_K`, beside t (and 1 without ``origin``), for j = 1 to K - 2,

    .. math:: b_j(t) = \frac{(t-k_j)_+^3 - (t-k_{K-1})_+^3 \frac{k_K-k_j}{k_K-k_{K-1}}
        + (t-k_K)_+^3 \frac{k_{K-1}-k_j}{k_K-k_{K-1}}}{(k_K-k_1)^2}

    Harrell (2015), Regression Modeling Strategies, 2nd ed., equations 2.25-2.27.

    Examples
    --------
    >>> RestrictedCubicSpline((1.0, 2.0, 3.0)).evaluate(np.array([1.0, 2.0])).tolist()
    [[1.0, 0.0], [2.0, 0.25]]
    """

    knots: tuple[float, ...]
    origin: bool = True

    def __post_init__(self) -> None:
        _check_knots(self.knots, 3, positive=False)
        if self.origin and self.knots[0] < 0:
            raise SynthesisError(
                f"Found knot {self.knots[0]:g}; a course that starts at time 0 has none before."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Linear and bends."""
        bends = [f"spline {place}" for place in range(1, len(self.knots) - 1)]
        return (*(() if self.origin else ("start",)), "linear", *bends)

    def evaluate(self, times: Floats) -> Floats:
        """(m, q) functions at times."""
        knots = np.array(self.knots)
        cubes = np.maximum(times[:, None] - knots, 0.0) ** 3
        last, before = knots[-1], knots[-2]
        inner = knots[:-2]
        bends = cubes[:, :-2] - cubes[:, [-2]] * (last - inner) / (last - before)
        bends = (bends + cubes[:, [-1]] * (before - inner) / (last - before)) / (last - knots[0]) ** 2
        return np.column_stack([*([] if self.origin else [np.ones(times.size)]), times, bends])


@dataclass(frozen=True, slots=True)
class FractionalPolynomial:
    r"""Sums of powers of time, 0 standing for its logarithm.

    Attributes
    ----------
    powers : tuple of float
        Usually one or two of -2, -1, -0.5, 0, 0.5, 1, 2, 3; a power again is multiplied by log t.
    origin : bool
        Whether the course starts at 0 at time 0; only positive powers can.

    Notes
    -----
    .. math:: b_j(t) = t^{p_j}, \quad \log t \text{ for } p_j = 0, \quad
        b_{j-1}(t) \log t \text{ for } p_j = p_{j-1}

    Royston & Altman (1994), Applied Statistics 43, 429-467; Jansen, Vieira & Cope (2015), Statistics in
    Medicine 34, 2294-2311.

    Examples
    --------
    >>> FractionalPolynomial((0.5, 0.5)).evaluate(np.array([1.0, 4.0])).round(3).tolist()
    [[1.0, 0.0], [2.0, 2.773]]
    """

    powers: tuple[float, ...]
    origin: bool = True

    def __post_init__(self) -> None:
        if not self.powers or any(not math.isfinite(power) for power in self.powers):
            raise SynthesisError(f"Found powers {self.powers}; wanted one or two, such as (0.5,) or (0, 1).")
        if self.origin and min(self.powers) <= 0:
            raise SynthesisError(
                f"Found power {min(self.powers):g}, with which no course starts at 0 at time 0; choose "
                "positive powers, or origin=False."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The powers."""
        out = [] if self.origin else ["start"]
        for place, power in enumerate(self.powers):
            again = self.powers[:place].count(power)
            plain = "log t" if power == 0 else "t" if power == 1 else f"t^{power:g}"
            out.append(plain + "".join(" * log t" for _ in range(again)))
        return tuple(out)

    def evaluate(self, times: Floats) -> Floats:
        """(m, q) powers; time 0 is refused where it has none."""
        if not self.origin and (times <= 0).any():
            raise SynthesisError(
                f"Time {times.min():g} has no fractional power or logarithm; times must be above 0."
            )
        with np.errstate(divide="ignore", invalid="ignore"):  # 0 log 0 is 0, its limit
            logs = np.log(times)
            columns = [np.ones(times.size)] if not self.origin else []
            for place, power in enumerate(self.powers):
                again = self.powers[:place].count(power)
                own = (logs if power == 0 else times**power) * logs**again
                columns.append(np.where(times > 0, own, 0.0))
        return np.column_stack(columns)


@dataclass(frozen=True, slots=True)
class Emax:
    r"""A course that rises towards a plateau.

    Attributes
    ----------
    et50 : float or None
        Time at which half of the plateau is reached; None to estimate it, one for all treatments.

    Notes
    -----
    .. math:: f(t) = E_{\max} \frac{t}{t_{50} + t}

    Mawdsley, Bennetts, Dias, Boucher & Welton (2016), CPT: Pharmacometrics & Systems Pharmacology 5, 393-401.

    Examples
    --------
    >>> Emax(4.0).evaluate(np.array([0.0, 4.0, 12.0])).ravel().tolist()
    [0.0, 0.5, 0.75]
    """

    et50: float | None = None

    def __post_init__(self) -> None:
        if self.et50 is not None and not (math.isfinite(self.et50) and self.et50 > 0):
            raise SynthesisError(f"Found et50 {self.et50:g}; wanted a time above 0, or None to estimate it.")

    @property
    def names(self) -> tuple[str, ...]:
        """The plateau."""
        return ("Emax",)

    def evaluate(self, times: Floats) -> Floats:
        """(m, 1) share of the plateau."""
        if self.et50 is None:
            raise SynthesisError(
                "The time of half the plateau is not known yet; it is estimated by time_course."
            )
        return np.asarray(times[:, None] / (self.et50 + times[:, None]))

    def slope(self, times: Floats) -> Floats:
        """(m, 1) slope of the share in the logarithm of et50."""
        share = self.evaluate(times)
        return -share * (1 - share)


WANTED = (
    "'linear', 'piecewise(4, 12, 26)', 'spline(4, 12, 26)', 'fp(0.5, 1)', 'emax', or an object of "
    "synovia.synthesis.course"
)
"""What a shape may be."""

_WORDS = re.compile(r"^\s*(\w+)\s*(?:\(([^()]*)\))?\s*$")


def read_basis(basis: "str | Basis", *, origin: bool = True) -> Basis:
    """A shape from words.

    Parameters
    ----------
    basis : str or Basis
        ``"linear"``, ``"piecewise(4, 12, 26)"``, ``"spline(4, 12, 26)"``, ``"fp(0.5, 1)"``, ``"emax"``,
        ``"emax(4)"``; or an object, which is returned.
    origin : bool
        Whether a course said in words starts at 0 at time 0; Emax always does.

    Raises
    ------
    SynthesisError
        When the words cannot be read.

    Examples
    --------
    >>> read_basis("piecewise(4, 12)")
    PiecewiseLinear(knots=(4.0, 12.0), origin=True)
    """
    if not isinstance(basis, str):
        if not (hasattr(basis, "names") and hasattr(basis, "evaluate")):
            raise SynthesisError(f"Found basis {basis!r}; wanted {WANTED}.")
        return basis
    found = _WORDS.match(basis)
    try:
        numbers = tuple(float(part) for part in (found[2] or "").split(",") if part.strip()) if found else ()
    except ValueError:
        found = None
    made = None if found is None else _make(found[1].lower(), numbers, origin=origin)
    if made is None:
        raise SynthesisError(f"Cannot read basis {basis!r}; wanted {WANTED}.")
    return made


def _make(word: str, numbers: tuple[float, ...], *, origin: bool) -> Basis | None:
    if word == "linear" and not numbers:
        return FractionalPolynomial((1.0,), origin)
    if word == "emax" and len(numbers) < 2:
        return Emax(*numbers)
    if word == "piecewise":
        return PiecewiseLinear(numbers, origin)
    if word == "spline":
        return RestrictedCubicSpline(numbers, origin)
    return FractionalPolynomial(numbers, origin) if word == "fp" else None


def _check_knots(knots: tuple[float, ...], least: int, *, positive: bool) -> None:
    increasing = all(one < other for one, other in pairwise(knots))
    if len(knots) < least or not increasing or not all(math.isfinite(knot) for knot in knots):
        raise SynthesisError(f"Found knots {knots}; wanted at least {count(least, 'time')}, increasing.")
    if positive and knots[0] <= 0:
        raise SynthesisError(
            f"Found knot {knots[0]:g} on a course that starts at 0 at time 0; leave it out, or set "
            "origin=False."
        )
