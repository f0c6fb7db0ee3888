"""What an axis of effects shows: limits that one wild study cannot stretch, ticks, and numbers as text."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

__all__ = ["decimals_for", "exp", "number_text", "ratio_ticks", "robust_limits", "ticks_for", "week_ticks"]

_FAR, _FAR_RATIO = 1e12, math.log(1e9)


def _finite(values: ArrayLike, far: float = _FAR) -> NDArray[np.float64]:
    flat = np.asarray(values, dtype=float).ravel()
    near: NDArray[np.float64] = np.clip(flat[np.isfinite(flat)], -far, far)
    return near


def robust_limits(
    estimates: ArrayLike, bounds: ArrayLike, *, keep: ArrayLike = (), log: bool = False
) -> tuple[float, float]:
    """Limits of an axis that show the body of the studies.

    Parameters
    ----------
    estimates, bounds : array_like
        Points and ends of intervals; missing and infinite ones are ignored.
    keep : array_like
        Values that must be seen: the null, the pooled estimates.
    log : bool
        Whether the values are logs of ratios; none beyond a thousand million fold is then shown.

    Returns
    -------
    tuple of float
        Lower and upper limit. Ends of intervals beyond Tukey's inner fences (1.5 interquartile ranges) and
        estimates beyond the outer fences (3) may lie outside.

    Examples
    --------
    >>> low, high = robust_limits([1, 2, 3, 2], [0, 1, 2, 1, 2, 3, 4, 1000.0])
    >>> high < 10
    True
    """
    far = _FAR_RATIO if log else _FAR
    points, kept = _finite(estimates, far), _finite(keep, far)
    pool = np.concatenate([points, _finite(bounds, far)])
    seen = kept
    if pool.size:
        q1, q3 = np.quantile(pool, [0.25, 0.75])
        spread = q3 - q1
        inner = np.clip([pool.min(), pool.max()], q1 - 1.5 * spread, q3 + 1.5 * spread)
        near = points[(points >= q1 - 3 * spread) & (points <= q3 + 3 * spread)]
        seen = np.concatenate([kept, inner, near])
    if not seen.size:
        return (-1.0, 1.0)
    low, high = float(seen.min()), float(seen.max())
    pad = 0.05 * (high - low) or max(1.0, 0.1 * abs(low))
    return (low - pad, high + pad)


def ratio_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Ticks of a ratio axis, as logs: 0.1, 0.2, 0.5, 1, 2, 5 ... within the limits.

    Examples
    --------
    >>> [round(math.exp(tick), 1) for tick in ratio_ticks(math.log(0.3), math.log(4))]
    [0.5, 1.0, 2.0]
    """
    decade = math.log(10)
    powers = range(math.floor(low / decade), math.ceil(high / decade) + 1)
    for steps in ((1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 2, 5), (1,)):
        ticks = [math.log(step) + power * decade for power in powers for step in steps]
        seen = [tick for tick in ticks if low <= tick <= high]
        if 2 <= len(seen) <= most:
            return seen
    sparse = [power * decade for power in powers[:: math.ceil(len(powers) / most)]]
    seen = [tick for tick in sparse if low <= tick <= high]
    return seen or [float(tick) for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]


def ticks_for(low: float, high: float, *, log: bool) -> tuple[list[float], list[str]]:
    """Places and texts of the ticks between two limits; a ratio axis is labelled in ratios."""
    if log:
        places = ratio_ticks(low, high)
        return places, [ratio_text(place) for place in places]
    places = [
        float(tick)
        for tick in MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        if low <= tick <= high
    ]
    return places, [_minus(f"{0.0 if abs(place) < 1e-12 * (high - low) else place:.10g}") for place in places]


def week_ticks(low: float, high: float) -> list[float]:
    """Ticks of a time axis in weeks: every 1, 2, 4, 13 (a quarter), 26 or 52 weeks, or whole years.

    Examples
    --------
    >>> week_ticks(-2.0, 54.0)
    [0.0, 13.0, 26.0, 39.0, 52.0]
    """
    years = math.ceil((high - low) / 52 / 5)
    step = next((s for s in (1, 2, 4, 13, 26, 52) if (high - low) / s < 6), 52 * years)
    return [float(step * place) for place in range(math.ceil(low / step), math.floor(high / step) + 1)]


def ratio_text(value: float) -> str:
    """A log ratio as a ratio, to three figures."""
    return f"{exp(value):.3g}"


def exp(value: float) -> float:
    """The ratio of a log ratio; infinite rather than an overflow."""
    return math.exp(value) if value < 700 else math.inf


def _minus(text: str) -> str:
    return text.replace("-", "−")


def decimals_for(values: Sequence[float]) -> int:
    """Decimals that give the typical value about three figures: 2 below 10, 1 below 1000, else none."""
    finite = np.abs(_finite(values))
    typical = float(np.median(finite)) if finite.size else 0.0
    return 2 if typical < 10 else 1 if typical < 1000 else 0


def number_text(value: float, decimals: int) -> str:
    """A number as printed in a figure, with a true minus; never ``−0.00``.

    Examples
    --------
    >>> number_text(-1.234, 2), number_text(-0.001, 2), number_text(float("nan"), 2)
    ('−1.23', '0.00', '–')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{decimals}f}" if abs(value) < 1e5 else f"{value:.2e}"
    return _minus(text.lstrip("-") if not text.strip("-0.") else text)
