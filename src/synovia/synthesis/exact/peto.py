"""Peto's one-step odds ratio: observed less expected events over the hypergeometric variance."""

import numpy as np
import pandas as pd

from synovia.effects import Effect
from synovia.effects.cells import ZeroCells
from synovia.errors import SynthesisError
from synovia.synthesis.exact.assemble import assemble, measure, show_studies, test
from synovia.synthesis.exact.mantel_haenszel import pooled_solution, read_tables
from synovia.synthesis.exact.settings import make_settings
from synovia.synthesis.exact.strata import Estimate, Tables
from synovia.synthesis.fit import Fit

__all__ = ["peto"]


def peto(
    data: pd.DataFrame,
    *,
    events_treatment: str = "events_treatment",
    n_treatment: str = "n_treatment",
    events_comparator: str = "events_comparator",
    n_comparator: str = "n_comparator",
    level: float = 0.95,
) -> Fit:
    r"""Pool odds ratios by Peto's method.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    events_treatment, n_treatment, events_comparator, n_comparator : str
        Columns of events and participants.
    level : float
        Confidence level.

    Returns
    -------
    Fit
        The log odds ratio. Studies in which nobody or everybody had the event say nothing and are named.

    Raises
    ------
    SynthesisError
        When a count cannot be used; the study is named.
    TooFewStudies
        When no study says anything about the effect.

    Notes
    -----
    .. math:: \hat\theta = \frac{\sum (a_i - E_i)}{\sum V_i}, \quad E = \frac{n_1 m}{N}, \quad
       V = \frac{n_1 n_2 m (N - m)}{N^2 (N - 1)}, \quad \widehat{\operatorname{var}} = \frac{1}{\sum V_i}

    One Newton step from no effect: good for rare events, groups of like size and small effects, biased
    otherwise (Greenland & Salvan 1990, Statistics in Medicine 9, 247-252).
    Yusuf et al. (1985), Progress in Cardiovascular Diseases 27, 335-371.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import peto
    >>> trials = pd.DataFrame(
    ...     {"events_treatment": [4, 6], "n_treatment": [123, 306], "events_comparator": [11, 29],
    ...      "n_comparator": [139, 303]}
    ... )
    >>> print(f"{peto(trials).tidy().estimate[0]:.3f}")
    -1.240
    """
    columns = (events_treatment, n_treatment, events_comparator, n_comparator)
    return _pool(data, columns, level)


def _pool(data: pd.DataFrame, columns: tuple[str, ...], level: float) -> Fit:
    untouched: ZeroCells = "none"
    studies, s = read_tables(data, "OR", columns, 0.0, untouched)
    if not isinstance(s, Tables):  # pragma: no cover - the measure is OR
        raise SynthesisError("Peto's method needs events among participants.")
    N, m = s.total, s.a + s.c
    V = m * ((N - m) / (N - 1)) * (s.n1 / N) * (s.n2 / N)
    distance = s.a - s.n1 * (m / N)
    total = float(V.sum())
    estimate = Estimate(float(distance.sum()) / total, 1 / total, V / total)
    shown = show_studies(studies, Effect(distance / V, 1 / V, "PETO", "log odds ratio (Peto)"))
    told = np.ones(V.size, dtype=bool)
    tests = (test("Peto, no effect", float(distance.sum()) ** 2 / total, 1),)
    settings = make_settings(
        "common effect; Peto's one-step odds ratio, no continuity correction",
        lambda rows: _pool(rows, columns, level),
        formula="OR ~ 1",
        level=level,
    )
    heterogeneity = measure(shown, np.full(V.size, estimate.value), None, told)
    return assemble(shown, pooled_solution(shown, estimate, tests, told), settings, heterogeneity)
