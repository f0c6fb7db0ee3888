"""Numbers only: one Gaussian likelihood, the ways to choose its variances, and how to read it."""

from synovia.kernel.choose import (
    Choice,
    Convergence,
    dersimonian_laird,
    given,
    is_identified,
    ml,
    paule_mandel,
    reml,
)
from synovia.kernel.correlated import Correlated
from synovia.kernel.correlation import Correlation, Equal, Matrix, Power, Spatial, Uncorrelated
from synovia.kernel.covariance import Blocks, Covariance, Diagonal, find_blocks
from synovia.kernel.estimators import CHOICES
from synovia.kernel.gradient import gradient, score
from synovia.kernel.heterogeneity import Heterogeneity, Range, measure_heterogeneity, profile_q
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.inference import INFERENCES, Inference, Wald, quantile, quantiles, tail, wald
from synovia.kernel.omega import apply_derivatives, find_omega
from synovia.kernel.point import Point, find_leverage, find_rows, find_weights, point
from synovia.kernel.problem import Problem, find_dependent_columns
from synovia.kernel.structure import Fixed, Scalar, Structure
from synovia.kernel.term import RandomTerm, RowScale, Term
from synovia.kernel.traces import information, trace_projection
from synovia.kernel.unstructured import Unstructured

__all__ = [
    "CHOICES",
    "INFERENCES",
    "Blocks",
    "Choice",
    "Convergence",
    "Correlated",
    "Correlation",
    "Covariance",
    "Diagonal",
    "Equal",
    "Fixed",
    "Heterogeneity",
    "Inapplicable",
    "Inference",
    "Matrix",
    "Point",
    "Power",
    "Problem",
    "RandomTerm",
    "Range",
    "RowScale",
    "Scalar",
    "Spatial",
    "Structure",
    "Term",
    "Uncorrelated",
    "Unstructured",
    "Wald",
    "apply_derivatives",
    "dersimonian_laird",
    "find_blocks",
    "find_dependent_columns",
    "find_leverage",
    "find_omega",
    "find_rows",
    "find_weights",
    "given",
    "gradient",
    "information",
    "is_identified",
    "measure_heterogeneity",
    "ml",
    "paule_mandel",
    "point",
    "profile_q",
    "quantile",
    "quantiles",
    "reml",
    "score",
    "tail",
    "trace_projection",
    "wald",
]
