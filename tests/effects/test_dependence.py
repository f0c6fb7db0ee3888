"""Covariance of dependent effects: worked cases, shared groups, bad input, cost."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.grid import Case, read_cases
from synovia.effects import (
    Contrast,
    Times,
    aggregate,
    covariance_blocks,
    known_covariance,
    sampling_covariance,
)
from synovia.errors import InputError, NotPositiveDefinite

FRAME = pd.DataFrame(
    {
        "study": ["a", "a", "a", "b", "b"],
        "outcome": ["pain", "function", "pain", "pain", "pain"],
        "scale": ["vas", "womac", "womac", "vas", "womac"],
        "weeks": [4, 4, 8, 4, 8],
        "arm": ["x", "x", "y", "x", "y"],
        "control": ["p", "p", "p", "p", "p"],
        "n_arm": [20, 20, 40, 10, 30],
        "n_control": [40, 40, 40, 10, 10],
        "variance": [0.04, 0.09, 0.01, 0.04, 0.04],
    }
)
CLOSE = 1e-12  # products of a handful of numbers


def correlations(matrix: np.ndarray) -> np.ndarray:
    spread = np.sqrt(np.diag(matrix))
    return np.asarray(matrix / np.outer(spread, spread))


def test_within_and_between_outcomes() -> None:
    found = correlations(
        sampling_covariance(FRAME, cluster="study", outcome="outcome", observation="scale", rho=(0.8, 0.3))
    )
    np.testing.assert_allclose(found[0, :3], [1, 0.3, 0.8], rtol=CLOSE)
    assert found[3, 4] == pytest.approx(0.8)
    assert (found[:3, 3:] == 0).all()


def test_declared_matrix_of_outcomes() -> None:
    rho = pd.DataFrame([[1, 0.4], [0.4, 1]], index=["pain", "function"], columns=["pain", "function"])
    found = sampling_covariance(FRAME.iloc[:2], cluster="study", outcome="outcome", rho=rho)
    assert correlations(found)[0, 1] == pytest.approx(0.4)
    with pytest.raises(InputError, match="no correlation declared for outcome pain"):
        sampling_covariance(FRAME, cluster="study", outcome="outcome", rho=rho.iloc[1:, 1:])


def test_times_fade() -> None:
    found = sampling_covariance(FRAME.iloc[3:], cluster="study", times=Times("weeks", 0.9))
    assert correlations(found)[0, 1] == pytest.approx(0.9**4)


def test_shared_control_of_equal_groups_is_one_half() -> None:
    found = sampling_covariance(FRAME.iloc[3:], cluster="study", contrast=Contrast("arm", "control"))
    assert correlations(found)[0, 1] == pytest.approx(0.5)


def test_shared_control_of_known_sizes_is_the_covariance_of_mean_differences() -> None:
    """With variances proportional to 1/n1 + 1/n2 the covariance is that of the control's mean."""
    rows = FRAME.iloc[3:].assign(variance=lambda d: 4 / d["n_arm"] + 4 / d["n_control"])
    found = sampling_covariance(
        rows, cluster="study", contrast=Contrast("arm", "control", ("n_arm", "n_control"))
    )
    assert found[0, 1] == pytest.approx(4 / 10)


def test_reversed_contrast_turns_the_sign() -> None:
    rows = pd.DataFrame({"study": [1, 1], "g1": ["x", "p"], "g2": ["p", "y"], "variance": [1.0, 1.0]})
    found = sampling_covariance(rows, cluster="study", contrast=Contrast("g1", "g2"))
    assert found[0, 1] == pytest.approx(-0.5)


def test_changes_of_one_group_share_their_baseline() -> None:
    """y1 = m(2) - m(1), y2 = m(3) - m(1), autocorrelation phi: by the algebra of four covariances."""
    rows = pd.DataFrame(
        {"study": [1, 1], "g": ["x", "x"], "after": [2, 3], "before": [1, 1], "variance": [1.0, 1.0]}
    )
    phi = 0.7
    found = sampling_covariance(
        rows, cluster="study", times=Times("after", phi, "before"), contrast=Contrast("g", "g")
    )
    expected = (1 + phi - phi - phi**2) / np.sqrt((2 - 2 * phi) * (2 - 2 * phi**2))
    assert found[0, 1] == pytest.approx(expected)


@given(st.permutations(range(5)))
def test_order_of_rows_is_kept(order: list[int]) -> None:
    asked = {"cluster": "study", "outcome": "outcome", "observation": "scale", "rho": (0.8, 0.3)}
    whole = sampling_covariance(FRAME, **asked)  # type: ignore[arg-type]
    moved = sampling_covariance(FRAME.iloc[order], **asked)  # type: ignore[arg-type]
    np.testing.assert_allclose(moved, whole[np.ix_(order, order)], rtol=CLOSE)


def test_people_are_named_by_several_columns() -> None:
    found = sampling_covariance(FRAME, cluster="study + scale", times=Times("weeks", 0.9))
    assert found[0, 1] == 0
    assert found[1, 2] > 0


