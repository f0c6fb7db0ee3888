"""Diagnostic accuracy: sensitivity and false positive rate pooled together, and what follows from them."""

from dataclasses import dataclass
from typing import Literal, Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad
from scipy.special import chdtri, expit, logit

from synovia.errors import SynthesisError
from synovia.kernel import quantile
from synovia.synthesis.accuracy_tables import Options, read_cells
from synovia.synthesis.fit import Fit
from synovia.synthesis.pairwise import meta

__all__ = ["Accuracy", "diagnostic_accuracy"]

Floats = NDArray[np.float64]

OUTCOMES = ("sensitivity", "false positive rate")
FEWEST = 3  # studies from which two variances and a correlation can be estimated at all


@dataclass(frozen=True, slots=True, eq=False)
class Accuracy:
    """A pooled sensitivity and false positive rate.

    Attributes
    ----------
    fit : Fit
        The bivariate model on the logit scale: two means, two variances, one correlation.
    false_positive_rates : ndarray of shape (k,)
        Those of the studies, for the range in which a curve was observed.
    log_jacobian : float
        Log derivative of the logits at the studies' proportions: added to the log-likelihood it makes that of
        proportions, which some programs report.
    """

    fit: Fit
    false_positive_rates: Floats
    log_jacobian: float

    @property
    def covariance(self) -> Floats:
        """(2, 2) covariance of the true logits between studies."""
        first, second, correlation = self.fit.point.psi.tolist()
        shared = correlation * np.sqrt(first * second)
        return np.array([[first, shared], [shared, second]])

    def tidy(self) -> pd.DataFrame:
        """Sensitivity, specificity and false positive rate with intervals, as proportions.

        Returns
        -------
        DataFrame
            measure, estimate, lower, upper, level.
        """
        told = self.fit.tidy()
        shown = expit(told[["estimate", "lower", "upper"]].to_numpy())
        frame = pd.DataFrame(shown, columns=["estimate", "lower", "upper"])
        specificity = 1 - frame.loc[1, ["estimate", "upper", "lower"]].to_numpy()
        frame.loc[2] = specificity
        frame.insert(0, "measure", ["sensitivity", "false positive rate", "specificity"])
        return frame.assign(level=self.fit.settings.level)

    def hsroc(self) -> dict[str, float]:
        r"""Parameters of the hierarchical summary ROC model that is the same model.

        Returns
        -------
        dict
            ``accuracy`` (Lambda), ``threshold`` (Theta), ``shape`` (beta), ``accuracy_variance``,
            ``threshold_variance``.

        Notes
        -----
        With :math:`\mu, \nu` the means and :math:`\sigma_A, \sigma_B, \sigma_{AB}` the standard deviations
        and covariance of the logits of sensitivity and false positive rate, and
        :math:`b = \sqrt{\sigma_B/\sigma_A}`:

        .. math:: \Lambda = b\mu - \nu/b, \quad \Theta = (b\mu + \nu/b)/2, \quad \beta = 2\ln b, \quad
           \sigma^2_\alpha = 2(\sigma_A\sigma_B - \sigma_{AB}), \quad
           \sigma^2_\theta = (\sigma_A\sigma_B + \sigma_{AB})/2

        Harbord et al. (2007), Biostatistics 8, 239-251, equation 6, in false positive rates.
        """
        G, (mu, nu) = self.covariance, self.fit.point.beta.tolist()
        product, b = float(np.sqrt(G[0, 0] * G[1, 1])), float((G[1, 1] / G[0, 0]) ** 0.25)
        return {
            "accuracy": b * mu - nu / b,
            "threshold": (b * mu + nu / b) / 2,
            "shape": 2 * float(np.log(b)),
            "accuracy_variance": 2 * (product - float(G[0, 1])),
            "threshold_variance": (product + float(G[0, 1])) / 2,
        }

    def sroc(self, false_positive_rate: ArrayLike) -> Floats:
        r"""Sensitivity on the summary ROC curve at false positive rates.

        Parameters
        ----------
        false_positive_rate : array_like
            Between 0 and 1.

        Notes
        -----
        .. math:: \operatorname{logit} s = \mu + \frac{\sigma_A}{\sigma_B} (\operatorname{logit} f - \nu)

        Rutter & Gatsonis (2001), Statistics in Medicine 20, 2865-2884, through Harbord et al. (2007).
        """
        G, (mu, nu) = self.covariance, self.fit.point.beta.tolist()
        slope = float(np.sqrt(G[0, 0] / G[1, 1]))
        return np.asarray(expit(mu + slope * (logit(np.asarray(false_positive_rate, float)) - nu)))

    def auc(self, low: float = 0.0, high: float = 1.0) -> float:
        """Area under the summary ROC curve, as the mean sensitivity between two false positive rates.

        Parameters
        ----------
        low, high : float
            Range; a part of it gives the partial area divided by its width.

        Raises
        ------
        SynthesisError
            When the range is empty or outside 0 to 1.
        """
        if not 0 <= low < high <= 1:
            raise SynthesisError(f"Found a range from {low:g} to {high:g}; wanted 0 <= low < high <= 1.")
        area = quad(lambda f: float(self.sroc(f)), low, high, epsabs=1e-12, epsrel=1e-10, limit=200)[0]
        return float(area / (high - low))

    def partial_auc(self) -> float:
        """The same over the false positive rates that were observed."""
        return self.auc(float(self.false_positive_rates.min()), float(self.false_positive_rates.max()))

    def region(
        self,
        kind: Literal["confidence", "prediction"] = "confidence",
        level: float | None = None,
        points: int = 100,
    ) -> pd.DataFrame:
        r"""The outline of a joint region for sensitivity and false positive rate.

        Parameters
        ----------
        kind : {"confidence", "prediction"}
            Of the means, or of the true values in a new study.
        level : float, optional
            That of the fit without it.
        points : int
            Of the outline.

        Returns
        -------
        DataFrame
            sensitivity, false_positive_rate; proportions.

        Raises
        ------
        SynthesisError
            When the kind does not exist.

        Notes
        -----
        .. math:: (x - \hat\mu)' C^{-1} (x - \hat\mu) = \chi^2_2

        on the logit scale, C the covariance of the means, plus that between studies for a prediction.
        """
        if kind not in ("confidence", "prediction"):
            raise SynthesisError(f"Found kind {kind!r}; wanted 'confidence' or 'prediction'.")
        chosen = self.fit.settings.level if level is None else level
        quantile(chosen, np.inf)  # refuses what is no level
        cov = self.fit.inference.cov + (self.covariance if kind == "prediction" else 0)
        angle = np.linspace(0, 2 * np.pi, points)
        circle = np.stack([np.cos(angle), np.sin(angle)]) * np.sqrt(chdtri(2, 1 - chosen))
        values, vectors = np.linalg.eigh(cov)
        outline = expit(self.fit.point.beta[:, None] + (vectors * np.sqrt(np.maximum(values, 0))) @ circle)
        return pd.DataFrame({"sensitivity": outline[0], "false_positive_rate": outline[1]})

    def __str__(self) -> str:
        return f"{self.fit}\n\n{self.tidy().to_string(index=False)}"


