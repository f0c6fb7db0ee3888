"""Numbers only: one Gaussian likelihood, the ways to choose its variances, and how to read it."""

from synovia.kernel.choose import (
    CHOICES,
    Choice,
    Convergence,
    dersimonian_laird,
    given,
    is_identified,
    ml,
    paule_mandel,
    reml,
)
from synovia.kernel.covariance import Blocks, Covariance, Diagonal, find_blocks
from synovia.kernel.heterogeneity import Heterogeneity, Range, measure_heterogeneity, profile_q
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.inference import INFERENCES, Inference, Wald, quantile, tail, wald
from synovia.kernel.point import Point, find_leverage, find_rows, find_weights, point, score, trace_projection
from synovia.kernel.problem import Problem, Term, find_dependent_columns

__all__ = [
    "CHOICES",
    "INFERENCES",
    "Blocks",
    "Choice",
    "Convergence",
    "Covariance",
    "Diagonal",
    "Heterogeneity",
    "Inapplicable",
    "Inference",
    "Point",
    "Problem",
    "Range",
    "Term",
    "Wald",
    "dersimonian_laird",
    "find_blocks",
    "find_dependent_columns",
    "find_leverage",
    "find_rows",
    "find_weights",
    "given",
    "is_identified",
    "measure_heterogeneity",
    "ml",
    "paule_mandel",
    "point",
    "profile_q",
    "quantile",
    "reml",
    "score",
    "tail",
    "trace_projection",
    "wald",
]
