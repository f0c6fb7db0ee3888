"""Events among participants with a normal random effect: odds ratios of two groups, proportions of one."""

from collections.abc import Callable
from functools import partial
from typing import Literal, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.effects import Counts
from synovia.effects.binary import two_by_two
from synovia.effects.proportion import proportion
from synovia.errors import SynthesisError
from synovia.synthesis.exact.counts import Studies, check_events, check_whole, read_studies
from synovia.synthesis.exact.family import Binomial, Family, Hypergeometric
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

__all__ = ["TwoGroups", "binomial_normal", "logit_normal", "make_two_group_model"]

Floats = NDArray[np.float64]
TwoGroups = Literal["UM.FS", "UM.RS", "CM.EL", "CM.AL"]

WORDS = {
    "UM.FS": "binomial-normal model of the odds ratio with fixed study effects",
    "UM.RS": "binomial-normal model of the odds ratio with random study effects",
    "CM.EL": "conditional model of the odds ratio, exact non-central hypergeometric likelihood",
    "CM.AL": "conditional model of the odds ratio, approximate (binomial) likelihood",
}


def binomial_normal(
    data: pd.DataFrame,
    model: TwoGroups = "UM.FS",
    formula: str = "~ 1",
    *,
    events_treatment: str = "events_treatment",
    n_treatment: str = "n_treatment",
    events_comparator: str = "events_comparator",
    n_comparator: str = "n_comparator",
    **options: Unpack[MixedOptions],
) -> Fit:
    r"""Pool odds ratios from the events themselves, by a logistic model with a random effect.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    model : {"UM.FS", "UM.RS", "CM.EL", "CM.AL"}
        A baseline for each study; normal baselines; no baselines, given the total of events: exactly, or
        approximately for rare events.
    formula : str
        Moderators of the log odds ratio, ``~ dose + source``.
    events_treatment, n_treatment, events_comparator, n_comparator : str
        Columns of events and participants.
    **options
        ``random`` (True): False for a common effect, which with CM.EL is exact conditional logistic
        regression; ``points`` (7): quadrature nodes for each random effect, 1 is the Laplace approximation;
        ``coding`` (0.5): the random effect enters the groups with 1/2 and -1/2; 1: it enters the treatment
        only; ``inference`` ("z" or "t"); ``level`` (0.95).

    Returns
    -------
    Fit
        Studies in which nobody or everybody had the event are left out and named. ``problem`` holds the
        studies' own log odds ratios, with 0.5 added for display where a cell is zero; the fit uses the
        counts.

    Raises
    ------
    SynthesisError
        When a count cannot be used, named with its study, or a group has no events in any study.

    Notes
    -----
    .. math:: \operatorname{logit} p_{ij} = \alpha_i + t_j x_i'\beta + d_j \tau u_i, \quad u_i \sim N(0, 1)

    with t = 1 for the treatment and d = 1/2 or -1/2; given the totals, the events of the treatment follow
    Fisher's non-central hypergeometric distribution. Stijnen, Hamza & Özdemir (2010), Statistics in Medicine
    29, 3046-3067; Jackson et al. (2018), Statistics in Medicine 37, 1059-1085. UM.FS has as many nuisance
    parameters as studies and its tau2 is too small when studies are small; CM.EL has none.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import binomial_normal
    >>> trials = pd.DataFrame(
    ...     {"events_treatment": [4, 6, 3], "n_treatment": [123, 306, 231],
    ...      "events_comparator": [11, 29, 11], "n_comparator": [139, 303, 220]}
    ... )
    >>> fit = binomial_normal(trials, "CM.EL", random=False)
    >>> print(f"{fit.tidy().estimate[0]:.3f} ({fit.tidy().std_error[0]:.3f})")
    -1.416 (0.316)
    """
    if model not in WORDS:
        raise SynthesisError(f"Found model {model!r}; wanted one of {', '.join(WORDS)}.")
    columns = (events_treatment, n_treatment, events_comparator, n_comparator)
    studies = _read(data, columns, formula)
    a, n1, c, n2 = studies.values
    asked = Asked(
        words=say_model(WORDS[model], options, integrated=model == "UM.RS"),
        formula=_name(formula, "OR"),
        options=options,
        again=partial(_again, columns=columns, model=model, formula=formula, options=options),
    )
    effect = two_by_two(Counts(a, n1), Counts(c, n2), "OR")
    return fit_counts(make_two_group_model(model, studies.values, options), studies, effect, asked)


