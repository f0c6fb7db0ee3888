"""From arm data to effects and their sampling variances, on a stated scale."""

from synovia.effects.animal import Group, Normal, normalised_mean_difference
from synovia.effects.binary import log_odds_ratio, log_risk_ratio, risk_difference
from synovia.effects.compare import MEASURES, SINGLE_ARM_MEASURES, Compared, compare, single_arm
from synovia.effects.continuous import (
    hedges_correction,
    log_ratio_of_means,
    mean_change,
    mean_difference,
    standardised_mean_difference,
)
from synovia.effects.effect import Counts, Effect, Means
from synovia.effects.proportion import (
    back_transform_freeman_tukey,
    back_transform_logit,
    freeman_tukey,
    logit_proportion,
)
from synovia.effects.select import Selected, select
from synovia.effects.shared import between, mean_share, risk_share, split_n
from synovia.effects.window import Window

__all__ = [
    "MEASURES",
    "SINGLE_ARM_MEASURES",
    "Compared",
    "Counts",
    "Effect",
    "Group",
    "Means",
    "Normal",
    "Selected",
    "Window",
    "back_transform_freeman_tukey",
    "back_transform_logit",
    "between",
    "compare",
    "freeman_tukey",
    "hedges_correction",
    "log_odds_ratio",
    "log_ratio_of_means",
    "log_risk_ratio",
    "logit_proportion",
    "mean_change",
    "mean_difference",
    "mean_share",
    "normalised_mean_difference",
    "risk_difference",
    "risk_share",
    "select",
    "single_arm",
    "split_n",
    "standardised_mean_difference",
]
