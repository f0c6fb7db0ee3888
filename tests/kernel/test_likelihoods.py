import numpy as np
import pytest

from simulated_problems import simulate
from synovia.kernel import Correlated, Matrix, Problem, Term, point
from synovia.kernel.likelihoods import evaluate_likelihoods

EXACT = 1e-9  # the same likelihood from turned rows


@pytest.mark.parametrize("p", [1, 3])
@pytest.mark.parametrize(
    ("sizes", "known"),
    [((1,) * 9, False), ((2, 3, 1, 2, 3), False), ((2, 3, 1, 2, 3), True), ((4, 4, 4), True)],
)
def test_many_psi_at_once_are_each_of_them(sizes: tuple[int, ...], p: int, *, known: bool) -> None:
    problem = simulate(4, sizes, p=p)
    if known:  # half of tau2 is shared by the contrasts of a trial
        q = max(sizes)
        half = Correlated(Matrix((np.eye(q) + 1) / 2))
        codes = np.zeros(problem.n, dtype=int)
        for label in np.unique(problem.V.labels):
            rows = np.flatnonzero(problem.V.labels == label)
            codes[rows] = np.arange(rows.size)
        problem = Problem(problem.y, problem.X, problem.V, (Term(problem.V.labels, half, codes),))
    psi = np.array([[0.0], [1e-6], [0.2], [30.0]])
    found = evaluate_likelihoods(problem, psi)
    for place, value in enumerate(psi):
        at = point(problem, value)
        assert found.log_ml[place] == pytest.approx(at.log_ml, rel=EXACT)
        assert found.beta[place] == pytest.approx(at.beta, rel=EXACT)
        assert found.cov[place] == pytest.approx(at.cov, rel=1e-8)