def _again(
    data: pd.DataFrame, *, columns: tuple[str, ...], model: TwoGroups, formula: str, options: MixedOptions
) -> Fit:
    names = ("events_treatment", "n_treatment", "events_comparator", "n_comparator")
    named = dict(zip(names, columns, strict=True))
    return binomial_normal(data, model, formula, **named, **options)


def _name(formula: str, measure: str) -> str:
    return f"{measure} ~ {read_moderators(formula).moderators}"


def _read(data: pd.DataFrame, columns: tuple[str, ...], formula: str) -> Studies:
    studies = read_studies(data, columns, read_moderators(formula).columns)
    check_whole(studies, range(4), columns, "a binomial likelihood")
    check_events(studies, 0, 1, columns)
    check_events(studies, 2, 3, columns)
    a, n1, c, n2 = studies.values
    studies = studies.drop((a + c == 0) | (a + c == n1 + n2), "nobody or everybody had the event")
    a, n1, c, n2 = studies.values.sum(axis=1)
    refuse_infinite(
        {
            "events under treatment": a,
            "participants without events under treatment": n1 - a,
            "events in the comparator": c,
            "participants without events in the comparator": n2 - c,
        }
    )
    return studies


def make_two_group_model(
    model: TwoGroups, values: Floats, options: MixedOptions
) -> Callable[[Floats], Model]:
    """From the design of the effect to the model of two groups.

    Parameters
    ----------
    model : str
        Which of the four.
    values : ndarray of shape (4, n)
        Events and participants of the treatment, then of the comparator.
    options : MixedOptions
        Points and coding.
    """
    a, n1, c, n2 = values
    family: Family
    if model == "CM.EL":
        family, offsets, baseline = Hypergeometric.from_tables(a, n1, c, n2), np.zeros((a.size, 1)), "none"
    elif model == "CM.AL":
        family, offsets, baseline = Binomial(a[:, None], (a + c)[:, None]), np.log(n1 / n2)[:, None], "none"
    else:
        family, offsets = Binomial(np.stack([a, c], 1), np.stack([n1, n2], 1)), np.zeros((a.size, 2))
        baseline = "fixed" if model == "UM.FS" else "random"
    return spread_over_groups(family, offsets, baseline, options)


def logit_normal(
    data: pd.DataFrame,
    formula: str = "~ 1",
    *,
    events: str = "events",
    n: str = "n",
    **options: Unpack[MixedOptions],
) -> Fit:
    r"""Pool proportions of one group from the events themselves, by a logistic model with a random effect.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    formula : str
        Moderators of the logit.
    events, n : str
        Columns of events and participants.
    **options
        As for :func:`binomial_normal`.

    Returns
    -------
    Fit
        On the logit scale; no study is left out.

    Raises
    ------
    SynthesisError
        When a count cannot be used, named with its study, or no study has events.

    Notes
    -----
    .. math:: y_i \sim \operatorname{Bin}(n_i, p_i), \quad \operatorname{logit} p_i = x_i'\beta + \tau u_i

    Hamza, van Houwelingen & Stijnen (2008), Journal of Clinical Epidemiology 61, 41-51.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import logit_normal
    >>> groups = pd.DataFrame({"events": [16, 10, 9, 0], "n": [17, 12, 15, 6]})
    >>> fit = logit_normal(groups, random=False)
    >>> print(f"{fit.tidy().estimate[0]:.3f}")
    0.847
    """
    columns = (events, n)
    studies = read_studies(data, columns, read_moderators(formula).columns)
    check_whole(studies, range(2), columns, "a binomial likelihood")
    check_events(studies, 0, 1, columns)
    y, size = studies.values
    refuse_infinite({"events": float(y.sum()), "participants without events": float((size - y).sum())})
    asked = Asked(
        words=say_model("binomial-normal model of the logit", options),
        formula=_name(formula, "PLO"),
        options=options,
        again=lambda rows: logit_normal(rows, formula, events=events, n=n, **options),
    )
    family, offsets = Binomial(y[:, None], size[:, None]), np.zeros((y.size, 1))
    effect = proportion(Counts(y, size), "PLO")
    return fit_counts(spread_over_groups(family, offsets, "none", options), studies, effect, asked)
