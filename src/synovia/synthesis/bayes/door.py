"""From a fit to its posterior."""

from typing import Protocol

from synovia.errors import SynthesisError
from synovia.synthesis.bayes.model import BetaPrior, TauPrior, build_model, integrate_model
from synovia.synthesis.bayes.posterior import Posterior
from synovia.synthesis.bayes.treatments import find_treatments
from synovia.synthesis.fit import Fit

__all__ = ["bayes"]


class Fitted(Protocol):
    """A network, a dose-response model: what holds a fit."""

    @property
    def fit(self) -> Fit:
        """The synthesis."""
        ...


def bayes(
    fit: Fit | Fitted, tau: TauPrior = None, beta: BetaPrior = None, *, level: float = 0.95
) -> Posterior:
    r"""The exact posterior of a fit by quadrature: nothing is drawn, and every run gives the same digits.

    Parameters
    ----------
    fit : Fit or Fitted
        Any fit of estimates with variances: pairwise, regression, multilevel, multivariate, or a network or a
        dose-response model, whose ``fit`` is taken. How its variances were estimated does not matter.
    tau : prior, str or mapping
        Prior of every standard deviation of the random effects: ``HalfNormal(0.5)``, a name such as
        "Jeffreys", or one for each by name, ``{"tau[district]": HalfNormal(1)}``. Correlations are uniform
        unless named. Not needed for a common effect.
    beta : Normal, Mixture, PowerPrior or mapping, optional
        Prior of the coefficients, by name where there are several; flat without it.
    level : float
        Of the credible intervals.

    Returns
    -------
    Posterior
        ``tidy``, ``variances``, ``predict``, ``shrinkage``, ``probability``, ``density``, ``summary``; of a
        network also ``compare`` and ``rank``.

    Raises
    ------
    SynthesisError
        When a prior is missing, names nothing, or leaves the posterior improper.

    Notes
    -----
    .. math:: p(\psi \mid y) \propto p(\psi) \int L(\beta, \psi)\,p(\beta)\,d\beta

    is integrated over up to three variances and correlations by a trapezoidal rule that is refined until its
    relative error is below 1e-6, of three 1e-4; at each node coefficients, effects of studies and
    predictions are normal. Beyond three, weighted points of scrambled nets take its place; ``method`` states
    their error and ``warnings`` says when it can be seen. Correlations of three or more effects are uniform
    over the correlation matrices that exist.
    Röver (2020), Journal of Statistical Software 93(6), for one variance.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> from synovia.synthesis.bayes import HalfNormal, bayes
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> bayes(meta(trials), tau=HalfNormal(0.5)).variances()[["name", "estimate"]].round(3)
      name  estimate
    0  tau     0.151
    """
    if not 0 < level < 1:
        raise SynthesisError(f"Found level {level:g}; wanted a number between 0 and 1, such as 0.95.")
    fitted = fit if isinstance(fit, Fit) else fit.fit
    model = build_model(fitted, tau, beta)
    return Posterior(fitted, model, integrate_model(model), level, find_treatments(fit))
