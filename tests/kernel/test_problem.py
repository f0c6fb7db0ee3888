import numpy as np
import pytest

from synovia.errors import CollinearModerators, SynthesisError, TooFewStudies
from synovia.kernel import Diagonal, Problem, Term, find_dependent_columns


def ones(n: int) -> np.ndarray:
    return np.ones((n, 1))


def test_input_is_copied() -> None:
    y = np.array([1.0, 2.0])
    problem = Problem(y, ones(2), Diagonal([1.0, 1.0]))
    y[0] = 99
    assert problem.y.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("y", "X", "V", "terms", "message"),
    [
        ([1.0, np.nan], ones(2), Diagonal([1.0, 1.0]), (), "Row 2 has a missing or infinite estimate"),
        ([1.0, 2.0], [[1.0], [np.inf]], Diagonal([1.0, 1.0]), (), "Row 2 has a missing or infinite design"),
        ([1.0, 2.0], ones(2), Diagonal([1.0]), (), "V has 1 rows"),
        ([1.0, 2.0], ones(3), Diagonal([1.0, 1.0]), (), "X has 3 rows"),
        ([1.0, 2.0], ones(2), Diagonal([1.0, 1.0]), (Term([0, 1, 2]),), "term 1 has 3 rows"),
        ([1.0, 2.0], [1.0, 1.0], Diagonal([1.0, 1.0]), (), "wanted .n,. and .n, p."),
        ([1.0, 2.0], np.empty((2, 0)), Diagonal([1.0, 1.0]), (), "no columns"),
    ],
)
def test_what_cannot_be_fitted_is_named(
    y: list[float], X: np.ndarray, V: Diagonal, terms: tuple[Term, ...], message: str
) -> None:
    with pytest.raises(SynthesisError, match=message):
        Problem(y, X, V, terms)


def test_collinear_columns_are_named() -> None:
    X = np.column_stack([np.ones(4), [1, 2, 3, 4], [3, 5, 7, 9]])
    with pytest.raises(CollinearModerators, match="Column 3 of the design follows from columns 1, 2"):
        Problem(np.zeros(4), X, Diagonal(np.ones(4)))


def test_more_coefficients_than_estimates() -> None:
    with pytest.raises(TooFewStudies, match="1 estimates for 2 coefficients"):
        Problem([1.0], [[1.0, 2.0]], Diagonal([1.0]))


def test_independent_columns_far_from_their_mean_are_accepted() -> None:
    years = np.column_stack([np.ones(5), [1948, 1949, 1960, 1977, 1973]])
    assert find_dependent_columns(years) == {}


def test_a_column_of_zeros_depends_on_nothing() -> None:
    assert find_dependent_columns(np.array([[1.0, 0.0], [1.0, 0.0]])) == {1: ()}


def test_groups_of_any_kind_are_renumbered() -> None:
    term = Term(["b", "a", "b"])
    assert term.groups.tolist() == [1, 0, 1]
    assert term.levels == 2
