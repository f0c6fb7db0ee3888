"""Bootstraps of a synthesis: intervals from estimates drawn anew, or from studies drawn anew."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synovia.errors import SynthesisError
from synovia.synthesis.fit import Fit
from synovia.synthesis.many import Many
from synovia.synthesis.permutation import SEED
from synovia.synthesis.repeated import CHUNK, Progress, Repeated, join, read_fit

__all__ = ["KINDS", "Bootstrapped", "bootstrap"]

Floats = NDArray[np.float64]

KINDS = ("parametric", "cases")
INTERVALS = ("percentile", "bca")


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrapped:
    """Coefficients and tau2 of many samples drawn from a fit.

    Attributes
    ----------
    terms : tuple of str
        Names of the coefficients, then ``tau2`` unless the model has none.
    estimate : ndarray of shape (m,)
        Of the fit, in that order.
    replicates : ndarray of shape (m, B)
        Of each sample that could be fitted.
    acceleration : ndarray of shape (m,)
        How fast the standard error changes with the quantity; for the BCa interval.
    unfitted : int
        Samples that could not be fitted: too few studies in them told the moderators apart.
    kind : str
        "parametric" or "cases".
    level : float
        Level of the intervals.
    seed : int
        What the samples were drawn with.
    """

    terms: tuple[str, ...]
    estimate: Floats
    replicates: Floats
    acceleration: Floats
    unfitted: int
    kind: str
    level: float
    seed: int

    def limits(self, interval: str = "bca") -> Floats:
        r"""Limits of each quantity.

        Parameters
        ----------
        interval : {"bca", "percentile"}
            Bias-corrected and accelerated, or plain percentiles of the replicates.

        Returns
        -------
        ndarray of shape (m, 2)

        Raises
        ------
        SynthesisError
            When there is no such interval.

        Notes
        -----
        BCa limits are the percentiles

        .. math:: \Phi\left(z_0 + \frac{z_0 + z_\alpha}{1 - a(z_0 + z_\alpha)}\right)

        with :math:`z_0` the normal quantile of the share of replicates below the estimate, ties counting
        half. Efron (1987), Journal of the American Statistical Association 82, 171-185, equation 6.4.
        """
        if interval not in INTERVALS:
            raise SynthesisError(f"Found interval {interval!r}; wanted one of {', '.join(INTERVALS)}.")
        tails = np.array([(1 - self.level) / 2, (1 + self.level) / 2])
        shares = np.tile(tails, (self.estimate.size, 1))
        if interval == "bca":
            bias = ndtri(_find_share_below(self.replicates, self.estimate))[:, None]
            moved = bias + ndtri(tails)
            shares = ndtr(bias + moved / (1 - self.acceleration[:, None] * moved))
        return np.array(
            [
                np.quantile(drawn, share, method="weibull")
                for drawn, share in zip(self.replicates, shares, strict=True)
            ]
        )

    def tidy(self) -> pd.DataFrame:
        """One row per quantity and kind of interval.

        Returns
        -------
        DataFrame
            term, estimate, std_error, bias (mean of the replicates less the estimate), lower, upper, level,
            interval, method.
        """
        frames = []
        for interval in INTERVALS:
            lower, upper = self.limits(interval).T
            frames.append(
                pd.DataFrame(
                    {
                        "term": list(self.terms),
                        "estimate": self.estimate,
                        "std_error": self.replicates.std(axis=1, ddof=1),
                        "bias": self.replicates.mean(axis=1) - self.estimate,
                        "lower": lower,
                        "upper": upper,
                        "level": self.level,
                        "interval": interval,
                        "method": f"{self.kind} bootstrap, {self.replicates.shape[1]:,} samples",
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)


def bootstrap(
    fit: Fit,
    *,
    kind: str = "parametric",
    replications: int = 2000,
    seed: int = SEED,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Bootstrapped:
    r"""Draw samples as the fit says they arise, fit each again, and read intervals from their spread.

    Needs the extra ``synovia[batch]``.

    Parameters
    ----------
    fit : Fit
        Of independent estimates with one random effect each, or none.
    kind : {"parametric", "cases"}
        Estimates drawn from the fitted normal distribution with the sampling variances as they are; or
        studies drawn with replacement, with their variances and moderators.
    replications : int
        Number of samples.
    seed : int
        Seed of the samples.
    threads : int, optional
        As many as there are processors without it. The answers do not depend on it.
    progress : callable, optional
        Told how many samples are done, and of how many, now and then.

    Returns
    -------
    Bootstrapped

    Raises
    ------
    SynthesisError
        When the fit is of another kind, or an argument cannot be used.
    MissingExtra
        When numba is not installed.

    Notes
    -----
    .. math:: y^* \sim N(X\hat\beta,\; V + \hat\tau^2 I)

    The acceleration of a parametric bootstrap is a sixth of the skewness of the score: 0 for coefficients,
    whose score is normal, and :math:`\tfrac{\sqrt8}{6} \operatorname{tr} P^3 / (\operatorname{tr} P^2)^{3/2}`
    for tau2. That of cases comes from leaving out one study at a time. DiCiccio & Efron (1996), Statistical
    Science 11, 189-228.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.9, 0.3, 0.5, 0.4, 0.2], "variance": [0.02] * 6})
    >>> found = bootstrap(meta(trials), replications=500).tidy()
    >>> found[["term", "interval"]].to_numpy().tolist()
    [['Intercept', 'percentile'], ['tau2', 'percentile'], ['Intercept', 'bca'], ['tau2', 'bca']]
    """
    if kind not in KINDS:
        raise SynthesisError(f"Found kind {kind!r}; wanted one of {', '.join(KINDS)}.")
    if replications < 2:
        raise SynthesisError(f"Found replications {replications!r}; wanted a number above 1.")
    repeated = read_fit(fit, "bootstrap", threads)
    observed = repeated.observe()
    rng = np.random.default_rng(seed)
    step, parts = max(1, CHUNK // repeated.basis.size), []
    for start in range(0, replications, step):
        size = min(step, replications - start)
        draw = _draw_estimates if kind == "parametric" else _draw_cases
        parts.append(draw(repeated, observed, size, rng))
        if progress is not None:
            progress(start + size, replications)
    drawn = join(parts)
    accelerate = _accelerate_score if kind == "parametric" else _accelerate_jackknife
    free = not np.isnan(observed.tau2[0]) and isinstance(repeated.reading.estimator, str)
    quantities = fit.problem.p + (1 if free else 0)
    return Bootstrapped(
        terms=(*fit.names.coefficients, "tau2")[:quantities],
        estimate=_stack(observed)[:quantities, 0],
        replicates=_stack(drawn)[:quantities, drawn.converged],
        acceleration=accelerate(repeated, observed)[:quantities],
        unfitted=int((~drawn.converged).sum()),
        kind=kind,
        level=fit.settings.level,
        seed=seed,
    )


def _stack(many: Many) -> Floats:
    stacked: Floats = np.vstack([many.beta, many.tau2[None]])
    return stacked


def _draw_estimates(repeated: Repeated, observed: Many, size: int, rng: np.random.Generator) -> Many:
    fitted = repeated.basis @ (repeated.triangle @ observed.beta[:, 0])
    spread = np.sqrt(repeated.v + np.nan_to_num(observed.tau2[0]))
    drawn = fitted[:, None] + spread[:, None] * rng.standard_normal((size, fitted.size)).T
    return repeated.read(drawn, repeated.basis[:, :, None])


def _draw_cases(repeated: Repeated, observed: Many, size: int, rng: np.random.Generator) -> Many:  # noqa: ARG001
    rows = rng.integers(repeated.y.size, size=(size, repeated.y.size)).T
    return repeated.read(repeated.y[rows], np.moveaxis(repeated.basis[rows], 2, 1), repeated.v[rows])


def _find_share_below(replicates: Floats, estimate: Floats) -> Floats:
    """Share of replicates below the estimate, ties half; kept off 0 and 1 by half a replicate."""
    below = (replicates < estimate[:, None]).mean(axis=1)
    equal = (replicates == estimate[:, None]).mean(axis=1)
    edge = 0.5 / replicates.shape[1]
    return np.asarray(np.clip(below + equal / 2, edge, 1 - edge))


def _accelerate_score(repeated: Repeated, observed: Many) -> Floats:
    weights = 1 / (repeated.v + np.nan_to_num(observed.tau2[0]))
    half = np.sqrt(weights)[:, None] * np.linalg.qr(np.sqrt(weights)[:, None] * repeated.basis)[0]
    projection = np.diag(weights) - half @ half.T
    square = projection @ projection
    skewness = float(np.sqrt(8) * (square * projection).sum() / np.trace(square) ** 1.5)
    return np.array([*np.zeros(observed.beta.shape[0]), skewness / 6])


def _accelerate_jackknife(repeated: Repeated, observed: Many) -> Floats:  # noqa: ARG001
    n = repeated.y.size
    without = np.where(np.eye(n, dtype=bool), np.nan, repeated.y[:, None])
    left = repeated.read(without, repeated.basis[:, :, None])
    values = _stack(left)[:, left.converged]
    pull = values.mean(axis=1, keepdims=True) - values
    spread = (pull**2).sum(axis=1)
    safe = np.where(spread > 0, spread, 1.0)
    return np.asarray((pull**3).sum(axis=1) / (6 * safe**1.5))
