"""Standard errors of the Laplace fit, by another route: differences of the maximised likelihood."""

import numpy as np
import pytest

import synovia as sv
from synovia.kernel.solution import Solution
from synovia.synthesis.exact.binomial import make_two_group_model
from synovia.synthesis.exact.mixed import evaluate_at

STEP = 2e-3
GROUPS = ["events_treatment", "n_treatment", "events_comparator", "n_comparator"]


def test_standard_error_of_the_laplace_fit_is_that_of_differences() -> None:
    data = sv.example("bcg").data
    fit = sv.binomial_normal(data, "UM.RS", points=1)
    assert isinstance(fit.point, Solution)
    assert isinstance(fit.tau2, float)
    model = make_two_group_model("UM.RS", data[GROUPS].to_numpy(float).T, {"points": 1})(
        np.ones((len(data), 1))
    )
    at = np.array([fit.point.beta[0], np.sqrt(fit.tau2), np.sqrt(dict(fit.point.others)["sigma2"])])

    def height(shift: np.ndarray) -> float:
        effect, tau, sigma = at + STEP * shift
        return evaluate_at(model, np.array([effect]), tau**2, sigma**2)

    unit = np.eye(3)
    hessian = [[height(a + b) - height(a - b) - height(b - a) + height(-a - b) for b in unit] for a in unit]
    covariance = np.linalg.inv(-np.array(hessian) / (4 * STEP**2))
    # differences at step h err by h squared, about 4e-6
    assert fit.tidy().std_error[0] == pytest.approx(np.sqrt(covariance[0, 0]), rel=5e-6)
