"""Permutation tests of a pooled mean and of moderators, which need no distribution of the effects."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.fit import Fit
from synovia.synthesis.orders import Signs
from synovia.synthesis.repeated import Progress, Repeated, find_joint, find_statistics, read_fit

__all__ = ["SEED", "Permuted", "permutation_test"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

SEED = 20_251
TIED = 1e-8
"""Statistics this close belong to one arrangement, met in another order of summation."""
HALVINGS = 60
PRECISE = 1e-10  # of a standard error: how exactly a permutation limit is found
WIDEST = 1e6  # standard errors beyond which a limit is infinite


@dataclass(frozen=True, slots=True, eq=False)
class Permuted:
    """A permutation test.

    Attributes
    ----------
    terms : tuple of str
        Names of the coefficients.
    estimate, statistic, p_value : ndarray of shape (p,)
        Coefficients, their z or t as observed, and the share of arrangements at least as far from 0.
    joint_statistic, joint_p_value : float
        The same for the joint test of all moderators; of the mean without moderators. NaN when the intercept
        stands beside nothing and nothing is tested.
    lower, upper : ndarray of shape (p,)
        Limits: of the fit, or of the permutation interval where asked for; infinite where nothing is refused.
    statistics : ndarray of shape (N, p)
        z or t of every arrangement that could be fitted.
    joint_statistics : ndarray of shape (N,)
        Joint statistic of every arrangement that could be fitted.
    arrangements : int
        Number of arrangements, the observed one included.
    unfitted : int
        Arrangements that could not be fitted; they do not count.
    exact : bool
        Whether these were all there are.
    interval : str
        "confidence" or "permutation".
    level : float
        Level of the limits.
    method : str
        The test in words.
    """

    terms: tuple[str, ...]
    estimate: Floats
    statistic: Floats
    p_value: Floats
    joint_statistic: float
    joint_p_value: float
    lower: Floats
    upper: Floats
    statistics: Floats
    joint_statistics: Floats
    arrangements: int
    unfitted: int
    exact: bool
    interval: str
    level: float
    method: str

    def tidy(self) -> pd.DataFrame:
        """One row per coefficient.

        Returns
        -------
        DataFrame
            term, estimate, statistic, p_value, lower, upper, level, interval, method.
        """
        return pd.DataFrame(
            {
                "term": list(self.terms),
                "estimate": self.estimate,
                "statistic": self.statistic,
                "p_value": self.p_value,
                "lower": self.lower,
                "upper": self.upper,
                "level": self.level,
                "interval": self.interval,
                "method": self.method,
            }
        )


def permutation_test(
    fit: Fit,
    *,
    permutations: int | str = 1000,
    intervals: bool = False,
    seed: int = SEED,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Permuted:
    r"""Test coefficients against what they are when moderators fall on studies at random.

    With moderators the rows of the design are permuted among the studies; without any the signs of the
    estimates are flipped, which tests a mean of 0 under a symmetric distribution. Each arrangement is fitted
    again by the same estimator. Needs the extra ``synovia[batch]``.

    Parameters
    ----------
    fit : Fit
        Of independent estimates with one random effect each, or none.
    permutations : int or "exact"
        Number of arrangements, of which the observed one is the first; all there are by "exact", or when
        there are no more than that.
    intervals : bool
        Also invert the test of each coefficient into a permutation interval.
    seed : int
        Seed of the random arrangements.
    threads : int, optional
        As many as there are processors without it. The answers do not depend on it.
    progress : callable, optional
        Told how many arrangements are done, and of how many, now and then.

    Returns
    -------
    Permuted

    Raises
    ------
    SynthesisError
        When the fit is of another kind, or there are too many arrangements to enumerate.
    MissingExtra
        When numba is not installed.

    Notes
    -----
    .. math:: p_j = \frac{\#\{s: |z_j^{(s)}| \ge |z_j|\}}{S}

    Higgins & Thompson (2004), Statistics in Medicine 23, 1663-1682; Follmann & Proschan (1999), Biometrics
    55, 732-737. A limit is the value whose one-sided test has p = (1 - level)/2.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.9, 0.3, 0.5, 0.4, 0.2], "variance": [0.02] * 6})
    >>> permutation_test(meta(trials), permutations="exact").tidy()[["term", "p_value"]]
            term  p_value
    0  Intercept  0.03125
    """
    design = read_fit(fit, "permutation_test", threads)
    ways = design.ways
    exact = permutations == "exact" or (isinstance(permutations, int) and ways.count <= permutations)
    if not exact and (not isinstance(permutations, int) or permutations < 2):
        raise SynthesisError(f"Found permutations {permutations!r}; wanted a number above 1, or 'exact'.")
    chosen = ways.enumerate_all() if exact else ways.draw(int(permutations), np.random.default_rng(seed))
    drawn = design.fit(chosen, progress=progress)
    observed = design.observe()
    ours, joint = find_statistics(observed), find_joint(observed)
    fitted = drawn.converged
    each, together = find_statistics(drawn)[fitted], find_joint(drawn)[fitted]
    tail = (1 - fit.settings.level) / 2
    lower, upper = (
        _invert(design, chosen, tail) if intervals else (observed.lower[:, 0], observed.upper[:, 0])
    )
    return Permuted(
        terms=fit.names.coefficients,
        estimate=observed.beta[:, 0],
        statistic=ours[0],
        p_value=np.asarray((np.abs(each) >= np.abs(ours) - TIED).mean(axis=0)),
        joint_statistic=float(joint[0]),
        joint_p_value=float((together >= joint - TIED).mean()),
        lower=lower,
        upper=upper,
        statistics=each,
        joint_statistics=together,
        arrangements=chosen.shape[1],
        unfitted=int((~fitted).sum()),
        exact=exact,
        interval="permutation" if intervals else "confidence",
        level=fit.settings.level,
        method=_name(design, chosen.shape[1], exact=exact),
    )


def _name(design: Repeated, arrangements: int, *, exact: bool) -> str:
    what = "sign flips" if isinstance(design.ways, Signs) else "orders of the moderators"
    return f"permutation test, {'all' if exact else 'random'} {arrangements:,} {what}"


def _invert(design: Repeated, chosen: Floats | Integers, tail: float) -> tuple[Floats, Floats]:
    """Permutation limits of each coefficient."""
    observed = design.observe()
    limits = [
        [
            _find_limit(partial(_find_share, design, chosen, column, sign), start, sign * error, tail)
            for sign in (-1, 1)
        ]
        for column, (start, error) in enumerate(
            zip(observed.beta[:, 0].tolist(), observed.std_error[:, 0].tolist(), strict=True)
        )
    ]
    lower, upper = np.array(limits).T
    return lower, upper


def _find_share(design: Repeated, chosen: Floats | Integers, column: int, sign: int, value: float) -> float:
    """One-sided p of a coefficient equal to a value, against being less (upper limit, sign 1) or more."""
    shifted = design.shift(column, value)
    ours = sign * find_statistics(shifted.observe())[0, column]
    drawn = shifted.fit(chosen)
    each = sign * find_statistics(drawn)[drawn.converged, column]
    return float((each <= ours + TIED).mean())


def _find_limit(share: Callable[[float], float], start: float, step: float, tail: float) -> float:
    """Where the one-sided p falls through ``tail``, going from the estimate in steps that double."""
    inside, outside, reach = start, start + 2 * step, 2.0
    while share(outside) > tail:
        inside, outside, reach = outside, start + 2 * reach * step, 2 * reach
        if reach > WIDEST:
            return float(np.copysign(np.inf, step))
    for _ in range(HALVINGS):
        if abs(outside - inside) <= PRECISE * abs(step):
            break
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if share(middle) > tail else (inside, middle)
    return (inside + outside) / 2
