"""Made-up effects on which diagnostics are tried."""

from functools import cache

import numpy as np
import pandas as pd

from synovia.synthesis import Fit, meta


@cache
def independent() -> pd.DataFrame:
    """Fourteen studies, with a dose and a source."""
    rng = np.random.default_rng(11)
    dose = rng.uniform(1, 5, 14)
    v = rng.uniform(0.01, 0.08, 14)
    return pd.DataFrame(
        {
            "label": [f"Author {number}" for number in range(14)],
            "estimate": 0.2 + 0.1 * dose + rng.normal(0, np.sqrt(v + 0.05)),
            "variance": v,
            "dose": dose,
            "weeks": rng.integers(2, 20, 14).astype(float),
            "source": ["bone", "fat", "cord"] * 4 + ["bone", "fat"],
        }
    )


@cache
def nested() -> pd.DataFrame:
    """Nine studies of three effects each."""
    rng = np.random.default_rng(5)
    study = np.repeat(np.arange(9), 3)
    return pd.DataFrame(
        {
            "estimate": 0.3 + rng.normal(0, 0.3, 9)[study] + rng.normal(0, 0.2, 27) + rng.normal(0, 0.1, 27),
            "variance": rng.uniform(0.005, 0.02, 27),
            "study": [f"S{number}" for number in study],
            "outcome": ["pain", "function", "stiffness"] * 9,
            "dose": rng.uniform(1, 4, 27),
        }
    )


def covariance() -> np.ndarray:
    """Sampling covariance of the nested effects, correlated within studies."""
    root = np.sqrt(nested()["variance"].to_numpy())
    same = nested()["study"].to_numpy()[:, None] == nested()["study"].to_numpy()[None, :]
    return np.where(np.eye(27) == 1, 1.0, 0.4 * same) * np.outer(root, root)


@cache
def fits() -> dict[str, Fit]:
    """One fit of every kind of model."""
    data, whole = independent(), nested()
    return {
        "pairwise": meta(data, inference="z"),
        "common effect": meta(data, random=None, inference="z"),
        "Knapp-Hartung": meta(data, "estimate ~ dose"),
        "DerSimonian-Laird": meta(data, "estimate ~ dose + source", tau2="DL", inference="t"),
        "maximum likelihood": meta(data, "estimate ~ dose", tau2="ML", inference="z"),
        "scale": meta(data, scale="~ dose", inference="z"),
        "three levels": meta(whole, random="study/effect", inference="z"),
        "covariance": meta(whole, "estimate ~ dose", covariance=covariance(), inference="z"),
        "multivariate": meta(
            whole,
            "estimate ~ 0 + outcome",
            random="CS(outcome | study)",
            covariance=covariance(),
            inference="z",
        ),
        "slopes": meta(whole, "estimate ~ dose", random="DIAG(1 + dose | study)", inference="z"),
        "robust": meta(whole, random="study/effect", inference="CR2", cluster="study"),
    }
