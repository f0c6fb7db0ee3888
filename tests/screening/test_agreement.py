import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synovia.errors import InputError
from synovia.screening import Agreement, NoKappa, agreement, kappa
from synovia.tables import DECISIONS, frame


def spread(table: list[list[int]]) -> tuple[list[str], list[str]]:
    """The decisions of two readers whose table of counts this is."""
    cells = [(i, j, count) for i, row in enumerate(table) for j, count in enumerate(row)]
    return (
        [f"c{i}" for i, _, count in cells for _ in range(count)],
        [f"c{j}" for _, j, count in cells for _ in range(count)],
    )


def kappa_of(table: list[list[int]]) -> Agreement:
    found = kappa(*spread(table))
    assert isinstance(found, Agreement)
    return found


def test_two_dermatologists_of_the_sas_manual() -> None:
    """SAS/STAT User's Guide, The FREQ Procedure, Getting Started: Agreement Study.

    Its output prints kappa 0.3449 and 95 % limits 0.2030 to 0.4868, so the tolerance is half a unit of the
    fourth decimal.
    """
    found = kappa_of([[10, 4, 1, 0], [5, 10, 12, 2], [2, 4, 12, 5], [0, 2, 6, 13]])
    assert found.n == 88
    assert found.kappa == pytest.approx(0.3449, abs=5e-5)
    assert found.lower == pytest.approx(0.2030, abs=5e-5)
    assert found.upper == pytest.approx(0.4868, abs=5e-5)


def test_two_by_two_of_statpsych() -> None:
    """R package statpsych, ci.kappa(.05, 31, 12, 4, 58), printed to seven digits."""
    found = kappa_of([[31, 12], [4, 58]])
    assert found.kappa == pytest.approx(0.6756757, abs=5e-8)
    assert found.std_error == pytest.approx(0.07344761, abs=5e-9)
    assert found.lower == pytest.approx(0.5317210, abs=5e-8)
    assert found.upper == pytest.approx(0.8196303, abs=5e-8)


def test_by_hand() -> None:
    found = kappa_of([[20, 5], [10, 15]])
    assert found.observed == pytest.approx(0.70)
    assert found.expected == pytest.approx(0.50)
    assert found.kappa == pytest.approx(0.40)
    assert found.table.to_numpy().tolist() == [[20, 5], [10, 15]]
    assert found.level == 0.95


def kappa_of_shares(shares: np.ndarray) -> float:
    expected = float(shares.sum(axis=1) @ shares.sum(axis=0))
    return float((np.trace(shares) - expected) / (1 - expected))


def delta_variance(shares: np.ndarray) -> float:
    """N times the large-sample variance, by the delta method with numerical derivatives."""
    step = 1e-6
    gradient = np.zeros(shares.size)
    for cell in range(shares.size):
        up, down = shares.copy().ravel(), shares.copy().ravel()
        up[cell] += step
        down[cell] -= step
        gradient[cell] = (
            kappa_of_shares(up.reshape(shares.shape)) - kappa_of_shares(down.reshape(shares.shape))
        ) / (2 * step)
    flat = shares.ravel()
    return float(gradient**2 @ flat - (gradient @ flat) ** 2)


@given(st.lists(st.lists(st.integers(1, 30), min_size=3, max_size=3), min_size=3, max_size=3))
def test_variance_is_the_delta_method_by_brute_force(table: list[list[int]]) -> None:
    found = kappa_of(table)
    shares = np.array(table) / found.n
    assert found.kappa == pytest.approx(kappa_of_shares(shares), abs=1e-12)
    # central differences with step 1e-6 leave an error near 1e-9 on a variance of order one
    assert found.std_error == pytest.approx(math.sqrt(delta_variance(shares) / found.n), rel=1e-6, abs=1e-8)


