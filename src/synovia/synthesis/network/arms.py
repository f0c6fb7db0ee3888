"""A network given arm by arm: what each arm of a trial says about its treatment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.effects.small_sample import correction_factor
from synovia.errors import SynthesisError, TooFewStudies
from synovia.synthesis.network.contrasts import Contrasts, assemble, find_study_column, read_labels
from synovia.synthesis.network.multi_arm import StudyBlock
from synovia.synthesis.rows import read_numbers, require_columns

__all__ = ["MEASURES", "read_arms"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArmMeasure:
    """What an arm contributes to a difference.

    Attributes
    ----------
    name : str
        In words.
    columns : tuple of str
        What it is computed from.
    value : callable
        (columns, m) to values and variances of the arms, (m,) each.
    events : str
        Which counts say nothing: "" none, "0" no events, "0n" no events or nothing but events.
    """

    name: str
    columns: tuple[str, ...]
    value: Callable[[Floats], tuple[Floats, Floats]]
    events: str = ""


def _mean(x: Floats) -> tuple[Floats, Floats]:
    return x[0], x[1] ** 2 / x[2]


def _log_mean(x: Floats) -> tuple[Floats, Floats]:
    return np.log(x[0]), x[1] ** 2 / (x[2] * x[0] ** 2)


def _logit(x: Floats) -> tuple[Floats, Floats]:
    return np.log(x[0] / (x[1] - x[0])), 1 / x[0] + 1 / (x[1] - x[0])


def _log_risk(x: Floats) -> tuple[Floats, Floats]:
    return np.log(x[0] / x[1]), 1 / x[0] - 1 / x[1]


def _risk(x: Floats) -> tuple[Floats, Floats]:
    risk = x[0] / x[1]
    return risk, risk * (1 - risk) / x[1]


def _arcsine(x: Floats) -> tuple[Floats, Floats]:
    return np.arcsin(np.sqrt(x[0] / x[1])), 1 / (4 * x[1])


def _log_rate(x: Floats) -> tuple[Floats, Floats]:
    return np.log(x[0] / x[1]), 1 / x[0]


def _rate(x: Floats) -> tuple[Floats, Floats]:
    return x[0] / x[1], x[0] / x[1] ** 2


_MEANS, _COUNTS, _RATES = ("mean", "sd", "n"), ("events", "n"), ("events", "time")

MEASURES: dict[str, ArmMeasure] = {
    "MD": ArmMeasure("mean difference", _MEANS, _mean),
    "SMD": ArmMeasure("standardised mean difference, Hedges' g", _MEANS, _mean),
    "ROM": ArmMeasure("log ratio of means", _MEANS, _log_mean),
    "OR": ArmMeasure("log odds ratio", _COUNTS, _logit, "0n"),
    "RR": ArmMeasure("log risk ratio", _COUNTS, _log_risk, "0"),
    "RD": ArmMeasure("risk difference", _COUNTS, _risk, "spread"),
    "ASD": ArmMeasure("arcsine difference", _COUNTS, _arcsine),
    "IRR": ArmMeasure("log incidence rate ratio", _RATES, _log_rate, "0"),
    "IRD": ArmMeasure("incidence rate difference", _RATES, _rate, "spread"),
}
"""Effect measures of arms, by the names that meta-analysts write."""


def read_arms(
    data: pd.DataFrame, *, measure: str, columns: Mapping[str, str] | None = None, increment: float = 0.5
) -> Contrasts:
    r"""Read a network given arm by arm.

    Parameters
    ----------
    data : DataFrame
        One row per arm: study, treatment, and mean, sd and n, or events and n, or events and time.
    measure : {"MD", "SMD", "ROM", "OR", "RR", "RD", "ASD", "IRR", "IRD"}
        Effect measure; ratios become logarithms.
    columns : mapping of str to str, optional
        What the table calls these columns.
    increment : float
        Added to the events (and twice that to the participants) of all arms of a trial when one of its arms
        has a count that the measure cannot use.

    Returns
    -------
    Contrasts

    Raises
    ------
    SynthesisError
        When an arm cannot be used; it is named.

    Notes
    -----
    With arm values a and variances v, :math:`y_{bj} = a_j - a_b`, :math:`\operatorname{Var} = v_j + v_b` and
    :math:`\operatorname{Cov}(y_{bj}, y_{bk}) = v_b`. The standardised mean difference has one SD s
    pooled over all N participants of a trial, so that its comparisons add up:

    .. math:: g_j = J\,\frac{\bar x_j - \bar x_b}{s}, \quad
        \operatorname{Cov}(g_j, g_k) = \frac1{n_b} + \frac{[j = k]}{n_j} + \frac{g_j g_k}{2N}

    Gleser & Olkin (2009), Handbook of Research Synthesis and Meta-Analysis, chapter 19.

    Examples
    --------
    >>> arms = pd.DataFrame({"study": ["s", "s", "s"], "treatment": ["A", "B", "C"],
    ...                      "events": [10, 20, 30], "n": [100, 100, 100]})
    >>> read_arms(arms, measure="RD").frame[["treatment", "baseline", "estimate"]].round(2)
      treatment baseline  estimate
    0         B        A       0.1
    1         C        A       0.2
    """
    if measure not in MEASURES:
        raise SynthesisError(f"Found measure {measure!r}; wanted one of {', '.join(MEASURES)}.")
    chosen, called = MEASURES[measure], dict(columns or {})
    names = [called.get(name, name) for name in ("study", "treatment", *chosen.columns)]
    if not isinstance(data, pd.DataFrame):
        raise SynthesisError(f"Found {type(data).__name__}; wanted a DataFrame with one row per arm.")
    names[0] = find_study_column(data, names[0])
    require_columns(data, names)
    labels = [f"Row {number}" for number in range(1, len(data) + 1)]
    studies, treatments = (read_labels(data, name, labels) for name in names[:2])
    arms = [f"{study}, arm {name}" for study, name in zip(studies, treatments, strict=True)]
    x = np.array([read_numbers(data, name, arms) for name in names[2:]])
    told = np.isfinite(x).all(axis=0)
    _check_numbers(x, told, arms, chosen)
    said = [
        f"{arms[i]} has no {names[2 + int(np.argmin(np.isfinite(x[:, i])))]} and was dropped."
        for i in np.flatnonzero(~told)
    ]
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(told).tolist():
        rows_of.setdefault(studies[row], []).append(row)
    usable = x.copy()
    trials, told_about = _select_trials(rows_of, treatments, (usable, chosen, increment))
    if not trials:
        why = " ".join([*said, *told_about])
        raise TooFewStudies(f"No trial has two arms that say something about the measure. {why}".rstrip())
    blocks = _compare(trials, treatments, usable, chosen)
    read = assemble(blocks, data, [*said, *told_about], measure)
    return replace(read, participants=_count(blocks, rows_of, treatments, x, chosen))


def _count(
    blocks: Sequence[StudyBlock],
    rows_of: Mapping[str, list[int]],
    treatments: Sequence[str],
    x: Floats,
    measure: ArmMeasure,
) -> dict[str, float] | None:
    """Participants of each treatment in the trials used; None where arms count person-time."""
    if "n" not in measure.columns:
        return None
    n, totals = x[measure.columns.index("n")], dict.fromkeys(treatments, 0.0)
    for row in (row for block in blocks for row in rows_of[block.study]):
        totals[treatments[row]] += float(n[row])
    return totals


def _check_numbers(x: Floats, told: NDArray[np.bool_], arms: Sequence[str], measure: ArmMeasure) -> None:
    wanted = {"sd": "above 0", "n": "above 0", "time": "above 0", "events": "at least 0"}
    for name, values in zip(measure.columns, x, strict=True):
        if name in wanted:
            bad = told & ((values < 0) | ((values == 0) & (name != "events")))
            if bad.any():
                row = int(np.argmax(bad))
                raise SynthesisError(
                    f"{arms[row]} has {name} {values[row]:g}; wanted a number {wanted[name]}."
                )
    if measure.columns == _COUNTS and (told & (x[0] > x[1])).any():
        row = int(np.argmax(told & (x[0] > x[1])))
        raise SynthesisError(
            f"{arms[row]} has {x[0, row]:g} events in {x[1, row]:g} participants; correct one of them."
        )
    if measure.value is _log_mean and (told & (x[0] <= 0)).any():
        row = int(np.argmax(told & (x[0] <= 0)))
        raise SynthesisError(f"{arms[row]} has mean {x[0, row]:g}; a ratio of means needs means above 0.")


def _select_trials(
    rows_of: Mapping[str, list[int]], treatments: Sequence[str], asked: tuple[Floats, ArmMeasure, float]
) -> tuple[dict[str, list[int]], list[str]]:
    """Rows of the trials that say something, and what was said; adds to the counts where an arm has none."""
    x, measure, increment = asked
    none, full = _find_empty(x, measure)
    ratio = measure.events.startswith("0")
    more = np.array([increment, 2 * increment if measure.columns == _COUNTS else 0.0])
    trials, said = {}, []
    for study, rows in rows_of.items():
        arms = [treatments[row] for row in rows]
        if len(arms) == 1:
            said.append(f"{study} has a single usable arm ({arms[0]}) and was dropped.")
            continue
        _check_treatments(study, arms)
        if ratio and (none[rows].all() or full[rows].all()):
            said.append(
                f"{study} has no events in any arm, or nothing else, and was dropped: it says nothing about "
                "a ratio."
            )
            continue
        trials[study] = rows
        if none[rows].any() or full[rows].any():
            what = "no event or nothing but events" if full[rows].any() else "no event"
            said.append(
                f"An arm of trial {study} has {what}: {increment:g} was added to the counts of all its arms."
            )
            x[:, rows] += more[:, None]
    return trials, said


def _find_empty(x: Floats, measure: ArmMeasure) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Arms without an event, and arms with nothing but events, where the measure cannot use them."""
    nowhere = np.zeros(x.shape[1], dtype=bool)
    if not measure.events:
        return nowhere, nowhere
    every = measure.columns == _COUNTS and measure.events != "0"
    return x[0] == 0, x[0] == x[1] if every else nowhere