def diagnostic_accuracy(
    data: pd.DataFrame,
    *,
    tp: str = "TP",
    fn: str = "FN",
    fp: str = "FP",
    tn: str = "TN",
    **options: Unpack[Options],
) -> Accuracy:
    r"""Pool sensitivity and false positive rate by the bivariate model.

    Parameters
    ----------
    data : DataFrame
        One row per study; rows are independent of each other, also those of one label.
    tp, fn, fp, tn : str
        Columns of true positives, false negatives, false positives, true negatives.
    **options
        ``tau2`` ("REML" or "ML"), ``add`` (0.5) and ``to`` ("if0all"): correction of zero cells; ``level``.

    Returns
    -------
    Accuracy
        With the fit on the logit scale.

    Raises
    ------
    SynthesisError
        When a count cannot be used, named with its study, or there are fewer than three studies.

    Notes
    -----
    .. math:: \binom{\operatorname{logit} s_i}{\operatorname{logit} f_i} \sim N\left(\binom{\mu}{\nu},\;
       G + \begin{pmatrix} 1/TP + 1/FN & 0 \\ 0 & 1/FP + 1/TN \end{pmatrix}\right)

    with G unstructured. Reitsma et al. (2005), Journal of Clinical Epidemiology 58, 982-990.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import diagnostic_accuracy
    >>> studies = pd.DataFrame(
    ...     {"TP": [47, 126, 19, 36], "FN": [9, 51, 10, 3], "FP": [101, 272, 12, 78],
    ...      "TN": [738, 1543, 192, 276]}
    ... )
    >>> diagnostic_accuracy(studies).tidy()[["measure", "estimate"]].round(3)
                   measure  estimate
    0          sensitivity     0.786
    1  false positive rate     0.131
    2          specificity     0.869
    """
    studies, cells = read_cells(data, (tp, fn, fp, tn), options)
    a, b, c, d = cells
    if a.size < FEWEST:
        raise SynthesisError(f"Found {a.size} studies; a bivariate model needs at least {FEWEST}.")
    long = pd.DataFrame(
        {
            "study": np.repeat(_name_apart(studies.used_labels), 2),
            "outcome": pd.Categorical(np.tile(OUTCOMES, a.size), categories=OUTCOMES),
            "estimate": np.stack([np.log(a / b), np.log(c / d)], axis=1).ravel(),
            "variance": np.stack([1 / a + 1 / b, 1 / c + 1 / d], axis=1).ravel(),
        }
    )
    fit = meta(
        long,
        "estimate ~ 0 + outcome",
        random="UN(outcome | study)",
        tau2=options.get("tau2", "REML"),
        inference="z",
        level=options.get("level", 0.95),
    )
    jacobian = np.log((a + b) ** 2 / (a * b)).sum() + np.log((c + d) ** 2 / (c * d)).sum()
    return Accuracy(fit, c / (c + d), float(jacobian))


def _name_apart(labels: tuple[str, ...]) -> NDArray[np.object_]:
    """(k,) names of the rows, which are the units of the model, told apart where a label comes twice."""
    twice = len(set(labels)) < len(labels)
    named = [f"{label}, row {row + 1}" if twice else label for row, label in enumerate(labels)]
    return np.array(named, dtype=object)
