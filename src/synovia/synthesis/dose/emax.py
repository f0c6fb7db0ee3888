"""The Emax curve: an effect that levels off, fitted by Gauss-Newton around the kernel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import CollinearModerators, SynthesisError

__all__ = ["Curve", "Emax", "Step", "find_curve", "limit_half", "list_halves", "settle"]

Floats = NDArray[np.float64]

GRID = 61  # ED50 tried before Gauss-Newton starts, from a tenth of the lowest dose to ten times the highest
SETTLED = 1e-9  # change of the coefficients, relative to 1 + their size
STEPS = 200
FAR = 20.0  # times outside the doses studied: there the curve is a line, or a step, to within 5 %


@dataclass(frozen=True, slots=True)
class Emax:
    r"""An effect that levels off: :math:`E_{max}\, d / (ED_{50} + d)`.

    Its coefficients are Emax, on the scale of the estimate, and the logarithm of ED50, the dose of half
    of it.

    Notes
    -----
    Bretz, Pinheiro & Branson (2005), Biometrics 61, 738-748; in meta-analysis Mawdsley, Bennetts, Dias,
    Boucher & Welton (2016), CPT Pharmacometrics & Systems Pharmacology 5, 393-401.
    """

    @property
    def size(self) -> int:
        """Two coefficients."""
        return 2

    @property
    def bends(self) -> tuple[int, ...] | None:
        """None: a straight line is its limit at an infinite ED50, not a value of its coefficients."""
        return None

    def names(self, dose: str) -> tuple[str, ...]:
        """The plateau and the logarithm of the dose of half of it."""
        return ("Emax", f"log(ED50 of {dose})")

    def resolve(self, doses: Floats) -> "Emax":
        """Refuses negative doses; nothing else to settle."""
        if (doses < 0).any():
            raise SynthesisError(f"Found dose {doses.min():g}; wanted doses of at least 0 for an Emax curve.")
        return self

    def value(self, doses: Floats, beta: Floats) -> Floats:
        """(n,) height of the curve."""
        return np.asarray(beta[0] * doses / (np.exp(beta[1]) + doses))

    def slopes(self, doses: Floats, beta: Floats) -> Floats:
        """(n, 2) slopes in Emax and in log ED50."""
        half = np.exp(beta[1])
        share = doses / (half + doses)
        return np.column_stack([share, -beta[0] * share * half / (half + doses)])


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one linear fit says: where to go next, and how well the curve itself fits.

    Attributes
    ----------
    beta : ndarray of shape (p,)
        Coefficients of the linearised model.
    judge : callable
        Weighted sum of squares of residuals of the curve, with the weights of this step.
    """

    beta: Floats
    judge: Callable[[Floats], float]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Where Gauss-Newton came to rest.

    Attributes
    ----------
    beta : ndarray of shape (p,)
        Coefficients: of one curve Emax and log ED50.
    steps : int
        Linear fits.
    settled : bool
        Whether the last step was too small to matter.
    """

    beta: Floats
    steps: int
    settled: bool


def list_halves(doses: Floats) -> Floats:
    """ED50 to try before Gauss-Newton starts."""
    positive = doses[doses > 0]
    return np.geomspace(positive.min() / 10, positive.max() * 10, GRID)


def limit_half(doses: Floats) -> tuple[float, float]:
    """Log ED50 beyond which doses show a line, or a step, and no plateau."""
    positive = doses[doses > 0]
    return float(np.log(positive.min() / FAR)), float(np.log(positive.max() * FAR))


def find_curve(
    linearise: Callable[[Floats], Step], contrast: Callable[[float], tuple[float, float]], doses: Floats
) -> Curve:
    """Emax and log ED50 of one curve, from the best ED50 of a grid.

    Parameters
    ----------
    linearise : callable
        Coefficients to ``Step``.
    contrast : callable
        ED50 to (emax, sum of squares) of the best Emax for it.
    doses : ndarray
        Doses studied, for where to look.

    Raises
    ------
    SynthesisError
        When the doses show no plateau.
    """
    tried = list_halves(doses)
    found = [contrast(float(half)) for half in tried]
    best = int(np.argmin([fit[1] for fit in found]))
    start = np.array([found[best][0], np.log(tried[best])])
    limits = np.array([[-np.inf, np.inf], limit_half(doses)])
    return settle(linearise, start, limits, lambda _: _no_plateau())


def settle(
    linearise: Callable[[Floats], Step],
    start: Floats,
    limits: Floats,
    refuse: Callable[[int | None], SynthesisError],
) -> Curve:
    r"""Coefficients at which the linear fit around the curve no longer moves them.

    Parameters
    ----------
    linearise : callable
        Coefficients to ``Step``.
    start : ndarray of shape (p,)
        Where to begin.
    limits : ndarray of shape (p, 2)
        Between which each coefficient has to stay.
    refuse : callable
        What to say when a coefficient, given by its place, leaves its limits, or (None) when the curve no
        longer depends on some of them.

    Notes
    -----
    Around :math:`\beta_0` the curve is :math:`f(\beta_0) + J(\beta - \beta_0)`: a linear model for
    :math:`y - f(\beta_0) + J\beta_0` with the design J, fitted with its random effects by the kernel. Steps
    that make the fit worse are halved. Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section
    7.2.1.
    """
    beta = start
    for count in range(1, STEPS + 1):
        try:
            step = linearise(beta)
        except CollinearModerators:
            raise refuse(None) from None
        move = _shorten(step, beta)
        beta = beta + move
        outside = (beta <= limits[:, 0]) | (beta >= limits[:, 1])
        if outside.any():
            raise refuse(int(np.argmax(outside)))
        if np.abs(move).max() < SETTLED * (1 + np.abs(beta).max()):
            return Curve(beta, count, settled=True)
    return Curve(beta, STEPS, settled=False)


def _shorten(step: Step, beta: Floats) -> Floats:
    """The step, halved until the curve fits no worse."""
    move, now = step.beta - beta, step.judge(beta)
    for _ in range(30):
        if step.judge(beta + move) <= now * (1 + 1e-12):
            break
        move = move / 2
    return np.asarray(move)


def _no_plateau() -> SynthesisError:
    return SynthesisError(
        "The doses do not show where the effect levels off: ED50 runs away from the doses studied. Fit a "
        "line (estimate ~ dose), or one in the logarithm (estimate ~ log(dose + 1)), or collect more doses."
    )
