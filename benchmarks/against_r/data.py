"""The data that both sides are timed on, made once per run and read from CSV by both."""

from pathlib import Path

import numpy as np
import pandas as pd

import synovia as sv

__all__ = ["write_data"]

SEED = 1


def write_data(task: str, folder: Path) -> None:
    """``task.csv`` in a folder."""
    DATA[task](np.random.default_rng(SEED)).to_csv(folder / f"{task}.csv", index=False)


def bcg(rng: np.random.Generator) -> pd.DataFrame:  # noqa: ARG001 - published
    """Thirteen trials of BCG as log risk ratios."""
    trials = sv.example("bcg").data
    a, n, c, m = (
        trials[name] for name in ("events_treatment", "n_treatment", "events_comparator", "n_comparator")
    )
    estimate = np.log(a / n) - np.log(c / m)
    variance = 1 / a - 1 / n + 1 / c - 1 / m
    return trials[["latitude", "year"]].assign(estimate=estimate, variance=variance)


def many(rng: np.random.Generator) -> pd.DataFrame:
    """10,000 sets of 20 studies, one under the other."""
    return make_pairwise(rng, 200_000).assign(set=np.repeat(np.arange(10_000), 20))


def pairwise(rng: np.random.Generator) -> pd.DataFrame:
    """5,000 studies."""
    return make_pairwise(rng, 5_000)


def million(rng: np.random.Generator) -> pd.DataFrame:
    """A million studies."""
    return make_pairwise(rng, 1_000_000)


def make_pairwise(rng: np.random.Generator, k: int) -> pd.DataFrame:
    """Independent estimates with tau2 = 0.1."""
    variance = rng.uniform(0.02, 0.3, k)
    return pd.DataFrame({"estimate": rng.normal(0.3, np.sqrt(variance + 0.1)), "variance": variance})


def three_level(rng: np.random.Generator, studies: int = 500, effects: int = 3_000) -> pd.DataFrame:
    """Effects within studies of unequal size, a moderator of the study."""
    study = np.sort(np.r_[np.arange(studies), rng.integers(studies, size=effects - studies)])
    variance = rng.uniform(0.02, 0.2, effects)
    dose = rng.normal(size=studies)[study]
    between = rng.normal(0, np.sqrt(0.1), studies)[study]
    estimate = 0.2 + 0.1 * dose + between + rng.normal(0, np.sqrt(variance + 0.05))
    frame = {"study": study, "effect": np.arange(effects), "dose": dose}
    return pd.DataFrame(frame | {"estimate": estimate, "variance": variance})


def outcomes(rng: np.random.Generator) -> pd.DataFrame:
    """250 studies with four outcomes each, whose true effects correlate by 0.6."""
    tau = np.sqrt([0.05, 0.1, 0.15, 0.2])
    between = np.outer(tau, tau) * np.where(np.eye(4), 1.0, 0.6)
    true = rng.multivariate_normal([0.1, 0.2, 0.3, 0.4], between, 250)
    variance = rng.uniform(0.02, 0.1, (250, 4))
    estimate = rng.normal(true, np.sqrt(variance))
    return pd.DataFrame(
        {
            "study": np.repeat(np.arange(250), 4),
            "outcome": np.tile(list("abcd"), 250),
            "estimate": estimate.ravel(),
            "variance": variance.ravel(),
        }
    )


DATA = {
    "bcg": bcg,
    "many": many,
    "three_level": three_level,
    "outcomes": outcomes,
    "permutation": bcg,
    "pairwise": pairwise,
    "million": million,
    "robust": three_level,
}
