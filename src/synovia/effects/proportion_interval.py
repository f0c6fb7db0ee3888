"""Confidence intervals of a single proportion, by the methods that reviews print beside each study."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import betaincinv, expit, ndtri

from synovia.effects.cells import refuse, refuse_counts
from synovia.effects.effect import Array, Counts
from synovia.effects.proportion import proportion
from synovia.errors import Fault, ScaleError

__all__ = ["IntervalKind", "ProportionInterval", "proportion_interval"]

IntervalKind: TypeAlias = Literal[
    "clopper-pearson", "wilson", "wilson-corrected", "agresti-coull", "simple", "simple-corrected", "logit",
    "arcsine",
]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class ProportionInterval:
    """Proportions of k studies with their limits.

    Attributes
    ----------
    estimate : array (k,)
        Events over participants.
    lower, upper : array (k,)
        Limits, proportions from 0 to 1.
    kind : str
        The method.
    level : float
        Confidence level.
    """

    estimate: Array
    lower: Array
    upper: Array
    kind: str
    level: float

    def tidy(self) -> pd.DataFrame:
        """One row per study.

        Returns
        -------
        DataFrame
            estimate, lower, upper, level, kind.
        """
        return pd.DataFrame(
            {
                "estimate": np.atleast_1d(self.estimate),
                "lower": np.atleast_1d(self.lower),
                "upper": np.atleast_1d(self.upper),
                "level": self.level,
                "kind": self.kind,
            }
        )


def proportion_interval(
    events: Array, n: Array, *, kind: IntervalKind = "clopper-pearson", level: float = 0.95
) -> ProportionInterval:
    r"""Confidence interval of each study's proportion.

    Parameters
    ----------
    events, n : array (k,)
        Participants with the event, and participants, at least 1.
    kind : str
        ``clopper-pearson`` holds its level at every proportion and is wide; ``wilson`` holds it on average;
        ``simple``, the estimate plus and minus standard errors, fails for small n and near 0 and 1.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    ProportionInterval

    Raises
    ------
    ScaleError
        When a count is negative, events outnumber participants, or a group has nobody; the row is named.

    Notes
    -----
    With z the normal quantile of (1 + level)/2, p = x/n and q = 1 - p:

    - clopper-pearson: quantiles of the beta distributions (x, n - x + 1) and (x + 1, n - x);
    - wilson: :math:`\{2np + z^2 \pm z \sqrt{z^2 + 4npq}\} / \{2(n + z^2)\}`;
    - wilson-corrected, for continuity, lower limit
      :math:`\{2np + z^2 - 1 - z \sqrt{z^2 - 2 - 1/n + 4p(nq + 1)}\} / \{2(n + z^2)\}`, the upper one by
      symmetry, and 0 (or 1) where the estimate is;
    - agresti-coull: :math:`\tilde p \pm z \sqrt{\tilde p (1 - \tilde p)/\tilde n}`, with
      :math:`\tilde n = n + z^2` and :math:`\tilde p = (x + z^2/2)/\tilde n`;
    - simple: :math:`p \pm z \sqrt{pq/n}`; simple-corrected: wider by 1/(2n) on either side;
    - logit: back from :math:`\ln(p/q) \pm z (1/x + 1/(n - x))^{1/2}`, 0.5 added to both where one is 0;
    - arcsine: back from :math:`\arcsin \sqrt p \pm z / (2 \sqrt n)`.

    Limits beyond 0 and 1 are cut. Clopper & Pearson (1934), Biometrika 26, 404-413; Agresti & Coull (1998),
    The American Statistician 52, 119-126; the others: Newcombe (1998), Statistics in Medicine 17, 857-872,
    methods 1 to 4, and Brown, Cai & DasGupta (2001), Statistical Science 16, 101-133.

    Examples
    --------
    >>> from synovia.effects import proportion_interval
    >>> found = proportion_interval([81, 0], [263, 20], kind="wilson")
    >>> found.lower.round(4).tolist(), found.upper.round(4).tolist()
    ([0.2553, 0.0], [0.3662, 0.1611])
    """
    group = Counts(events, n)
    x, size = np.broadcast_arrays(*group.arrays)
    refuse(size < 1, size, "a group of less than one participant", "at least 1 participant")
    refuse_counts(np.stack([x, size - x]), "events from 0 to the number of participants")
    if kind not in _KINDS:
        raise ScaleError([Fault(f"interval {kind!r}", f"one of {', '.join(_KINDS)}")])
    if not 0 < level < 1:
        raise ScaleError([Fault(f"level {level:g}", "a number between 0 and 1, such as 0.95")])
    lower, upper = _KINDS[kind](x, size, level)
    lower, upper = np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)
    return ProportionInterval(np.asarray(x / size), lower, upper, kind, level)


Limits: TypeAlias = tuple[Array, Array]


def _quantile(level: float) -> float:
    return float(ndtri((1 + level) / 2))


def _exact(x: Array, n: Array, level: float) -> Limits:
    tail = (1 - level) / 2
    inner = (x > 0, x < n)
    lower = betaincinv(np.where(inner[0], x, 1.0), n - x + 1, tail)
    upper = betaincinv(x + 1, np.where(inner[1], n - x, 1.0), 1 - tail)
    return np.where(inner[0], lower, 0.0), np.where(inner[1], upper, 1.0)


def _wilson(x: Array, n: Array, level: float) -> Limits:
    z = _quantile(level)
    half = z * np.sqrt(z**2 + 4 * x * (n - x) / n)
    middle, width = 2 * x + z**2, 2 * (n + z**2)
    return np.where(x > 0, (middle - half) / width, 0.0), np.where(x < n, (middle + half) / width, 1.0)


def _wilson_corrected(x: Array, n: Array, level: float) -> Limits:
    return _lower_corrected(x, n, level), 1 - _lower_corrected(n - x, n, level)


def _lower_corrected(x: Array, n: Array, level: float) -> Array:
    z = _quantile(level)
    inside = np.maximum(z**2 - 2 - 1 / n + 4 * x / n * (n - x + 1), 0.0)
    return np.where(x > 0, (2 * x + z**2 - 1 - z * np.sqrt(inside)) / (2 * (n + z**2)), 0.0)


def _agresti_coull(x: Array, n: Array, level: float) -> Limits:
    z = _quantile(level)
    total = n + z**2
    return _simple((x + z**2 / 2), total, level)


def _simple(x: Array, n: Array, level: float) -> Limits:
    half = _quantile(level) * np.sqrt(x * (n - x) / n**3)
    return x / n - half, x / n + half


def _simple_corrected(x: Array, n: Array, level: float) -> Limits:
    lower, upper = _simple(x, n, level)
    return lower - 1 / (2 * n), upper + 1 / (2 * n)


def _logit(x: Array, n: Array, level: float) -> Limits:
    found = proportion(Counts(x, n), "PLO")
    half = _quantile(level) * found.std_error
    return expit(found.estimate - half), expit(found.estimate + half)


def _arcsine(x: Array, n: Array, level: float) -> Limits:
    found = proportion(Counts(x, n), "PAS")
    half = _quantile(level) * found.std_error
    ends = (np.clip(found.estimate + side * half, 0, np.pi / 2) for side in (-1, 1))
    lower, upper = (np.sin(end) ** 2 for end in ends)
    return lower, upper


_KINDS: dict[str, Callable[[Array, Array, float], Limits]] = {
    "clopper-pearson": _exact,
    "wilson": _wilson,
    "wilson-corrected": _wilson_corrected,
    "agresti-coull": _agresti_coull,
    "simple": _simple,
    "simple-corrected": _simple_corrected,
    "logit": _logit,
    "arcsine": _arcsine,
}
