"""Events in person-time with a normal random effect: rate ratios of two groups, rates of one."""

from collections.abc import Callable
from typing import Literal, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.effects.effect import Rates
from synovia.effects.rate import compare_rates, rate
from synovia.errors import SynthesisError
from synovia.synthesis.exact.counts import Studies, check_positive, check_whole, read_studies
from synovia.synthesis.exact.family import Binomial, Family, Poisson
from synovia.synthesis.exact.mixed import Model
from synovia.synthesis.exact.report import (
    Asked,
    MixedOptions,
    fit_counts,
    read_moderators,
    refuse_infinite,
    say_model,
    spread_over_groups,
)
from synovia.synthesis.fit import Fit

__all__ = ["TwoRates", "log_rate_normal", "make_two_rate_model", "poisson_normal"]

Floats = NDArray[np.float64]
TwoRates = Literal["UM.FS", "UM.RS", "CM.EL"]

WORDS = {
    "UM.FS": "Poisson-normal model of the rate ratio with fixed study effects",
    "UM.RS": "Poisson-normal model of the rate ratio with random study effects",
    "CM.EL": "conditional model of the rate ratio, exact binomial likelihood",
}


def poisson_normal(
    data: pd.DataFrame,
    model: TwoRates = "UM.FS",
    formula: str = "~ 1",
    *,
    events_treatment: str = "events_treatment",
    time_treatment: str = "time_treatment",
    events_comparator: str = "events_comparator",
    time_comparator: str = "time_comparator",
    **options: Unpack[MixedOptions],
) -> Fit:
    r"""Pool rate ratios from the events themselves, by a Poisson model with a random effect.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    model : {"UM.FS", "UM.RS", "CM.EL"}
        A baseline for each study; normal baselines; no baselines, given the total of events.
    formula : str
        Moderators of the log rate ratio.
    events_treatment, time_treatment, events_comparator, time_comparator : str
        Columns of events and of person-time.
    **options
        As for :func:`binomial_normal`.

    Returns
    -------
    Fit
        Studies without events in either group are left out and named.

    Raises
    ------
    SynthesisError
        When a count cannot be used, named with its study, or a group has no events in any study.

    Notes
    -----
    .. math:: \ln \lambda_{ij} = \alpha_i + t_j x_i'\beta + d_j \tau u_i + \ln T_{ij}, \quad u_i \sim N(0, 1)

    with t = 1 for the treatment and d = 1/2 or -1/2. Given the total m of events, those of the treatment are
    binomial among m with logit :math:`x_i'\beta + \tau u_i + \ln(T_{i1}/T_{i2})`. Stijnen, Hamza & Özdemir
    (2010), Statistics in Medicine 29, 3046-3067; Bagos & Nikolopoulos (2009), The Internat. J. of
    Biostatistics 5, 21.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import poisson_normal
    >>> trials = pd.DataFrame(
    ...     {"events_treatment": [9, 8], "time_treatment": [413, 263],
    ...      "events_comparator": [19, 19], "time_comparator": [398, 245]}
    ... )
    >>> print(f"{poisson_normal(trials, 'CM.EL', random=False).tidy().estimate[0]:.3f}")
    -0.858
    """
    if model not in WORDS:
        raise SynthesisError(f"Found model {model!r}; wanted one of {', '.join(WORDS)}.")
    columns = (events_treatment, time_treatment, events_comparator, time_comparator)
    studies = _read(data, columns, formula)
    a, t1, c, t2 = studies.values
    asked = Asked(
        words=say_model(WORDS[model], options, integrated=model == "UM.RS"),
        formula=f"IRR ~ {read_moderators(formula).moderators}",
        options=options,
        again=lambda rows: poisson_normal(
            rows,
            model,
            formula,
            events_treatment=events_treatment,
            time_treatment=time_treatment,
            events_comparator=events_comparator,
            time_comparator=time_comparator,
            **options,
        ),
    )
    effect = compare_rates(Rates(a, t1), Rates(c, t2), "IRR")
    return fit_counts(make_two_rate_model(model, studies.values, options), studies, effect, asked)


def _read(data: pd.DataFrame, columns: tuple[str, ...], formula: str) -> Studies:
    studies = read_studies(data, columns, read_moderators(formula).columns)
    check_whole(studies, (0, 2), columns, "a Poisson likelihood")
    check_positive(studies, 1, columns)
    check_positive(studies, 3, columns)
    studies = studies.drop(studies.values[0] + studies.values[2] == 0, "no events in either group")
    totals = studies.values.sum(axis=1)
    refuse_infinite({"events under treatment": totals[0], "events in the comparator": totals[2]})
    return studies


def make_two_rate_model(model: TwoRates, values: Floats, options: MixedOptions) -> Callable[[Floats], Model]:
    """From the design of the effect to the model of two rates.

    Parameters
    ----------
    model : str
        Which of the three.
    values : ndarray of shape (4, n)
        Events and time of the treatment, then of the comparator.
    options : MixedOptions
        Points and coding.
    """
    a, t1, c, t2 = values
    family: Family
    if model == "CM.EL":
        family, offsets, baseline = Binomial(a[:, None], (a + c)[:, None]), np.log(t1 / t2)[:, None], "none"
    else:
        family, offsets = Poisson(np.stack([a, c], 1), np.stack([t1, t2], 1)), np.zeros((a.size, 2))
        baseline = "fixed" if model == "UM.FS" else "random"
    return spread_over_groups(family, offsets, baseline, options)


def log_rate_normal(
    data: pd.DataFrame,
    formula: str = "~ 1",
    *,
    events: str = "events",
    time: str = "time",
    **options: Unpack[MixedOptions],
) -> Fit:
    r"""Pool rates of one group from the events themselves, by a Poisson model with a random effect.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    formula : str
        Moderators of the log rate.
    events, time : str
        Columns of events and of person-time.
    **options
        As for :func:`binomial_normal`.

    Returns
    -------
    Fit
        On the log scale; no study is left out.

    Raises
    ------
    SynthesisError
        When a count cannot be used, named with its study, or no study has events.

    Notes
    -----
    .. math:: y_i \sim \operatorname{Poisson}(T_i e^{x_i'\beta + \tau u_i})

    Stijnen, Hamza & Özdemir (2010), Statistics in Medicine 29, 3046-3067.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import log_rate_normal
    >>> groups = pd.DataFrame({"events": [9, 8, 3], "time": [413, 263, 487]})
    >>> print(f"{log_rate_normal(groups, random=False).tidy().estimate[0]:.3f}")
    -4.063
    """
    columns = (events, time)
    studies = read_studies(data, columns, read_moderators(formula).columns)
    check_whole(studies, (0,), columns, "a Poisson likelihood")
    check_positive(studies, 1, columns)
    y, t = studies.values
    refuse_infinite({"events": float(y.sum())})
    asked = Asked(
        words=say_model("Poisson-normal model of the log rate", options),
        formula=f"IRLN ~ {read_moderators(formula).moderators}",
        options=options,
        again=lambda rows: log_rate_normal(rows, formula, events=events, time=time, **options),
    )
    family, offsets = Poisson(y[:, None], t[:, None]), np.zeros((y.size, 1))
    effect = rate(Rates(y, t), "IRLN")
    return fit_counts(spread_over_groups(family, offsets, "none", options), studies, effect, asked)
