"""Made-up networks for tests: arms of trials, and the same trials as comparisons."""

import numpy as np
import pandas as pd

TRIALS = (
    ("s1", "AB"), ("s2", "AB"), ("s3", "AC"), ("s4", "BC"), ("s5", "ABC"), ("s6", "CD"), ("s7", "BCD"),
    ("s8", "ABCD"), ("s9", "AD"), ("s10", "AC"),
)  # fmt: skip
EFFECTS = {"A": 0.0, "B": 0.4, "C": 0.8, "D": 0.3}


def make_arms(*, seed: int = 7, trials: tuple[tuple[str, str], ...] = TRIALS) -> pd.DataFrame:
    """study, treatment, mean, sd, n, events, time: one row per arm."""
    draw = np.random.default_rng(seed)
    rows = []
    for study, treatments in trials:
        level = draw.normal(5, 1)
        for treatment in treatments:
            n = int(draw.integers(40, 160))
            mean = level + EFFECTS[treatment] + draw.normal(0, 0.25)
            rows.append(
                (
                    study,
                    treatment,
                    mean,
                    draw.uniform(1.5, 2.5),
                    n,
                    int(0.2 * n + draw.integers(1, 12)),
                    1.5 * n,
                )
            )
    return pd.DataFrame(rows, columns=["study", "treatment", "mean", "sd", "n", "events", "time"])


def make_comparisons(arms: pd.DataFrame) -> pd.DataFrame:
    """All pairs of arms of every trial: treatment 1 minus treatment 2 in means."""
    rows = []
    for study, own in arms.groupby("study", sort=False):
        listed = own.to_dict("records")
        for i, one in enumerate(listed):
            for other in listed[i + 1 :]:
                error = np.sqrt(one["sd"] ** 2 / one["n"] + other["sd"] ** 2 / other["n"])
                rows.append((study, one["treatment"], other["treatment"], one["mean"] - other["mean"], error))
    return pd.DataFrame(rows, columns=["study", "treatment_1", "treatment_2", "estimate", "std_error"])
