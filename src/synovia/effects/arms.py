"""Rows of arm data as groups: pooled when they stand for one, and as arrays."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from synovia.effects.effect import Counts, Means
from synovia.effects.shared import split_n

__all__ = ["Arm", "counts", "join", "lines", "means", "pool", "split"]

Arm = dict[str, Any]


def join(texts: Iterable[str]) -> str:
    """Texts that are not empty, each once, joined by ``"; "``."""
    return "; ".join(dict.fromkeys(text for text in texts if text))


def lines(arm: Arm) -> list[str]:
    """Lines of outcomes.csv an arm came from."""
    known = str(arm["lines"])
    if known:
        return known.split("; ")
    return [] if math.isnan(arm["line"]) else [f"{arm['line']:g}"]


def pool(arms: Sequence[Arm]) -> Arm:
    r"""One group out of several arms of the same study, as if they had been one.

    Notes
    -----
    .. math:: (N - 1) SD^2 = \sum (n_i - 1) SD_i^2 + \sum n_i (m_i - M)^2

    Cochrane Handbook for Systematic Reviews of Interventions, version 6, section 6.5.2.10.
    """
    if len(arms) == 1:
        return arms[0]
    group = means(arms)
    total = float(group.n.sum())
    mean = float(np.sum(group.n * group.mean) / total)
    squares = np.sum((group.n - 1) * group.sd**2) + np.sum(group.n * (group.mean - mean) ** 2)
    names = " + ".join(arm["arm_id"] for arm in arms)
    return {
        **arms[0],
        "arm_id": names,
        "treatment": " + ".join(dict.fromkeys(arm["treatment"] for arm in arms)),
        "n": total,
        "mean": mean,
        "sd": math.sqrt(squares / (total - 1)),
        "events": float(sum(arm["events"] for arm in arms)),
        "derived": join([*(arm["derived"] for arm in arms), f"comparator arms {names} pooled"]),
        "assumption": join(arm["assumption"] for arm in arms),
        "caution": join(arm["caution"] for arm in arms),
        "lines": join(line for arm in arms for line in lines(arm)),
    }


def split(arm: Arm, comparisons: int) -> Arm:
    """One of the equal parts of a comparator that serves several arms.

    Raises
    ------
    ProtocolError
        When fewer than two participants would be left for a comparison.
    """
    return {
        **arm,
        "n": split_n(arm["n"], comparisons),
        "events": arm["events"] / comparisons,
        "derived": join([arm["derived"], f"comparator of {arm['n']:g} split among {comparisons} arms"]),
    }


def means(arms: Sequence[Arm]) -> Means:
    """Means, SDs and n of the arms."""
    mean, sd, n = (np.array([arm[name] for arm in arms], float) for name in ("mean", "sd", "n"))
    return Means(mean, sd, n)


def counts(arms: Sequence[Arm]) -> Counts:
    """Events and n of the arms."""
    events, n = (np.array([arm[name] for arm in arms], float) for name in ("events", "n"))
    return Counts(events, n)
