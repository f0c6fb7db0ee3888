"""Small bars of intervals, drawn beside the numbers in the page itself so that they take its colours."""

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

__all__ = ["draw_bar", "limit_of"]

WIDTH, HEIGHT, PAD = 180.0, 18.0, 6.0


def limit_of(values: Iterable[Sequence[float]]) -> float:
    """Half width of an axis around no effect that shows every estimate and most of the intervals.

    Parameters
    ----------
    values : iterable of sequence of float
        Estimate, then the limits of its intervals, as distances from no effect; NaN is ignored.

    Examples
    --------
    >>> limit_of([(-10.0, -17.0, -3.0)])
    17.85
    """
    finite = [[v for v in each if math.isfinite(v)] for each in values]
    points = [abs(each[0]) for each in finite if each]
    ends = [abs(v) for each in finite for v in each[1:]]
    if not points:
        return 1.0
    widest = min(max([*ends, *points]), 2.5 * max(points) if max(points) > 0 else math.inf)
    return round(1.05 * widest, 6) or 1.0


def _x(value: float, limit: float) -> float:
    share = max(-1.0, min(1.0, value / limit))
    return round(WIDTH / 2 + share * (WIDTH / 2 - PAD), 1)


def _line(kind: str, lower: float, upper: float, limit: float) -> Markup:
    middle = HEIGHT / 2
    line = Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        kind, _x(lower, limit), _x(upper, limit), middle, middle
    )
    return line + "".join(_arrow(end, side, limit) for end, side in ((lower, -1), (upper, 1)))


def _arrow(end: float, side: int, limit: float) -> Markup:
    """An arrow head where the interval leaves the axis."""
    if side * end <= limit:
        return Markup()
    x, middle = _x(side * limit, limit), HEIGHT / 2
    points = f"{x + side * 5:.1f},{middle} {x:.1f},{middle - 4} {x:.1f},{middle + 4}"
    return Markup('<polygon class="tip" points="{}"/>').format(points)


def draw_bar(
    estimate: float,
    interval: tuple[float, float],
    prediction: tuple[float, float],
    *,
    limit: float,
    kind: str,
) -> Markup:
    """One interval as a bar: a dot, the confidence interval thick, the prediction interval thin.

    Parameters
    ----------
    estimate : float
        Distance from no effect; NaN draws the axis alone.
    interval, prediction : tuple of float
        Limits as distances from no effect; NaN draws none.
    limit : float
        Half width of the axis.
    kind : str
        Class that colours it: treatment, comparator, neither.

    Returns
    -------
    Markup
        SVG, hidden from screen readers because the numbers stand beside it.
    """
    middle = HEIGHT / 2
    parts = [Markup('<line class="null" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(_x(0.0, limit), HEIGHT)]
    if math.isfinite(estimate):
        for name, (lower, upper) in (("pi", prediction), ("ci", interval)):
            if math.isfinite(lower) and math.isfinite(upper):
                parts.append(_line(name, lower, upper, limit))
        parts.append(
            Markup('<circle class="dot" cx="{}" cy="{}" r="4"/>').format(_x(estimate, limit), middle)
        )
    return Markup(
        '<svg class="bar {}" viewBox="0 0 {:.0f} {:.0f}" width="{:.0f}" height="{:.0f}" aria-hidden="true" '
        'focusable="false">{}</svg>'
    ).format(kind, WIDTH, HEIGHT, WIDTH, HEIGHT, Markup().join(parts))
