"""Profile-likelihood intervals of a fit, by name."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synovia.errors import SynthesisError
from synovia.kernel import Choice, Range
from synovia.kernel.profile import find_best, profile_contrast_interval, profile_psi_interval
from synovia.synthesis.fit import Fit

__all__ = ["ProfileInterval", "profile_interval"]


@dataclass(frozen=True, slots=True)
class ProfileInterval:
    """An interval by profile likelihood.

    Attributes
    ----------
    name : str
        A variance, correlation, coefficient or contrast.
    estimate : float
        Where the likelihood that is profiled is highest; variances on the scale of the effect squared.
    lower, upper : float
        Limits; the edge of what is possible where the likelihood stays high up to there.
    level : float
        Confidence level.
    likelihood : str
        "restricted" or "full".
    """

    name: str
    estimate: float
    lower: float
    upper: float
    level: float
    likelihood: str

    def tidy(self) -> pd.DataFrame:
        """One row: term, estimate, lower, upper, level, interval, method."""
        return pd.DataFrame(
            {
                "term": [self.name],
                "estimate": [self.estimate],
                "lower": [self.lower],
                "upper": [self.upper],
                "level": [self.level],
                "interval": ["confidence"],
                "method": [f"profile of the {self.likelihood} likelihood"],
            }
        )


def profile_interval(
    fit: Fit,
    name: str | Mapping[str, float],
    *,
    level: float | None = None,
    restricted: bool | None = None,
) -> ProfileInterval:
    r"""Limits where the likelihood, all else at its best, is half a chi-squared quantile below its top.

    Parameters
    ----------
    fit : Fit
        Any fit of normal effects.
    name : str or mapping of str to float
        A variance or correlation as ``fit.variances()`` lists it, a coefficient, or the weights of a contrast
        of coefficients.
    level : float, optional
        Confidence level; that of the fit without it.
    restricted : bool, optional
        Restricted likelihood, or the likelihood itself. Without it: for variances what the fit maximised, for
        coefficients the likelihood itself.

    Returns
    -------
    ProfileInterval

    Raises
    ------
    SynthesisError
        When nothing or more than one thing has that name.

    Notes
    -----
    .. math:: \{\theta : 2[\max\ell - \ell_{\text{profile}}(\theta)] \le \chi^2_{1,\,level}\}

    Hardy & Thompson (1996), Statistics in Medicine 15, 619-629. Asymptotic: with fewer than ten studies the
    interval of a coefficient is too short, and Knapp-Hartung or CR2 is the better choice.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.9, 0.3, 0.5, 0.4, 0.2], "variance": [0.02] * 6})
    >>> found = profile_interval(meta(trials), "tau2")
    >>> print(f"{found.estimate:.3f}, {found.lower:.3f} to {found.upper:.3f}")
    0.060, 0.009 to 0.360
    """
    if fit.settings.counts:
        raise SynthesisError(
            "Profile intervals are offered for normal effects; this fit is a model of counts."
        )
    chosen = fit.settings.level if level is None else level
    if isinstance(name, str) and name in fit.names.variances:
        return _profile_variance(fit, name, chosen, restricted)
    return _profile_contrast(fit, {name: 1.0} if isinstance(name, str) else name, chosen, restricted)


def _profile_variance(fit: Fit, name: str, level: float, restricted: bool | None) -> ProfileInterval:
    if fit.names.variances.count(name) > 1:
        raise SynthesisError(
            f"Several variances are called {name!r}; ask for one of a model with one of them."
        )
    index = fit.names.variances.index(name)
    reml = fit.settings.tau2 != "ML" if restricted is None else restricted
    best = _find_best(fit, restricted=reml)
    limits = profile_psi_interval(fit.problem, index, level=level, restricted=reml, best=best)
    return _tell(name, float(best.psi[index]), limits, (level, reml))


def _profile_contrast(
    fit: Fit, weights: Mapping[str, float], level: float, restricted: bool | None
) -> ProfileInterval:
    known = fit.names.coefficients
    for name in weights:
        if name not in known:
            everything = ", ".join((*fit.names.variances, *known))
            raise SynthesisError(f"Found {name!r}; the model has {everything}.")
    contrast = np.array([weights.get(name, 0.0) for name in known])
    reml = bool(restricted)
    best = _find_best(fit, restricted=reml)
    limits = profile_contrast_interval(fit.problem, contrast, level=level, restricted=reml, best=best)
    single = len(weights) == 1 and next(iter(weights.values())) == 1
    shown = next(iter(weights)) if single else " ".join(f"{w:+g} {name}" for name, w in weights.items())
    return _tell(shown, float(contrast @ best.point.beta), limits, (level, reml))


def _find_best(fit: Fit, *, restricted: bool) -> Choice:
    """The maximum of the likelihood: the fit itself where it is that."""
    at, wanted = fit.point, "REML" if restricted else "ML"
    if at.weights is None and fit.settings.tau2 == wanted and at.psi.size:
        return Choice(at.psi, at, fit.convergence)
    return find_best(fit.problem, None, restricted=restricted)


def _tell(name: str, estimate: float, limits: Range, asked: tuple[float, bool]) -> ProfileInterval:
    level, restricted = asked
    said = "restricted" if restricted else "full"
    return ProfileInterval(name, estimate, limits.lower, limits.upper, level, said)
