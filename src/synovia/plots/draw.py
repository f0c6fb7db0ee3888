"""One verb for the drawing that belongs to a result."""

from collections.abc import Callable
from typing import Any, Protocol

from matplotlib.axes import Axes

from synovia.errors import SynthesisError
from synovia.plots.baujat import baujat
from synovia.plots.bubble import bubble
from synovia.plots.course import course
from synovia.plots.dose import dose_curve
from synovia.plots.dose_network import dose_network
from synovia.plots.evidence_flow import evidence_flow
from synovia.plots.hasse import hasse
from synovia.plots.influence import influence
from synovia.plots.league import league
from synovia.plots.net_heat import net_heat
from synovia.plots.network_graph import network_graph
from synovia.plots.posterior import posterior
from synovia.plots.profile import profile
from synovia.plots.quantiles import qq
from synovia.plots.radial import radial
from synovia.plots.rankogram import rankogram
from synovia.plots.refits import refits
from synovia.plots.residual import residuals
from synovia.plots.split import split

__all__ = ["DRAWINGS", "Drawable", "draw"]

DRAWINGS: dict[str, Callable[..., Axes]] = {
    "baujat": baujat,
    "bubble": bubble,
    "contrasts": refits,
    "course": course,
    "dose": dose_curve,
    "dose_network": dose_network,
    "evidence_flow": evidence_flow,
    "hasse": hasse,
    "influence": influence,
    "league": league,
    "net_heat": net_heat,
    "network_graph": network_graph,
    "posterior": posterior,
    "predictions": refits,
    "profile": profile,
    "qq": qq,
    "radial": radial,
    "rankogram": rankogram,
    "refits": refits,
    "residuals": residuals,
    "split": split,
}
"""Which function draws which kind of result."""


class Drawable(Protocol):
    """A result that says what it looks like."""

    @property
    def drawing(self) -> str:
        """Name of its drawing."""
        ...

    def frames(self) -> dict[str, Any]:
        """What that drawing is made from."""
        ...


def draw(result: Drawable, *, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a result: influence, residuals, leave-one-out, profile, Baujat, radial, bubble, networks.

    Parameters
    ----------
    result : object
        What ``synovia.influence``, ``residuals``, ``leave_one_out``, ``cumulative``, ``blup``, ``profile``,
        ``baujat``, ``radial``, ``bubble``, ``qq``, ``contrast``, ``time_course``, ``network``, its
        ``rank`` or its ``league`` returned.
    ax : Axes, optional
        Where to draw.
    **options
        What else the drawing takes, such as ``scale_label``.

    Returns
    -------
    Axes

    Raises
    ------
    SynthesisError
        When there is no drawing of such a result.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.diagnosis import baujat
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.2, 0.9], "variance": [0.02, 0.03, 0.01]})
    >>> draw(baujat(meta(trials))).get_ylabel()
    'Influence on the result'
    """
    name = getattr(result, "drawing", "")
    if name not in DRAWINGS:
        raise SynthesisError(
            f"There is no drawing of {type(result).__name__}; results with one are {', '.join(DRAWINGS)}. "
            "Its tidy() is a table."
        )
    return DRAWINGS[name](ax=ax, **(result.frames() | options))
