"""After the fit: what it hangs on, what it leaves unexplained, what it says about combinations and rivals."""

from synovia.diagnosis.adjusted_funnel import ComparisonFunnel, comparison_funnel
from synovia.diagnosis.baujat import Baujat, baujat
from synovia.diagnosis.blup import Predictions, blup, random_effects
from synovia.diagnosis.collinearity import Inflation, vif
from synovia.diagnosis.compare import Comparison, compare
from synovia.diagnosis.influence import Influence, influence
from synovia.diagnosis.leave_out import Refits, cumulative, leave_one_out
from synovia.diagnosis.linear import Contrasts, contrast, pairwise
from synovia.diagnosis.profile import Profile, profile
from synovia.diagnosis.rank_tests import RankTest, rank_test, sparse_rank_test
from synovia.diagnosis.residuals import Residuals, residuals
from synovia.diagnosis.spread import Bubbles, Quantiles, Radial, bubble, qq, radial

__all__ = [
    "Baujat",
    "Bubbles",
    "Comparison",
    "ComparisonFunnel",
    "Contrasts",
    "Inflation",
    "Influence",
    "Predictions",
    "Profile",
    "Quantiles",
    "Radial",
    "RankTest",
    "Refits",
    "Residuals",
    "baujat",
    "blup",
    "bubble",
    "compare",
    "comparison_funnel",
    "contrast",
    "cumulative",
    "influence",
    "leave_one_out",
    "pairwise",
    "profile",
    "qq",
    "radial",
    "random_effects",
    "rank_test",
    "residuals",
    "sparse_rank_test",
    "vif",
]
