"""Doses read from a curve: where it reaches an effect, and where a share of its plateau."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError

__all__ = ["find_effective_doses", "find_target_doses", "read_asked", "require_plateau"]

Floats = NDArray[np.float64]

FINE, ZOOMS = 401, 4  # each look narrows the dose by 400 times


def read_asked(values: ArrayLike, what: str = "dose") -> Floats:
    """(m,) doses, effects or shares that were asked for; what is no number is refused."""
    try:
        asked = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise SynthesisError(f"Found {what} {values!r}; wanted a number, or a list of numbers.") from None
    if asked.ndim != 1 or not np.isfinite(asked).all():
        bad = asked[~np.isfinite(asked)]
        said = f"{bad.flat[0]:g}" if bad.size else f"a table of shape {asked.shape}"
        raise SynthesisError(f"Found {what} {said}; wanted a number, or a list of numbers.")
    return asked


def find_target_doses(
    predict: Callable[[Floats], pd.DataFrame], effects: Floats, span: tuple[float, float]
) -> pd.DataFrame:
    """The lowest dose at which a curve, and each limit of its interval, reaches an effect.

    Parameters
    ----------
    predict : callable
        Doses to estimate, lower and upper.
    effects : ndarray of shape (m,)
        Effects wanted, none of them 0.
    span : tuple of float
        Lowest and highest dose to look at.

    Returns
    -------
    DataFrame
        effect, dose, lower, upper, highest. NaN where an effect is not reached up to ``highest``.
    """
    if not effects.all():
        raise SynthesisError("Found an effect of 0; wanted the effect that the dose has to reach.")
    rows = []
    for effect in effects.tolist():
        optimistic, cautious = ("upper", "lower") if effect > 0 else ("lower", "upper")
        found = [_find_first(predict, effect, span, name) for name in ("estimate", optimistic, cautious)]
        rows.append((effect, *found, span[1]))
    return pd.DataFrame(rows, columns=["effect", "dose", "lower", "upper", "highest"])


def _find_first(
    predict: Callable[[Floats], pd.DataFrame], effect: float, span: tuple[float, float], name: str
) -> float:
    low, high = span
    for _ in range(ZOOMS):
        doses = np.linspace(low, high, FINE)
        reached = predict(doses)[name].to_numpy() * np.sign(effect) >= abs(effect)
        if not reached.any():
            return float("nan")
        first = int(np.argmax(reached))
        low, high = float(doses[max(first - 1, 0)]), float(doses[first])
    return high


def find_effective_doses(
    log_half: tuple[float, float, float], shares: Floats, highest: float
) -> pd.DataFrame:
    r"""Doses of shares of the plateau of an Emax curve.

    Parameters
    ----------
    log_half : tuple of float
        Log ED50 and its limits.
    shares : ndarray of shape (m,)
        Of the plateau, between 0 and 1.
    highest : float
        Highest dose studied.

    Returns
    -------
    DataFrame
        share, dose, lower, upper, extrapolated (above the highest dose studied).

    Notes
    -----
    .. math:: ED_p = ED_{50}\, \frac{p}{1 - p}
    """
    if not ((shares > 0) & (shares < 1)).all():
        raise SynthesisError("Found a share of the plateau outside 0 to 1; wanted one between, such as 0.9.")
    odds = shares / (1 - shares)
    dose, lower, upper = (np.exp(value) * odds for value in log_half)
    return pd.DataFrame(
        {"share": shares, "dose": dose, "lower": lower, "upper": upper, "extrapolated": dose > highest}
    )


def require_plateau(emax: bool) -> None:
    """Refuse to read a plateau from a curve that has none."""
    if not emax:
        raise SynthesisError(
            "Only an Emax curve has a plateau to take a share of; find_dose says at which dose a curve "
            "reaches an effect."
        )
