"""How much of the heterogeneity the moderators account for."""

import numpy as np

from synovia.kernel import Inapplicable
from synovia.synthesis.fit import Fit
from synovia.synthesis.pairwise import fit_design
from synovia.synthesis.regression import Design
from synovia.synthesis.weighting import GeneralisedQ

__all__ = ["explained"]

SPANNED = 1e-8  # an intercept left over by less than this follows from the columns of the design


def explained(fit: Fit) -> float | Inapplicable:
    r"""R²: the share of tau2 that the moderators take away, in percent.

    Parameters
    ----------
    fit : Fit
        A meta-regression with a single tau2, or of a common effect.

    Returns
    -------
    float or Inapplicable
        At least 0; noisy with fewer than about 40 studies.

    Notes
    -----
    .. math:: R^2 = 100 \max\left(0, 1 - \frac{\hat\tau^2}{\hat\tau_0^2}\right)

    or of H² for a common effect, with :math:`\hat\tau_0^2` of the same effects around one mean, by the same
    estimator. Raudenbush (2009), Handbook of Research Synthesis, chapter 16; López-López et al. (2014),
    British Journal of Mathematical and Statistical Psychology 67, 30-48, on its precision.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import explained, meta
    >>> trials = pd.DataFrame(
    ...     {"estimate": [0.1, 0.4, 0.3, 0.9], "variance": [0.01, 0.02, 0.01, 0.01], "dose": [1, 2, 2, 4]}
    ... )
    >>> print(f"{explained(meta(trials, 'estimate ~ dose')):.0f} %")
    100 %
    """
    reason = _find_obstacle(fit)
    if reason is not None:
        return reason
    alone = Design(np.ones((fit.problem.n, 1)), ("Intercept",))
    before, after = (_measure(each) for each in (fit_design(fit.rows, alone, fit.settings), fit))
    if before == 0:
        return Inapplicable("without moderators tau2 is 0, so that there is nothing to explain")
    return 100 * max(0.0, 1 - after / before)


def _find_obstacle(fit: Fit) -> Inapplicable | None:
    X = fit.problem.X
    rest = np.ones(fit.problem.n) - X @ np.linalg.lstsq(X, np.ones(fit.problem.n), rcond=None)[0]
    if fit.problem.p == 1 or np.abs(rest).max() > SPANNED:
        return Inapplicable("R2 compares a model with moderators and an intercept to the intercept alone")
    estimated = fit.settings.random is None or isinstance(fit.settings.tau2, str | GeneralisedQ)
    if fit.problem.parameters > 1 or not estimated:
        return Inapplicable("R2 needs one tau2 that was estimated")
    return None


def _measure(fit: Fit) -> float:
    tau2, h2 = fit.tau2, fit.heterogeneity.h2
    if not isinstance(tau2, Inapplicable):
        return tau2
    return 0.0 if isinstance(h2, Inapplicable) else h2
