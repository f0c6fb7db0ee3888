"""From numbers as printed to arm data, by arithmetic with its source named."""

from synovia.extraction.check import Caution, check_outcomes, find_cautions, largest_sd
from synovia.extraction.convert import COMMON_UNIT, Converted, convert
from synovia.extraction.dispersion import combine_groups, sd_from_ci, sd_from_se, sd_of_change
from synovia.extraction.five_numbers import (
    Skewness,
    best_linear,
    find_skewness,
    mean_from,
    sd_from,
)
from synovia.extraction.power import box_cox, box_cox_likelihood
from synovia.extraction.quantiles import Summary, luo_mean, quantile_estimation, wan_sd
from synovia.extraction.step import Step

__all__ = [
    "COMMON_UNIT",
    "Caution",
    "Converted",
    "Skewness",
    "Step",
    "Summary",
    "best_linear",
    "box_cox",
    "box_cox_likelihood",
    "check_outcomes",
    "combine_groups",
    "convert",
    "find_cautions",
    "find_skewness",
    "largest_sd",
    "luo_mean",
    "mean_from",
    "quantile_estimation",
    "sd_from",
    "sd_from_ci",
    "sd_from_se",
    "sd_of_change",
    "wan_sd",
]