def test_expected_agreement_is_that_of_all_pairs_by_brute_force() -> None:
    first, second = spread([[7, 2, 0], [1, 4, 3], [0, 0, 5]])
    found = kappa(first, second)
    assert isinstance(found, Agreement)
    pairs = [a == b for a, b in product(first, second)]
    assert found.expected == pytest.approx(sum(pairs) / len(pairs))


decided = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40)


@given(decided, st.permutations("abc"))
def test_names_of_categories_and_order_of_readers_do_not_matter(
    pairs: list[tuple[str, str]], names: list[str]
) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    found, other = kappa(first, second), kappa(second, first)
    assume(isinstance(found, Agreement))
    renamed = dict(zip("abc", names, strict=True))
    third = kappa([renamed[a] for a in first], [renamed[b] for b in second])
    assert isinstance(found, Agreement)
    assert isinstance(other, Agreement)
    assert isinstance(third, Agreement)
    for same in (other, third):
        assert same.kappa == pytest.approx(found.kappa, abs=1e-12)
        assert same.std_error == pytest.approx(found.std_error, abs=1e-7)  # the root of a rounded zero
    assert -1 <= found.lower <= found.kappa + 1e-12
    assert found.kappa - 1e-12 <= found.upper <= 1


def test_perfect_agreement() -> None:
    found = kappa_of([[6, 0], [0, 4]])
    assert (found.kappa, found.upper) == (1, 1)
    assert found.std_error == pytest.approx(0, abs=1e-7)  # the root of a rounded zero


def test_wider_level_wider_interval() -> None:
    narrow, wide = kappa(*spread([[20, 5], [10, 15]]), level=0.5), kappa_of([[20, 5], [10, 15]])
    assert isinstance(narrow, Agreement)
    # 0.6744898 is the upper quartile of the standard normal distribution
    assert narrow.upper - narrow.kappa == pytest.approx(0.6744898 * wide.std_error, rel=1e-7)


def test_one_thing_said_of_every_record_has_no_kappa() -> None:
    found = kappa(["exclude"] * 4, ["exclude"] * 4)
    assert isinstance(found, NoKappa)
    assert found.n == 4
    assert "both readers said 'exclude' of every record" in found.reason


def test_no_shared_record_has_no_kappa() -> None:
    assert kappa([], []) == NoKappa("no record was decided by both readers", 0)


def test_unequal_readers_are_refused() -> None:
    with pytest.raises(InputError, match="2 decisions of one reader and 1 of the other"):
        kappa(["a", "b"], ["a"])


def rows(
    person: str, said: str, *, role: str = "reviewer", stage: str = "title-abstract"
) -> list[dict[str, str]]:
    words = {"i": "include", "e": "exclude", "n": "not retrieved"}
    return [
        {"record_id": f"r{i}", "stage": stage, "reviewer": person, "role": role, "verdict": words[letter]}
        for i, letter in enumerate(said)
        if letter != "-"
    ]


def test_agreement_of_each_pair_on_shared_records() -> None:
    votes = frame(
        DECISIONS,
        [
            *rows("bob", "iiee-"),
            *rows("ann", "iieei"),
            *rows("cat", "-ieie"),
            *rows("ann", "ee", stage="full-text"),
            *rows("dan", "iiiii", role="adjudicator"),
        ],
    )
    pairs = agreement(votes, "title-abstract")
    assert [(pair.first, pair.second, pair.result.n) for pair in pairs] == [
        ("ann", "bob", 4),
        ("ann", "cat", 4),
        ("bob", "cat", 3),
    ]
    assert isinstance(pairs[0].result, Agreement)
    assert pairs[0].result.kappa == 1
    assert pairs[1].result == kappa(
        ["include", "exclude", "exclude", "include"], ["include", "exclude", "include", "exclude"]
    )
    assert agreement(votes, "full-text") == ()


def test_no_decisions_no_pairs() -> None:
    assert agreement(frame(DECISIONS, []), "title-abstract") == ()
