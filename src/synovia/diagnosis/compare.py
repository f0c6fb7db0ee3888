"""Which of several models the data prefer: likelihood ratios and information criteria."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.kernel.solution import require_point
from synovia.synthesis import Fit
from synovia.synthesis.refit import reset

__all__ = ["Comparison", "compare"]

SAME_SPACE = 1e-8  # what one design may leave of the other's columns, as a share of their length


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Models side by side.

    Attributes
    ----------
    table : DataFrame
        One row per model; ``tidy`` describes the columns.
    notes : tuple of str
        What the comparison rests on.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]

    drawing: ClassVar[str] = ""

    def tidy(self) -> pd.DataFrame:
        """One row per model.

        Returns
        -------
        DataFrame
            model, parameters, log_lik, aic, aicc, bic, q, aic_difference (from the best), lr_statistic,
            lr_df, lr_p_value (against the model of the row before), inapplicable (why there is no such test).
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table}

    def __str__(self) -> str:
        return "\n".join([self.table.to_string(), *self.notes])


def compare(*fits: Fit, names: tuple[str, ...] = ()) -> Comparison:
    r"""AIC, AICc, BIC and likelihood-ratio tests of models of the same effects.

    Parameters
    ----------
    *fits : Fit
        Two or more, of the same rows. Each is tested against the one before it.
    names : tuple of str, optional
        What to call them; their formulas and random effects without it.

    Returns
    -------
    Comparison

    Raises
    ------
    SynthesisError
        When there are fewer than two, or they rest on different effects.

    Notes
    -----
    Restricted likelihoods of different means are not comparable, because they are of different data;
    models fitted by REML whose means differ are fitted again by maximum likelihood, and a note says so. With
    q parameters in all and n effects (n - p under REML),

    .. math:: AIC = -2l + 2q, \quad BIC = -2l + q\log n, \quad AICc = -2l + \frac{2qn}{n - q - 1}

    where n in AICc is at least q + 2, as in metafor. The likelihood-ratio statistic is referred to
    chi-squared on the difference in parameters. Where a variance is 0 under the smaller model its true law
    has more mass near 0, and p is too large: Self & Liang (1987), Journal of the American Statistical
    Association 82, 605-610.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame(
    ...     {"estimate": [0.1, 0.4, 0.3, 0.6], "variance": [0.02, 0.03, 0.01, 0.02], "dose": [1, 2, 1, 3]}
    ... )
    >>> both = compare(meta(trials), meta(trials, "estimate ~ dose"))
    >>> both.tidy()[["parameters", "lr_df"]].to_numpy().tolist()
    [[2.0, nan], [3.0, 1.0]]
    """
    _check(fits)
    models, restricted, said = _agree(fits)
    rows = [_describe(fit, restricted=restricted) for fit in models]
    table = pd.DataFrame(rows)
    table.insert(0, "model", list(names) or _name(fits))
    table["aic_difference"] = table["aic"] - table["aic"].min()
    tests: list[dict[str, object]] = [{"inapplicable": ""}]
    tests += [_test(small, large, restricted=restricted) for small, large in itertools.pairwise(models)]
    columns = ["lr_statistic", "lr_df", "lr_p_value", "inapplicable"]
    tested = pd.DataFrame(tests, columns=columns)
    return Comparison(table.join(tested), said)


def _check(fits: tuple[Fit, ...]) -> None:
    if len(fits) < 2:
        raise SynthesisError(f"Found {len(fits)} fit; wanted at least two to compare.")
    for fit in fits:
        require_point(fit.point)
    first = fits[0].problem
    for place, fit in enumerate(fits[1:], start=2):
        same = fit.problem.n == first.n and np.array_equal(fit.problem.y, first.y)
        if not (same and np.array_equal(fit.problem.V.diagonal, first.V.diagonal)):
            raise SynthesisError(
                f"Model {place} rests on other effects than model 1 ({fit.problem.n} and {first.n}); give "
                "all models the same rows, for instance by dropping rows that lack any moderator."
            )


def _agree(fits: tuple[Fit, ...]) -> tuple[tuple[Fit, ...], bool, tuple[str, ...]]:
    """Models whose likelihoods can be compared, whether these are restricted, and what was done for it."""
    random = [fit for fit in fits if fit.problem.terms]
    restricted = bool(random) and all(fit.settings.restricted for fit in random)
    if not restricted or all(_same_mean(fits[0], fit) for fit in fits[1:]):
        return fits, restricted, ()
    if any(isinstance(fit.settings.tau2, Mapping) for fit in fits):
        raise SynthesisError(
            "The means differ and some variances are held, so that the models can neither be compared by "
            "REML nor fitted again by maximum likelihood; compare models of one mean."
        )
    again = tuple(reset(fit, tau2="ML") if fit.problem.terms else fit for fit in fits)
    return (
        again,
        False,
        (
            "The means differ, so the models were fitted again by maximum likelihood; restricted likelihoods "
            "of different means cannot be compared.",
        ),
    )


def _same_mean(one: Fit, other: Fit) -> bool:
    return _spans(one, other) and _spans(other, one)


def _spans(large: Fit, small: Fit) -> bool:
    """Whether the columns of one design are combinations of those of another."""
    basis = np.linalg.qr(large.problem.X)[0]
    X = small.problem.X
    left = X - basis @ (basis.T @ X)
    return bool(np.linalg.norm(left) <= SAME_SPACE * np.linalg.norm(X))


def _name(fits: tuple[Fit, ...]) -> list[str]:
    return [
        f"{place}: {fit.settings.formula}; {fit.settings.model}" for place, fit in enumerate(fits, start=1)
    ]


def _describe(fit: Fit, *, restricted: bool) -> dict[str, object]:
    count = _count(fit)
    value = fit.point.log_reml if restricted else fit.point.log_ml
    n = fit.problem.n - (fit.problem.p if restricted else 0)
    room = max(n, count + 2)
    return {
        "parameters": count,
        "log_lik": value,
        "aic": -2 * value + 2 * count,
        "aicc": -2 * value + 2 * count * room / (room - count - 1),
        "bic": -2 * value + count * float(np.log(n)),
        "q": _find_q(fit),
    }


def _find_q(fit: Fit) -> float:
    return float("nan") if isinstance(fit.heterogeneity.q, Inapplicable) else fit.heterogeneity.q


def _count(fit: Fit) -> int:
    """Coefficients and variances that were estimated."""
    tau2 = fit.settings.tau2
    if isinstance(tau2, Mapping):
        return fit.problem.p + fit.problem.parameters - len(tau2)
    return fit.problem.p + (fit.problem.parameters if isinstance(tau2, str) else 0)


def _test(small: Fit, large: Fit, *, restricted: bool) -> dict[str, object]:
    if _count(small) > _count(large):
        small, large = large, small
    df = _count(large) - _count(small)
    if df == 0:
        return {"inapplicable": "the models have equally many parameters, so that neither contains the other"}
    if not _spans(large, small):
        return {"inapplicable": "the mean of the smaller model is not a part of that of the larger"}
    high, low = ((fit.point.log_reml if restricted else fit.point.log_ml) for fit in (large, small))
    statistic = max(0.0, 2 * (high - low))
    return {
        "lr_statistic": statistic,
        "lr_df": df,
        "lr_p_value": float(chdtrc(df, statistic)),
        "inapplicable": "",
    }
