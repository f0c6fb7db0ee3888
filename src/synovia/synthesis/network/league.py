"""The league table: every comparison of a network in one square."""

import html
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import quantile, quantiles
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.direct import direct_evidence

if TYPE_CHECKING:
    from synovia.synthesis.network.model import Network

__all__ = ["RATIOS", "League", "league"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

RATIOS = ("OR", "RR", "IRR", "ROM", "HR")
"""Measures whose effects are logarithms, shown as ratios."""


class Compared(Protocol):
    """A network or a component network."""

    @property
    def design(self) -> Any:
        """Treatments and trials."""
        ...

    @property
    def fit(self) -> Fit:
        """The synthesis."""
        ...

    @property
    def treatments(self) -> tuple[str, ...]:
        """T treatments."""
        ...

    def differences(self) -> tuple[Floats, Floats]:
        """(T, T) row minus column, and its standard error."""
        ...

    def degrees(self, first: Integers, second: Integers) -> Floats:
        """Degrees of freedom of comparisons."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class League:
    """A league table.

    Attributes
    ----------
    treatments : tuple of str
        Along the diagonal.
    estimate, lower, upper : ndarray of shape (T, T)
        Below the diagonal the network, above it the direct evidence (or the network with its prediction
        intervals); NaN where there is none. Always the treatment further up and left against the other.
    above : str
        What stands above the diagonal.
    ratio : bool
        Whether numbers are ratios.
    level : float
        Level of the intervals.
    digits : int
        Decimals shown.
    """

    treatments: tuple[str, ...]
    estimate: Floats
    lower: Floats
    upper: Floats
    above: str
    ratio: bool
    level: float
    digits: int

    @property
    def caption(self) -> str:
        """What the cells mean."""
        joint = "over" if self.ratio else "minus"
        upper = "" if self.above == "nothing" else f" Above it: {self.above}."
        return (
            f"Each cell: the treatment further left on the diagonal {joint} the one further right, with its "
            f"{100 * self.level:g}% interval. Below the diagonal: network estimates.{upper}"
        )

    def frame(self) -> pd.DataFrame:
        """Text of every cell, rows and columns named by their treatment."""
        size = len(self.treatments)
        cells = [[self._cell(i, j) for j in range(size)] for i in range(size)]
        return pd.DataFrame(cells, index=list(self.treatments), columns=list(self.treatments))

    def _cell(self, i: int, j: int) -> str:
        if i == j:
            return self.treatments[i]
        if np.isnan(self.estimate[i, j]):
            return ""
        low, mid, high = (f"{x[i, j]:.{self.digits}f}" for x in (self.lower, self.estimate, self.upper))
        return f"{mid} ({low} to {high})"

    def tidy(self) -> pd.DataFrame:
        """treatment_1, treatment_2, evidence, estimate, lower, upper: numbers of the filled cells."""
        rows = []
        for i, one in enumerate(self.treatments):
            for j in range(i + 1, len(self.treatments)):
                for evidence, place in (("network", (j, i)), (self.above, (i, j))):
                    if not np.isnan(self.estimate[place]):
                        numbers = [float(x[place]) for x in (self.estimate, self.lower, self.upper)]
                        rows.append([one, self.treatments[j], evidence, *numbers])
        names = ["treatment_1", "treatment_2", "evidence", "estimate", "lower", "upper"]
        return pd.DataFrame(rows, columns=names)

    @property
    def drawing(self) -> str:
        """Name of its drawing."""
        return "league"

    def frames(self) -> dict[str, Any]:
        """What the picture of the table is made from."""
        null = 1.0 if self.ratio else 0.0
        return {"cells": self.frame(), "rows": self.tidy(), "null": null, "caption": self.caption}

    def as_csv(self) -> str:
        """Comma-separated cells, the header first."""
        return str(self.frame().to_csv(index=False))

    def as_html(self) -> str:
        """A plain HTML table, which word processors open as a table of their own."""
        frame = self.frame()
        rows = []
        for i, cells in enumerate(frame.to_numpy().tolist()):
            shown = "".join(
                f'<th scope="row">{html.escape(cell)}</th>' if j == i else f"<td>{html.escape(cell)}</td>"
                for j, cell in enumerate(cells)
            )
            rows.append(f"<tr>{shown}</tr>")
        return f"<table><caption>{html.escape(self.caption)}</caption><tbody>{''.join(rows)}</tbody></table>"

    def as_document(self) -> str:
        """The HTML table as a document of its own, to be saved as .html and opened in a word processor."""
        style = (
            "table{border-collapse:collapse}td,th{border:1px solid #999;padding:2pt 4pt;font:9pt sans-serif}"
        )
        head = f'<head><meta charset="utf-8"><title>League table</title><style>{style}</style></head>'
        return f'<!DOCTYPE html><html lang="en">{head}<body>{self.as_html()}</body></html>'

    def __str__(self) -> str:
        return f"{self.frame().to_string(index=False, header=False)}\n{self.caption}"

    def _repr_html_(self) -> str:
        return self.as_html()


def league(
    net: Compared,
    *,
    order: tuple[str, ...] | None = None,
    above: str | Compared = "direct",
    ratio: bool | None = None,
    level: float | None = None,
    digits: int = 2,
) -> League:
    """Every comparison of a network in one square.

    Parameters
    ----------
    net : Network or ComponentNetwork
        Any network.
    order : tuple of str, optional
        Treatments along the diagonal, such as the order of a ranking; alphabetical without it. Treatments
        that are left out are not shown.
    above : {"direct", "prediction", "nothing"} or Network
        What stands above the diagonal: direct evidence, network estimates with prediction intervals, nothing,
        or the estimates of another network (another model, another outcome).
    ratio : bool, optional
        Whether to show exp of the effects; without it, whether the measure of the network is a ratio.
    level : float, optional
        Confidence level; that of the network without it.
    digits : int
        Decimals shown.

    Returns
    -------
    League

    Raises
    ------
    SynthesisError
        When a treatment or a choice does not exist.

    Examples
    --------
    >>> from synovia.synthesis.network import network
    >>> trials = pd.DataFrame({"study": ["s1", "s2"], "treatment_1": ["B", "C"], "treatment_2": ["A", "B"],
    ...                        "estimate": [1.0, 1.0], "std_error": [0.5, 0.5]})
    >>> print(league(network(trials, random=False), digits=1).frame().to_string(index=False, header=False))
                   A -1.0 (-2.0 to -0.0)
    -1.0 (-2.0 to -0.0)                   B -1.0 (-2.0 to -0.0)
    -2.0 (-3.4 to -0.6) -1.0 (-2.0 to -0.0)                   C
    """
    if isinstance(above, str) and above not in _ABOVE:
        raise SynthesisError(
            f"Found above {above!r}; wanted 'direct', 'prediction' or 'nothing', or another network."
        )
    exponentiate = net.design.contrasts.measure in RATIOS if ratio is None else ratio
    if ratio is None and not isinstance(above, str):
        _require_one_scale(above, exponentiate)
    chosen = net.fit.settings.level if level is None else level
    shown = net.design.contrasts.treatments if order is None else tuple(order)
    if len(set(shown)) < len(shown):
        raise SynthesisError(f"Found order {', '.join(shown)}; wanted every treatment once.")
    place = np.array([net.design.find_treatment(name) for name in shown])
    T = len(net.treatments)
    numbers = np.full((3, T, T), np.nan)
    _fill_network(net, numbers, chosen, place)
    fill: Callable[..., str] = _ABOVE[above] if isinstance(above, str) else partial(_fill_other, above)
    said = fill(net, numbers, chosen, place)
    table = numbers[:, place][:, :, place]
    estimate, lower, upper = np.exp(table) if exponentiate else table
    return League(shown, estimate, lower, upper, said, exponentiate, chosen, digits)


def _require_one_scale(other: Compared, ratio: bool) -> None:
    if (other.design.contrasts.measure in RATIOS) != ratio:
        raise SynthesisError(
            "One of the two networks has ratios, the other differences; ratio=False shows logarithms of the "
            "ratios beside the differences."
        )


def _set(numbers: Floats, rows: Integers, columns: Integers, values: tuple[Floats, Floats]) -> None:
    estimate, half = values
    numbers[:, rows, columns] = estimate, estimate - half, estimate + half


def _below(place: Integers) -> tuple[Integers, Integers]:
    """Treatments of every pair: the one further left, the one further right."""
    first, second = np.triu_indices(place.size, 1)
    return place[first], place[second]


def _fill_network(net: Compared, numbers: Floats, level: float, place: Integers) -> None:
    left, right = _below(place)
    differences, errors = net.differences()
    half = quantiles(level, net.degrees(left, right)) * errors[left, right]
    _set(numbers, right, left, (differences[left, right], half))


def _fill_direct(net: "Network", numbers: Floats, level: float, place: Integers) -> str:
    found = direct_evidence(net)
    rank = {int(p): i for i, p in enumerate(place.tolist())}
    names = zip(found["treatment_1"], found["treatment_2"], strict=True)
    for pair, estimate, error in zip(names, found["estimate"], found["std_error"], strict=True):
        one, other = (net.treatments.index(name) for name in pair)
        if one in rank and other in rank:
            forward = rank[one] < rank[other]
            left, right, value = (one, other, estimate) if forward else (other, one, -estimate)
            half = quantile(level, np.inf) * error
            numbers[:, left, right] = value, value - half, value + half
    return "direct evidence"


def _fill_prediction(net: "Network", numbers: Floats, level: float, place: Integers) -> str:
    left, right = _below(place)
    listed = net.list_pairs(left, right, level)
    half = ((listed["prediction_upper"] - listed["prediction_lower"]) / 2).to_numpy()
    _set(numbers, left, right, (np.where(np.isnan(half), np.nan, listed["estimate"].to_numpy()), half))
    return "network estimates with prediction intervals"


def _fill_nothing(net: "Network", numbers: Floats, level: float, place: Integers) -> str:  # noqa: ARG001
    return "nothing"


def _fill_other(other: Compared, net: Compared, numbers: Floats, level: float, place: Integers) -> str:
    """Another network above, the treatments in its own way round: further left against further right."""
    left, right = _below(place)
    names = net.treatments
    known = [
        (i, j)
        for i, j in zip(left.tolist(), right.tolist(), strict=True)
        if {names[i], names[j]} <= set(other.treatments)
    ]
    if not known:
        raise SynthesisError(
            "The network above the diagonal shares no two treatments with the one below; it has "
            f"{', '.join(other.treatments)}."
        )
    mine = np.array(known)
    theirs = np.array([[other.design.find_treatment(names[i]) for i in pair] for pair in known])
    differences, errors = other.differences()
    half = quantiles(level, other.degrees(*theirs.T)) * errors[theirs[:, 0], theirs[:, 1]]
    _set(numbers, mine[:, 0], mine[:, 1], (differences[theirs[:, 0], theirs[:, 1]], half))
    named = (str(getattr(other, "outcome", "")), other.design.contrasts.measure)
    return f"estimates of {', '.join([*filter(None, named), other.fit.method])}"


_ABOVE = {"direct": _fill_direct, "prediction": _fill_prediction, "nothing": _fill_nothing}
