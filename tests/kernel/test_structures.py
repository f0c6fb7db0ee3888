"""Every structure: its slopes, its likelihood with whole matrices, its maximum against a search without slopes."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from simulated_problems import dense_point, make_dense, make_dense_term
from synovia.errors import NotPositiveDefinite, SynthesisError
from synovia.kernel import (
    Blocks,
    Correlated,
    Diagonal,
    Equal,
    Fixed,
    Matrix,
    Point,
    Power,
    Problem,
    RandomTerm,
    RowScale,
    Scalar,
    Spatial,
    Structure,
    Term,
    Uncorrelated,
    Unstructured,
    apply_derivatives,
    find_omega,
    gradient,
    information,
    ml,
    point,
    reml,
)
from synovia.kernel.blocks import BlocksSolver, make_blocks_solver
from synovia.kernel.gradient import look_around, observed_information
from synovia.kernel.nested import NestedSolver
from synovia.kernel.omega import find_slopes

Floats = NDArray[np.float64]

EXACT = 1e-9  # explicit inverses lose up to six of sixteen digits on these matrices
DIFFERENCED = 1e-6  # central differences with a step of 1e-5 leave about ten digits less those of the slope

PLACES = np.array([[0.0, 1.0, 2.5], [1.0, 0.0, 1.8], [2.5, 1.8, 0.0]])
RELATED = np.array([[1.0, 0.5, 0.2], [0.5, 1.0, 0.3], [0.2, 0.3, 1.0]])

STRUCTURES: dict[str, tuple[Structure, list[float]]] = {
    "ID": (Correlated(Uncorrelated(3)), [0.2]),
    "DIAG": (Correlated(Uncorrelated(3), separate=True), [0.2, 0.4, 0.1]),
    "CS": (Correlated(Equal(3)), [0.2, 0.4]),
    "HCS": (Correlated(Equal(3), separate=True), [0.2, 0.4, 0.1, -0.2]),
    "AR": (Correlated(Power([1, 2, 4])), [0.2, 0.6]),
    "HAR": (Correlated(Power([1, 2, 4]), separate=True), [0.2, 0.3, 0.5, -0.4]),
    "CAR": (Correlated(Power([0.5, 1.7, 2.0], continuous=True)), [0.2, 0.3]),
    "SPEXP": (Correlated(Spatial(PLACES, "exponential")), [0.2, 1.5]),
    "SPGAU": (Correlated(Spatial(PLACES, "gaussian")), [0.2, 1.5]),
    "SPLIN": (Correlated(Spatial(PLACES, "linear")), [0.2, 3.1]),
    "SPRAT": (Correlated(Spatial(PLACES, "rational")), [0.2, 1.5]),
    "SPSPH": (Correlated(Spatial(PLACES, "spherical")), [0.2, 3.1]),
    "known": (Correlated(Matrix(RELATED)), [0.3]),
    "UN": (Unstructured(3), [0.2, 0.4, 0.1, 0.3, -0.2, 0.5]),
    "held": (Fixed(Unstructured(3), [np.nan, np.nan, np.nan, 0.3, np.nan, 0.1]), [0.2, 0.4, 0.1, -0.2]),
}
EVERY = pytest.mark.parametrize("name", list(STRUCTURES))


def difference(function: Callable[[Floats], Floats], at: Floats, step: float = 1e-5) -> Floats:
    """Slopes of a function in each coordinate, first axis first."""
    out = []
    for place in range(at.size):
        move = np.zeros(at.size)
        move[place] = step
        out.append((function(at + move) - function(at - move)) / (2 * step))
    return np.array(out)


def simulate_outcomes(name: str, seed: int = 1, *, slopes: bool = False) -> tuple[Problem, Floats]:
    """Fourteen studies with up to three outcomes each, covarying errors, two coefficients."""
    structure, psi = STRUCTURES[name]
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(3)[: rng.integers(1, 4)] for _ in range(14)]
    sizes = [part.size for part in chosen]
    codes, groups = np.concatenate(chosen), np.repeat(np.arange(14), sizes)
    index = np.split(np.arange(codes.size), np.cumsum(sizes)[:-1])
    blocks = [0.05 * (0.4 + 0.6 * np.eye(size)) * rng.uniform(0.5, 2) for size in sizes]
    inner = rng.normal(size=(codes.size, 3)) if slopes else codes
    term = Term(groups, structure, inner)
    total = make_dense_term(term, np.array(psi))
    for rows, block in zip(index, blocks, strict=True):
        total[np.ix_(rows, rows)] += block
    y = 0.3 + np.linalg.cholesky(total) @ rng.normal(size=codes.size)
    X = np.column_stack([np.ones(codes.size), rng.normal(size=codes.size)])
    return Problem(y, X, Blocks(blocks, index), (term,)), np.array(psi)


@EVERY
def test_slopes_of_the_covariance(name: str) -> None:
    structure, values = STRUCTURES[name]
    psi = np.array(values)
    assert structure.parameters == psi.size == len(structure.names) == len(structure.bounds)
    assert structure.derivatives(psi) == pytest.approx(
        difference(structure.covariance, psi), rel=DIFFERENCED, abs=DIFFERENCED
    )
    theta = structure.start(np.array([0.4])) * 0.9 + 0.01
    search = difference(lambda t: structure.covariance(structure.from_search(t)), theta)
    assert structure.search_derivatives(theta) == pytest.approx(search, rel=1e-5, abs=1e-5)


@EVERY
def test_linear_bases_span_the_covariance(name: str) -> None:
    structure, psi = STRUCTURES[name]
    basis = structure.linear_basis()
    if basis is None:
        assert name in ("HCS", "AR", "HAR", "CAR", "held") or name.startswith("SP")
        return
    G = structure.covariance(np.array(psi))
    weights = np.linalg.lstsq(basis.reshape(len(basis), -1).T, G.ravel(), rcond=None)[0]
    assert np.tensordot(weights, basis, axes=1) == pytest.approx(G, rel=1e-12)


@EVERY
@pytest.mark.parametrize("slopes", [False, True])
def test_likelihood_equals_dense(name: str, *, slopes: bool) -> None:
    problem, psi = simulate_outcomes(name, slopes=slopes)
    at = point(problem, psi)
    log_ml, log_reml, beta, cov, rss = dense_point(problem, psi)
    assert (at.log_ml, at.log_reml, at.rss) == pytest.approx((log_ml, log_reml, rss), rel=EXACT)
    assert at.beta == pytest.approx(beta, rel=EXACT)
    assert at.cov == pytest.approx(cov, rel=EXACT)
    rows = np.array([3, 0, 7, 8])
    assert find_omega(problem, psi, rows) == pytest.approx(make_dense(problem, psi)[np.ix_(rows, rows)])
    kept = problem.restrict(np.arange(4, problem.n))
    assert point(kept, psi).rss == pytest.approx(dense_point(kept, psi)[4], rel=EXACT)


@EVERY
@pytest.mark.parametrize("slopes", [False, True])
@pytest.mark.parametrize("restricted", [False, True])
def test_gradient_and_information_equal_dense(name: str, *, slopes: bool, restricted: bool) -> None:
    problem, psi = simulate_outcomes(name, slopes=slopes)
    check_gradient(problem, psi, restricted=restricted)


def height(problem: Problem, psi: Floats, *, restricted: bool) -> Floats:
    at = point(problem, psi)
    return np.array(at.log_reml if restricted else at.log_ml)


def check_gradient(problem: Problem, psi: Floats, *, restricted: bool) -> None:
    at = point(problem, psi)
    expected = difference(lambda p: height(problem, p, restricted=restricted), psi)
    assert gradient(problem, at, restricted=restricted) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    inverse = np.linalg.inv(make_dense(problem, psi))
    P = inverse
    if restricted:
        X = problem.X
        P = inverse - inverse @ X @ np.linalg.inv(X.T @ inverse @ X) @ X.T @ inverse
    slopes = apply_derivatives(problem, psi, np.eye(problem.n))
    traces = np.array([[np.trace(P @ a @ P @ b) for b in slopes] for a in slopes]) / 2
    assert information(problem, at, restricted=restricted) == pytest.approx(traces, rel=1e-7, abs=1e-9)
    assert len(find_slopes(problem, psi)) == psi.size
    seen = observed_information(problem, at, np.ones(psi.size, dtype=bool), restricted=restricted)
    curved = -difference(lambda p: gradient(problem, point(problem, p), restricted=restricted), psi)
    assert seen == pytest.approx((curved + curved.T) / 2, rel=1e-4, abs=1e-4)


TERMS: dict[str, tuple[RandomTerm, ...]] = {
    "three levels": (Term(np.arange(24) // 4), Term(np.arange(24))),
    "four levels": (
        Term(np.arange(24) // 8),
        Term(np.arange(24) // 3 + 100 * (np.arange(24) // 8)),
        Term(np.arange(24)),
    ),
    "crossed": (Term(np.arange(24) // 4), Term(np.arange(24) % 5), Term(np.arange(24))),
    "crossed without own": (Term(np.arange(24) // 4), Term(np.arange(24) % 5)),
    "shared, levels apart": (
        Term(np.arange(24) // 6),
        Term(np.arange(24), Correlated(Uncorrelated(2), separate=True), np.arange(24) % 2),
    ),
    "shared and scaled": (
        Term(np.arange(24) // 6),
        RowScale(np.column_stack([np.ones(24), np.linspace(-1, 1, 24)])),
    ),
}


def simulate_terms(name: str, seed: int = 3) -> Problem:
    rng = np.random.default_rng(seed)
    shift = rng.normal(size=24)
    y = 0.2 + 0.4 * rng.normal(size=6)[np.arange(24) // 4] + 0.3 * shift
    X = np.column_stack([np.ones(24), rng.normal(size=24)])
    return Problem(y, X, Diagonal(rng.uniform(0.02, 0.2, 24)), TERMS[name])


@pytest.mark.parametrize("name", list(TERMS))
@pytest.mark.parametrize("restricted", [False, True])
def test_several_terms_equal_dense(name: str, *, restricted: bool) -> None:
    problem = simulate_terms(name)
    psi = np.linspace(0.05, 0.3, problem.parameters)
    at = point(problem, psi)
    assert (at.log_ml, at.log_reml) == pytest.approx(dense_point(problem, psi)[:2], rel=EXACT)
    check_gradient(problem, psi, restricted=restricted)


@pytest.mark.parametrize("name", list(TERMS))
@pytest.mark.parametrize("psi", [0.0, 1e-9, 0.2, 50.0])
def test_nested_equals_blocks(name: str, psi: float) -> None:
    problem = simulate_terms(name)
    assert isinstance(problem.solver, NestedSolver)
    other = make_blocks_solver(problem.V, problem.terms)
    assert problem.solver.blocks == other.blocks
    values = np.full(problem.parameters, min(psi, 3.0) if "scaled" in name else psi)
    here, there = problem.solver.factor(values), other.factor(values)
    B = problem.joined
    assert here.log_det == pytest.approx(there.log_det, rel=1e-11)
    assert here.solve(B) == pytest.approx(there.solve(B), rel=1e-8, abs=1e-10)
    half = here.half_solve(B)
    assert half.T @ half == pytest.approx(B.T @ there.solve(B), rel=1e-8, abs=1e-9)
    assert here.inverse_diagonal() == pytest.approx(there.inverse_diagonal(), rel=1e-8)
    slopes = find_slopes(problem, values)
    assert here.product_traces(slopes) == pytest.approx(there.product_traces(slopes), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", ["ID", "DIAG", "CS", "AR", "known", "UN", "held", "HCS"])
@pytest.mark.parametrize("way", [ml, reml])
def test_no_search_without_slopes_goes_higher(name: str, way: Callable[[Problem], object]) -> None:
    problem, psi = simulate_outcomes(name, seed=5)
    found = way(problem)
    restricted = way is reml
    low, high = np.array(problem.bounds).T

    def fall(theta: Floats) -> float:
        inside = np.clip(theta, np.maximum(low, -0.999), np.minimum(high, 50))
        term = problem.terms[0]
        assert isinstance(term, Term)
        if np.linalg.eigvalsh(term.structure.covariance(inside)).min() < -1e-12:
            return 1e6
        try:
            return -float(height(problem, inside, restricted=restricted))
        except NotPositiveDefinite:
            return 1e6

    starts = [psi, psi * 0.3, psi * 2]
    best = min(minimize(fall, start, method="Nelder-Mead", options={"maxiter": 4000}).fun for start in starts)
    at = found.point  # type: ignore[attr-defined]
    assert isinstance(at, Point)
    assert (at.log_reml if restricted else at.log_ml) >= -best - 1e-7
    assert found.convergence.converged  # type: ignore[attr-defined]


def test_search_curvature_is_close_to_the_second_derivatives() -> None:
    problem, _ = simulate_outcomes("UN", seed=8)
    structure = problem.terms[0].structure  # type: ignore[attr-defined]
    theta = structure.start(0.2) + 0.05

    def slope(t: Floats) -> Floats:
        at = point(problem, structure.from_search(t))
        return look_around(problem, at, t, restricted=True).slope

    around = look_around(problem, point(problem, structure.from_search(theta)), theta, restricted=True)
    assert around.slope == pytest.approx(
        difference(lambda t: height(problem, structure.from_search(t), restricted=True), theta),
        rel=1e-4,
        abs=1e-5,
    )
    assert around.curvature.shape == (6, 6)
    assert slope(theta) == pytest.approx(around.slope)


def test_a_variance_that_the_data_do_not_want_is_exactly_zero() -> None:
    rng = np.random.default_rng(4)
    study = np.repeat(np.arange(12), 3)
    v = rng.uniform(0.05, 0.1, 36)
    y = rng.normal(0, 1, 12)[study] + rng.normal(size=36) * np.sqrt(v) * 0.3
    problem = Problem(y, np.ones((36, 1)), Diagonal(v), (Term(study), Term(np.arange(36))))
    found = reml(problem)
    assert found.psi[1] == 0
    assert found.psi[0] > 0.3
    assert found.convergence.at_boundary
    assert gradient(problem, found.point)[1] < 0


@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.5, 0.95])
@pytest.mark.parametrize("seed", range(4))
def test_a_held_correlation_leaves_the_highest_variances(rho: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    study, outcome = np.repeat(np.arange(10), 2), np.tile([0, 1], 10)
    y = rng.normal(0, 0.3, 10)[study] * np.where(outcome == 0, 1.0, 0.3) + 0.2 * rng.normal(size=20)
    held = Fixed(Unstructured(2), np.array([np.nan, np.nan, rho]))
    problem = Problem(y, np.eye(2)[outcome], Diagonal(np.full(20, 0.04)), (Term(study, held, outcome),))
    found = reml(problem)
    grid = np.linspace(0, 0.6, 41) ** 2
    best = max(point(problem, [a, b]).log_reml for a in grid for b in grid)
    assert found.point.log_reml >= best - 1e-9
    assert found.convergence.converged


def test_singular_unstructured_covariance_is_reached() -> None:
    rng = np.random.default_rng(6)
    study, outcome = np.repeat(np.arange(15), 2), np.tile([0, 1], 15)
    y = rng.normal(0, 1, 15)[study] * np.where(outcome == 0, 1.0, 0.7) + 0.05 * rng.normal(size=30)
    problem = Problem(
        y, np.eye(2)[outcome], Diagonal(np.full(30, 0.05)), (Term(study, Unstructured(2), outcome),)
    )
    found = reml(problem)
    assert found.psi[2] == pytest.approx(1, abs=1e-6)
    assert found.convergence.converged


class TestIdentities:
    """Two routes to one model."""

    def test_three_levels_are_compound_symmetry(self) -> None:
        problem = simulate_terms("three levels")
        study = np.arange(24) // 4
        effect = np.arange(24) % 4
        other = Problem(problem.y, problem.X, problem.V, (Term(study, Correlated(Equal(4)), effect),))
        one, two = reml(problem), reml(other)
        assert two.point.log_reml == pytest.approx(one.point.log_reml, abs=1e-9)
        assert two.psi[0] == pytest.approx(one.psi.sum(), rel=1e-6)
        assert two.psi[0] * two.psi[1] == pytest.approx(one.psi[0], rel=1e-6)

    def test_one_outcome_unstructured_is_one_variance(self) -> None:
        problem = simulate_terms("three levels")
        study = np.arange(24) // 4
        plain = reml(Problem(problem.y, problem.X, problem.V, (Term(study),)))
        other = reml(
            Problem(problem.y, problem.X, problem.V, (Term(study, Unstructured(1), np.zeros(24, int)),))
        )
        assert other.psi == pytest.approx(plain.psi, rel=1e-7)

    def test_known_identity_is_no_correlation(self) -> None:
        problem = simulate_terms("three levels")
        plain = reml(Problem(problem.y, problem.X, problem.V, (Term(np.arange(24)),)))
        known = Term(np.zeros(24, int), Correlated(Matrix(np.eye(24))), np.arange(24))
        other = reml(Problem(problem.y, problem.X, problem.V, (known,)))
        assert other.psi == pytest.approx(plain.psi, rel=1e-8)
        assert other.point.log_reml == pytest.approx(plain.point.log_reml, rel=1e-12)

    def test_scale_by_level_is_one_variance_per_level(self) -> None:
        problem = simulate_terms("three levels", seed=9)
        level = np.arange(24) % 2
        scaled = reml(Problem(problem.y, problem.X, problem.V, (RowScale(np.eye(2)[level]),)))
        apart = reml(
            Problem(
                problem.y, problem.X, problem.V,
                (Term(np.arange(24), Correlated(Uncorrelated(2), separate=True), level),),
            )
        )  # fmt: skip
        assert np.exp(scaled.psi) == pytest.approx(apart.psi, rel=1e-5)
        assert scaled.point.log_reml == pytest.approx(apart.point.log_reml, abs=1e-9)

    def test_continuous_autoregression_on_whole_times_is_ar(self) -> None:
        problem, psi = simulate_outcomes("AR", seed=2)
        whole = problem.terms[0]
        assert isinstance(whole, Term)
        other = Term(whole.groups, Correlated(Power([1, 2, 4], continuous=True)), whole.codes)
        assert point(problem.replace_terms((other,)), psi).log_reml == pytest.approx(
            point(problem, psi).log_reml, rel=1e-13
        )

    def test_random_intercept_by_loadings(self) -> None:
        problem = simulate_terms("three levels")
        study = np.arange(24) // 4
        loaded = Term(study, Unstructured(1), np.ones((24, 1)))
        plain = Term(study)
        one, two = (point(problem.replace_terms((term,)), [0.3]) for term in (loaded, plain))
        assert one.log_reml == pytest.approx(two.log_reml, rel=1e-12)

    @settings(max_examples=12)
    @given(
        name=st.sampled_from(["CS", "HCS", "AR", "DIAG", "known"]),
        seed=st.integers(0, 500),
        unit=st.floats(0.01, 100),
        shift=st.floats(-50, 50),
    )
    def test_shift_scale_and_order_change_what_they_should(
        self, name: str, seed: int, unit: float, shift: float
    ) -> None:
        problem, _ = simulate_outcomes(name, seed=seed)
        term = problem.terms[0]
        assert isinstance(term, Term)
        assert isinstance(problem.V, Blocks)
        here = reml(problem)
        scaled = Blocks([unit**2 * block for block in problem.V.blocks], problem.V.index)
        moved = reml(Problem(unit * problem.y + shift, problem.X, scaled, problem.terms))
        # a flat likelihood has many maxima to the eighth digit: heights are compared, not places
        lost = (problem.n - problem.p) * np.log(unit)
        assert moved.point.log_reml + lost == pytest.approx(here.point.log_reml, abs=1e-6)
        count = sum("tau2" in entry for entry in term.structure.names)
        there = np.concatenate([unit**2 * here.psi[:count], here.psi[count:]])
        again = point(Problem(unit * problem.y + shift, problem.X, scaled, problem.terms), there)
        assert again.beta == pytest.approx(unit * here.point.beta + np.array([shift, 0]), rel=1e-7, abs=1e-7)
        order = np.random.default_rng(seed).permutation(problem.n)
        turned = reml(problem.restrict(order))
        assert turned.point.log_reml == pytest.approx(here.point.log_reml, abs=1e-6)

    @pytest.mark.parametrize("unit", [1e-3, 1.0, 77.0, 1e4])
    @pytest.mark.parametrize("powers", [1, 2])
    @pytest.mark.parametrize("kind", ["UN", "DIAG"])
    def test_the_unit_of_a_dose_does_not_matter(self, unit: float, powers: int, kind: str) -> None:
        rng = np.random.default_rng(5)
        study, dose = np.repeat(np.arange(20), 3), np.tile([0.5, 1.0, 2.0], 20)
        slope = rng.normal(0.3, 0.4, 20)[study]
        y = slope * dose + rng.normal(0, 0.2, 60)
        v = Diagonal(np.full(60, 0.04))

        def fit(scale: float) -> float:
            loadings = np.column_stack([(dose * scale) ** power for power in range(1, powers + 1)])
            structure = (
                Unstructured(powers) if kind == "UN" else Correlated(Uncorrelated(powers), separate=True)
            )
            problem = Problem(y, loadings, v, (Term(study, structure, loadings),))
            return reml(problem).point.log_ml

        assert fit(unit) == pytest.approx(fit(1.0), abs=1e-6)


class TestRefusals:
    def test_codes_outside_the_structure(self) -> None:
        with pytest.raises(SynthesisError, match="Found codes outside 0 to 1"):
            Term([0, 0, 1], Unstructured(2), [0, 1, 2])

    def test_loadings_of_another_width(self) -> None:
        with pytest.raises(SynthesisError, match=r"Found loadings of shape \(3, 3\); wanted \(3, 2\)"):
            Term([0, 0, 1], Unstructured(2), np.ones((3, 3)))

    def test_effects_without_codes(self) -> None:
        with pytest.raises(SynthesisError, match="say which of them each row has"):
            Term([0, 0, 1], Unstructured(2))

    def test_a_known_matrix_that_is_none(self) -> None:
        with pytest.raises(NotPositiveDefinite, match="has eigenvalue -1"):
            Matrix([[1.0, 2.0], [2.0, 1.0]])
        with pytest.raises(NotPositiveDefinite, match="not symmetric"):
            Matrix([[1.0, 0.2], [0.3, 1.0]])

    def test_a_correlation_that_cannot_be(self) -> None:
        problem, _ = simulate_outcomes("CS")
        with pytest.raises(SynthesisError, match=r"finite numbers from -0\.5 to 1"):
            point(problem, [0.2, -0.7])

    def test_a_kind_of_distance_that_does_not_exist(self) -> None:
        with pytest.raises(SynthesisError, match="Found spatial correlation 'cubic'"):
            Spatial(PLACES, "cubic")


def test_blocks_are_joined_by_random_effects() -> None:
    problem = simulate_terms("crossed")
    assert problem.blocks == 1
    assert isinstance(make_blocks_solver(problem.V, problem.terms), BlocksSolver)
    assert simulate_terms("three levels").blocks == 6
    assert Scalar().names == ("tau2",)
