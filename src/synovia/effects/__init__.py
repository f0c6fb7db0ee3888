"""From arm data to effects and their sampling variances, on a stated scale."""

from synovia.effects.aggregate import aggregate, delta
from synovia.effects.animal import Group, Normal, normalised_mean_difference
from synovia.effects.association import association, bivariate_normal, excess_heterozygosity, tetrachoric
from synovia.effects.binary import (
    log_odds_ratio,
    log_risk_ratio,
    probit_difference,
    risk_difference,
    two_by_two,
)
from synovia.effects.change import (
    change,
    change_from_d,
    d_from_paired_t,
    difference_of_changes,
    pooled_pretest,
)
from synovia.effects.compare import MEASURES, SINGLE_ARM_MEASURES, Compared, compare, single_arm
from synovia.effects.continuous import (
    hedges_correction,
    log_ratio_of_means,
    mean_change,
    mean_difference,
    standardised_mean_difference,
)
from synovia.effects.correlation import correlation, correlation_from_t
from synovia.effects.dependence import (
    Contrast,
    Times,
    covariance_blocks,
    known_covariance,
    sampling_covariance,
)
from synovia.effects.effect import Counts, Effect, Means, Pairs, Rates
from synovia.effects.group import group_mean
from synovia.effects.matched import marginal_odds, matched_pairs
from synovia.effects.measures import MEASURE_TABLE, Measure, find_measure, list_measures
from synovia.effects.printed import effect_from_interval, effect_from_p, log_hazard_ratio, reconstruct_table
from synovia.effects.proportion import (
    back_transform_freeman_tukey,
    back_transform_logit,
    freeman_tukey,
    logit_proportion,
    proportion,
)
from synovia.effects.proportion_interval import ProportionInterval, proportion_interval
from synovia.effects.rate import compare_rates, rate
from synovia.effects.regression import (
    determination,
    determination_from_f,
    partial_correlation,
    partial_from_t,
    semipartial_correlation,
)
from synovia.effects.reliability import cronbach_alpha
from synovia.effects.select import Selected, select
from synovia.effects.shared import between, mean_share, risk_share, split_n
from synovia.effects.sizes import effect_sizes
from synovia.effects.spread import compare_spread, spread_of_change, spread_of_group
from synovia.effects.standardised import cohen_d, from_d, from_t, probability_of_superiority, standardise
from synovia.effects.transform import average_back, double_arcsine, double_root, mode_of_ratio, transform
from synovia.effects.translate import (
    biserial_from_point_biserial,
    d_to_correlation,
    d_to_log_odds,
    describe_d,
    log_odds_to_d,
    log_odds_to_risk,
    log_odds_to_tetrachoric,
    r_to_d,
    rescale,
)
from synovia.effects.window import Window

__all__ = [
    "MEASURES",
    "MEASURE_TABLE",
    "SINGLE_ARM_MEASURES",
    "Compared",
    "Contrast",
    "Counts",
    "Effect",
    "Group",
    "Means",
    "Measure",
    "Normal",
    "Pairs",
    "ProportionInterval",
    "Rates",
    "Selected",
    "Times",
    "Window",
    "aggregate",
    "association",
    "average_back",
    "back_transform_freeman_tukey",
    "back_transform_logit",
    "between",
    "biserial_from_point_biserial",
    "bivariate_normal",
    "change",
    "change_from_d",
    "cohen_d",
    "compare",
    "compare_rates",
    "compare_spread",
    "correlation",
    "correlation_from_t",
    "covariance_blocks",
    "cronbach_alpha",
    "d_from_paired_t",
    "d_to_correlation",
    "d_to_log_odds",
    "delta",
    "describe_d",
    "determination",
    "determination_from_f",
    "difference_of_changes",
    "double_arcsine",
    "double_root",
    "effect_from_interval",
    "effect_from_p",
    "effect_sizes",
    "excess_heterozygosity",
    "find_measure",
    "freeman_tukey",
    "from_d",
    "from_t",
    "group_mean",
    "hedges_correction",
    "known_covariance",
    "list_measures",
    "log_hazard_ratio",
    "log_odds_ratio",
    "log_odds_to_d",
    "log_odds_to_risk",
    "log_odds_to_tetrachoric",
    "log_ratio_of_means",
    "log_risk_ratio",
    "logit_proportion",
    "marginal_odds",
    "matched_pairs",
    "mean_change",
    "mean_difference",
    "mean_share",
    "mode_of_ratio",
    "normalised_mean_difference",
    "partial_correlation",
    "partial_from_t",
    "pooled_pretest",
    "probability_of_superiority",
    "probit_difference",
    "proportion",
    "proportion_interval",
    "r_to_d",
    "rate",
    "reconstruct_table",
    "rescale",
    "risk_difference",
    "risk_share",
    "sampling_covariance",
    "select",
    "semipartial_correlation",
    "single_arm",
    "split_n",
    "spread_of_change",
    "spread_of_group",
    "standardise",
    "standardised_mean_difference",
    "tetrachoric",
    "transform",
    "two_by_two",
]
