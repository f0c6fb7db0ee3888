import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synovia.kernel import Blocks, Diagonal, Problem, Term, ml, reml
from synovia.kernel.selections import choose_selections, is_plain

SAME = 1e-8  # two root finders on one slope, whose rounding moves a flat root


def make(n: int, p: int, seed: int, spread: float) -> Problem:
    rng = np.random.default_rng(seed)
    v = rng.lognormal(-2, 1.5, n)
    X = np.column_stack([np.ones(n), rng.normal(1960, 10, n), rng.normal(0, 1, n)])[:, :p]
    y = rng.normal(0, np.sqrt(v + spread))
    return Problem(y, X, Diagonal(v), (Term(np.arange(n)),))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(5, 25),
    st.integers(1, 3),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.05, 0.5, 20.0]),
    st.booleans(),
)
def test_the_same_tau2_as_one_search_after_another(
    n: int, p: int, seed: int, spread: float, restricted: bool
) -> None:
    problem = make(n, p, seed, spread)
    keep = ~np.eye(n, dtype=bool)
    together = choose_selections(problem, keep, restricted=restricted)
    search = reml if restricted else ml
    alone = np.array([search(problem.restrict(np.flatnonzero(rows))).psi[0] for rows in keep])
    assert together == pytest.approx(alone, rel=SAME, abs=1e-3 * SAME * float(problem.V.diagonal.min()))


def test_memory_is_bounded_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = make(12, 2, 3, 0.5)
    keep = ~np.eye(12, dtype=bool)
    whole = choose_selections(problem, keep)
    monkeypatch.setattr("synovia.kernel.selections.ROOM", 30)
    assert choose_selections(problem, keep) == pytest.approx(whole, rel=1e-12)


def test_nothing_selected_is_nothing_found() -> None:
    problem = make(6, 1, 1, 0.5)
    assert is_plain(problem)
    assert choose_selections(problem, np.ones((1, 6), dtype=bool))[0] == pytest.approx(
        reml(problem).psi[0], rel=SAME
    )


def test_only_independent_rows_are_plain() -> None:
    blocks = Blocks([np.eye(2) + 0.2], [[0, 1]])
    X = np.ones((2, 1))
    assert not is_plain(Problem([0.0, 1.0], X, blocks, (Term([0, 1]),)))
    assert not is_plain(Problem([0.0, 1.0], X, Diagonal([1.0, 1.0])))
    assert not is_plain(Problem([0.0, 1.0], X, Diagonal([1.0, 1.0]), (Term([0, 0]),)))
