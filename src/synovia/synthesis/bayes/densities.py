"""Posterior densities as tables."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.kernel.axis import Curve
from synovia.kernel.normals import MANY, Normals
from synovia.synthesis.bayes.priors import Prior

__all__ = ["tabulate_curve", "tabulate_normals"]

Floats = NDArray[np.float64]

ENDS = np.array([0.001, 0.999])


def tabulate_normals(name: str, found: Normals, points: int) -> pd.DataFrame:
    """The density of one mixture: term, x, density, prior (NaN)."""
    drawn = found if found.weights.size <= MANY else found.join(0)
    low, high = drawn.quantile(ENDS)[:, 0]
    x = np.linspace(low, high, points)
    return pd.DataFrame({"term": name, "x": x, "density": drawn.density(x[:, None])[:, 0], "prior": np.nan})


def tabulate_curve(name: str, curve: Curve, prior: Prior, v: Floats, points: int) -> pd.DataFrame:
    """The density of a parameter of the random effects and, where it is proper, of its prior."""
    low, high = curve.quantile(ENDS)
    x = np.linspace(0.0 if name.startswith("tau") else low, high, points)
    height = np.exp(prior.log_density(x, v)) if prior.proper else np.nan
    return pd.DataFrame({"term": name, "x": x, "density": curve.density(x), "prior": height})