def _check_treatments(study: str, arms: list[str]) -> None:
    different = set(arms)
    if len(different) == 1:
        raise SynthesisError(f"All arms of {study} were given {arms[0]!r}; wanted two different treatments.")
    if len(different) < len(arms):
        twice = next(name for name in arms if arms.count(name) > 1)
        raise SynthesisError(
            f"{study} has duplicate arms: {arms.count(twice)} of its arms were given {twice!r}. Merge them "
            "into one (add counts, pool means and SDs), or name what distinguishes them."
        )


def _compare(
    trials: Mapping[str, list[int]], treatments: Sequence[str], x: Floats, measure: ArmMeasure
) -> list[StudyBlock]:
    """Every trial's arms against its first."""
    value, v = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    used = np.array([row for rows in trials.values() for row in rows])
    value[used], v[used] = measure.value(x[:, used])
    blocks = []
    for study, rows in trials.items():
        if measure is MEASURES["SMD"]:
            y, V = _standardise(study, x[:, rows])
        else:
            y, V = value[rows[1:]] - value[rows[0]], np.diag(v[rows[1:]]) + v[rows[0]]
        blocks.append(StudyBlock(study, tuple(treatments[row] for row in rows), y, V, tuple(rows[1:])))
    return blocks


def _standardise(study: str, x: Floats) -> tuple[Floats, Floats]:
    mean, sd, n = x
    if n.sum() <= n.size:
        raise SynthesisError(
            f"{study} has one participant in each arm, so that there is no standard deviation to standardise "
            "by; leave it out."
        )
    df, total = float((n - 1).sum()), float(n.sum())
    s = np.sqrt(((n - 1) * sd**2).sum() / df)
    g = correction_factor(np.array(df)) * (mean[1:] - mean[0]) / s
    return g, np.diag(1 / n[1:]) + 1 / n[0] + np.outer(g, g) / (2 * total)
