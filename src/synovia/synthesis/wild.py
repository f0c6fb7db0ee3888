"""The wild cluster bootstrap of a fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.kernel.wild import wild_bootstrap as resample
from synovia.synthesis.fit import Fit
from synovia.synthesis.terms import group_by

__all__ = ["SEED", "WildTest", "wild_bootstrap"]

Floats = NDArray[np.float64]
Tested = str | Sequence[str] | Mapping[str, float]

SEED = 20_252


@dataclass(frozen=True, slots=True)
class WildTest:
    """A wild cluster bootstrap test of one or several coefficients.

    Attributes
    ----------
    terms : tuple of str
        What is tested to be 0.
    statistic : float
        Cluster-robust F, not scaled for few clusters.
    p_value : float
        Share of bootstrap statistics at least as large.
    replications : int
        How many.
    exact : bool
        Whether every combination of signs was used once, so that the seed plays no part.
    clusters : int
        Number of clusters.
    method : str
        The test in words.
    """

    terms: tuple[str, ...]
    statistic: float
    p_value: float
    replications: int
    exact: bool
    clusters: int
    method: str

    def tidy(self) -> pd.DataFrame:
        """One row: terms, statistic, p_value, replications, exact, clusters, method."""
        return pd.DataFrame(
            {
                "terms": [", ".join(self.terms)],
                "statistic": [self.statistic],
                "p_value": [self.p_value],
                "replications": [self.replications],
                "exact": [self.exact],
                "clusters": [self.clusters],
                "method": [self.method],
            }
        )


def wild_bootstrap(
    fit: Fit,
    terms: Tested,
    *,
    cluster: str | None = None,
    replications: int = 1999,
    kind: str = "CR0",
    weights: str = "rademacher",
    seed: int = SEED,
) -> WildTest | Inapplicable:
    """Test coefficients by resampling whole clusters; for few clusters and several coefficients at once.

    Parameters
    ----------
    fit : Fit
        Any fit of normal effects.
    terms : str, sequence of str or mapping of str to float
        A coefficient; several that are tested together; or the weights of one contrast by coefficient.
    cluster : str, optional
        Column of clusters; that of the fit without it.
    replications : int
        How many to draw. With few clusters all combinations of signs are used instead.
    kind : {"CR0", "CR1", "CR1p", "CR1S", "CR2", "CR3"}
        Robust covariance that studentises; CR0 and CR2 differ little here.
    weights : {"rademacher", "webb", "mammen"}
        What multiplies the residuals of a cluster.
    seed : int
        Seed of the weights.

    Returns
    -------
    WildTest or Inapplicable

    Raises
    ------
    SynthesisError
        When a coefficient or the column of clusters does not exist; it is named.
    TooFewStudies
        When there is one cluster.

    Notes
    -----
    The null hypothesis is imposed and the variances stay as fitted. Joshi, Pustejovsky & Beretvas (2022),
    Research Synthesis Methods 13, 457-477.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame(
    ...     {"estimate": [0.1, 0.9, 0.3, 0.5, 0.4, 0.2], "variance": [0.02] * 6, "lab": list("aabbcd")}
    ... )
    >>> fit = meta(trials, inference="CR2", cluster="lab")
    >>> wild_bootstrap(fit, "Intercept").p_value
    0.125
    """
    if fit.settings.counts:
        raise SynthesisError(
            "The wild bootstrap needs normal effects; for a model of counts use the likelihood-ratio test."
        )
    column = cluster or fit.settings.cluster
    if column is None:
        raise SynthesisError("Say which rows belong together: cluster= names their column, such as 'study'.")
    names, contrasts = _read_terms(fit, terms)
    labels = group_by((column,), fit.rows)
    found = resample(
        fit.problem,
        fit.point,
        labels,
        contrasts,
        seed=seed,
        replications=replications,
        kind=kind,
        weights=weights,
    )
    if isinstance(found, Inapplicable):
        return found
    drawn = "all signs" if found.exact else f"{replications} draws of {weights} weights"
    method = f"wild cluster bootstrap by {column}, studentised by {kind}, {drawn}"
    return WildTest(
        names, found.statistic, found.p_value, found.replications, found.exact, found.clusters, method
    )


def _read_terms(fit: Fit, terms: Tested) -> tuple[tuple[str, ...], Floats]:
    """Names and contrasts of what is tested."""
    known = fit.names.coefficients
    asked = (terms,) if isinstance(terms, str) else tuple(terms)
    unknown = [name for name in asked if name not in known]
    if unknown or not asked:
        raise SynthesisError(
            f"Found coefficient {unknown[0] if unknown else ''!r}; the model has {', '.join(known)}."
        )
    if len(set(asked)) < len(asked):
        raise SynthesisError(f"Found a coefficient twice in {', '.join(asked)}; name each once.")
    unit = np.eye(len(known))[[known.index(name) for name in asked]]
    if isinstance(terms, Mapping):
        return asked, np.array([list(terms.values())], dtype=np.float64) @ unit
    return asked, unit
