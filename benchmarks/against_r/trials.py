"""Networks of trials that both sides are timed on: published where they are at hand, simulated where not."""

from pathlib import Path

import numpy as np
import pandas as pd

import synovia as sv

__all__ = ["read_senn", "read_smoking", "simulate_trials"]

BESIDE = Path(__file__).parents[2].parent / "shared" / "parity" / "data" / "Senn2013.csv"
COLUMNS = ["study", "treatment_1", "treatment_2", "estimate", "std_error"]


def simulate_trials(
    treatments: int, trials: int, *, arms: tuple[int, ...] = (2, 2, 2, 3), seed: int = 1
) -> pd.DataFrame:
    """All comparisons of trials around a ring and across it, tau2 = 0.08.

    Parameters
    ----------
    treatments, trials : int
        How many; trials at least as many as treatments, which makes the network connected.
    arms : tuple of int
        Sizes of trials, drawn from with equal chances; trials around the ring have the first of them.
    seed : int
        Of the draws.
    """
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, 0.4, treatments)
    parts = []
    for trial in range(trials):
        own = (
            (trial + np.arange(arms[0])) % treatments
            if trial < treatments
            else rng.choice(treatments, rng.choice(arms), replace=False)
        )
        v = rng.uniform(0.02, 0.2, own.size)
        y = rng.normal(effects[own], np.sqrt(0.04 + v))
        first, second = np.triu_indices(own.size, 1)
        parts.append(
            pd.DataFrame(
                {
                    "study": f"trial {trial}",
                    "treatment_1": [f"t{arm:03d}" for arm in own[first]],
                    "treatment_2": [f"t{arm:03d}" for arm in own[second]],
                    "estimate": y[first] - y[second],
                    "std_error": np.sqrt(v[first] + v[second]),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def read_senn() -> tuple[pd.DataFrame, str]:
    """Glucose-lowering drugs of Senn et al. (2013), or a simulated network of that size; and which it is."""
    if not BESIDE.exists():
        return simulate_trials(10, 26, arms=(2,) * 25 + (3,)), "simulated, 10 treatments, 26 trials"
    table = pd.read_csv(BESIDE)[["studlab", "treat1", "treat2", "TE", "seTE"]]
    return table.set_axis(COLUMNS, axis=1), "Senn 2013, 10 treatments, 26 trials"


def read_smoking() -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Arms of 24 trials of smoking cessation (Hasselblad 1998), and the treatments, the reference first."""
    table = sv.example("hasselblad1998").data.rename(columns={"study_id": "study"})
    names = ("no_contact", *sorted(set(table["treatment"]) - {"no_contact"}))
    order = {name: place for place, name in enumerate(names)}
    arms = table.sort_values(
        ["study", "treatment"], key=lambda x: x.map(order) if x.name == "treatment" else x
    )
    return arms[["study", "treatment", "events", "n"]].reset_index(drop=True), names