def test_impossible_correlations_name_the_cluster() -> None:
    rho = pd.DataFrame(
        [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]], index=list("xyz"), columns=list("xyz")
    )
    rows = pd.DataFrame({"study": ["Smith"] * 3, "o": list("xyz"), "variance": 1.0})
    with pytest.raises(NotPositiveDefinite, match=r"study Smith \(rows 1, 2, 3\) cannot hold together"):
        sampling_covariance(rows, cluster="study", outcome="o", rho=rho)


def test_rows_that_nothing_tells_apart_are_refused() -> None:
    with pytest.raises(NotPositiveDefinite, match="nothing tells apart"):
        sampling_covariance(FRAME, cluster="study", outcome="outcome", rho=0.5)


@pytest.mark.parametrize(
    ("change", "asked", "said"),
    [
        ({}, {"outcome": "outcome"}, "outcome without rho"),
        (
            {},
            {"outcome": "outcome", "observation": "scale", "rho": 0.5},
            "within an outcome, between outcomes",
        ),
        ({}, {"outcome": "outcome", "rho": 1.5}, "rho 1.5; wanted a correlation from -1 to 1"),
        ({}, {"times": Times("weeks", -0.2)}, "phi -0.2"),
        ({}, {"times": Times("days", 0.2)}, "'days' for times; wanted a column of the table: study"),
        ({"variance": [0.04, -1, 0.01, 0.04, 0.04]}, {}, "variance -1 in row 2"),
        ({"study": ["a", None, "a", "b", "b"]}, {}, "no study in row 2"),
    ],
)
def test_bad_input_is_named(change, asked, said):  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=said):
        sampling_covariance(FRAME.assign(**change), cluster="study", **asked)


def test_known_matrix_needs_its_columns() -> None:
    rows = pd.DataFrame({"study": [1, 1], "r1": [1, 0.5], "r2": [np.nan, 1], "variance": [0.04, 0.09]})
    found = known_covariance(rows, cluster="study", correlations=["r1", "r2"], variance="variance")
    np.testing.assert_allclose(found, [[0.04, 0.03], [0.03, 0.09]], rtol=CLOSE)
    with pytest.raises(InputError, match="2 rows in study 1 and 1 columns"):
        known_covariance(rows, cluster="study", correlations=["r1"])


def test_cost_grows_with_the_number_of_clusters() -> None:
    """3,000 effects in 1,000 studies as blocks, in seconds at most and without any 3,000 x 3,000 matrix."""
    rows = pd.DataFrame(
        {"study": np.repeat(np.arange(1000), 3), "o": np.tile(list("xyz"), 1000), "variance": 0.1}
    )
    started = time.perf_counter()
    blocks = covariance_blocks(rows, cluster="study", outcome="o", rho=0.5)
    assert time.perf_counter() - started < 10
    assert len(blocks) == 1000
    assert sum(block.size for _, block in blocks) == 9000


def test_everything_at_once_as_metafor() -> None:
    """vcalc of metafor 3.8-1: outcomes, times, and groups of known size; its lower triangle by rows."""
    rows = pd.DataFrame(
        {
            "study": 1, "type": ["a", "a", "b", "b"], "weeks": [1, 2, 1, 2], "g1": ["A", "B", "A", "B"], "g2": "P",
            "w1": [20, 25, 20, 25], "w2": 40, "variance": [0.1, 0.2, 0.15, 0.12],
        }
    )  # fmt: skip
    found = sampling_covariance(
        rows, cluster="study", outcome="type", rho=0.5, times=Times("weeks", 0.8),
        contrast=Contrast("g1", "g2", ("w1", "w2")),
    )  # fmt: skip
    expected = [
        0.0405095746833467,
        0.0612372435695794,
        0.0248069469178417,
        0.0156892908110547,
        0.0774596669241483,
        0.0384307569132209,
    ]
    np.testing.assert_allclose(found[np.tril_indices(4, -1)], expected, rtol=1e-12)


@pytest.mark.parametrize(
    "case", [c for c in read_cases("08_rma_mv") if c.id == "vcalc_berkey"], ids=lambda c: c.id
)
def test_known_matrices_of_berkey_1998(case: Case) -> None:
    found = known_covariance(case.tables[0], cluster="author", correlations=["v1i", "v2i"])
    np.testing.assert_allclose(found.ravel(), np.ravel(case.results["data"]), rtol=1e-12)


def test_aggregate_of_independent_effects_is_the_weighted_mean() -> None:
    rows = pd.DataFrame({"study": ["s", "s"], "estimate": [1.0, 3.0], "variance": [1.0, 3.0]})
    combined = aggregate(rows, cluster="study", rho=0.0)
    assert combined["estimate"].tolist() == pytest.approx([1.5])
    assert combined["variance"].tolist() == pytest.approx([0.75])
    assert combined["effects"].tolist() == [2]
    plain = aggregate(rows, cluster="study", rho=0.5, weighted=False)
    assert plain["estimate"].tolist() == [2.0]
    assert plain["variance"].tolist() == pytest.approx([(1 + 3 + 2 * 0.5 * np.sqrt(3)) / 4])
