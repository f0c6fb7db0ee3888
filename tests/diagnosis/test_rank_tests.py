"""Rank correlation tests: counted by hand, against other routes, without direction, and refusals."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import synovia as sv
from synovia.diagnosis import rank_test, sparse_rank_test
from synovia.errors import SynthesisError, TooFewStudies
from synovia.synthesis import meta

COUNTS = ["events_treatment", "n_treatment", "events_comparator", "n_comparator"]


def draw(k: int, *, ties: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(20240101)
    variance = rng.uniform(0.01, 0.5, k)
    return pd.DataFrame(
        {
            "estimate": rng.normal(0.2, np.sqrt(variance)),
            "variance": np.round(variance, 1) + 0.01 if ties else variance,
            "dose": rng.normal(size=k),
        }
    )


def count_pairs(x: np.ndarray, y: np.ndarray) -> int:
    """Concordant less discordant pairs, one by one."""
    return int(sum(np.sign((x[i] - x[j]) * (y[i] - y[j])) for i, j in combinations(range(x.size), 2)))


@pytest.mark.parametrize("ties", [False, True])
def test_concordance_and_its_error_by_brute_force(ties: bool) -> None:
    data = draw(9, ties=ties)
    weights = 1 / data.variance
    mean = np.sum(weights * data.estimate) / weights.sum()
    t = ((data.estimate - mean) / np.sqrt(data.variance - 1 / weights.sum())).to_numpy()
    found = rank_test(meta(data))
    assert found.concordance == count_pairs(t, data.variance.to_numpy())
    assert found.tau == pytest.approx(stats.kendalltau(t, data.variance).statistic)
    rng = np.random.default_rng(5)
    shuffled = [count_pairs(rng.permutation(t), data.variance.to_numpy()) for _ in range(4000)]
    assert found.std_error == pytest.approx(np.std(shuffled), rel=0.04)  # SE of an SD of 4,000: 1.1 %


def test_exact_tail_counts_all_orders() -> None:
    data = pd.DataFrame({"estimate": [0.1, 0.2, 0.4, 0.9, 0.7], "variance": [0.01, 0.02, 0.04, 0.2, 0.3]})
    found = rank_test(meta(data), tail="exact")
    every = [abs(count_pairs(np.array(order), np.arange(5))) for order in permutations(range(5))]
    assert found.p_value == pytest.approx(np.mean(np.array(every) >= abs(found.concordance)))


def test_random_effects_and_sign_play_no_part() -> None:
    data = draw(20)
    found = rank_test(meta(data))
    assert found == rank_test(meta(data, random=None, inference="z"))
    mirrored = rank_test(meta(data.assign(estimate=-data.estimate)))
    assert mirrored.concordance == -found.concordance
    assert mirrored.p_value == found.p_value


def test_moderators_are_taken_out() -> None:
    data = draw(20)
    shifted = data.assign(estimate=data.estimate + 3 * data.dose)
    assert rank_test(meta(shifted, "estimate ~ dose")) == rank_test(meta(data, "estimate ~ dose"))


def test_sparse_test_against_the_hypergeometric_distribution_of_scipy() -> None:
    data = sv.example("bcg").data
    a, n1, c, n2 = (data[name].to_numpy(int) for name in COUNTS)
    ratio = float(np.exp(sv.mantel_haenszel(data).tidy().estimate[0]))
    law = stats.nchypergeom_fisher(n1 + n2, n1, a + c, ratio)
    found = sparse_rank_test(data)
    assert found.concordance == count_pairs(
        np.asarray((a - law.mean()) / law.std()), np.asarray(1 / law.var())
    )
    assert "tau 0.077 over 13 studies, p = 0.7143" in found.summary()
    assert found.tidy().loc[0, "statistic"] == pytest.approx(6 / np.sqrt(13 * 12 * 31 / 18))


def test_arms_swapped_turn_the_sparse_test_around() -> None:
    data = sv.example("bcg").data
    other = sparse_rank_test(data[COUNTS].set_axis([*COUNTS[2:], *COUNTS[:2]], axis=1))
    assert other.concordance == -sparse_rank_test(data).concordance


def test_what_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(TooFewStudies, match="at least 3 studies"):
        rank_test(meta(draw(2)))
    with pytest.raises(SynthesisError, match="does not hold with ties"):
        rank_test(meta(draw(9, ties=True)), tail="exact")
    with pytest.raises(SynthesisError, match="nothing to rank"):
        rank_test(meta(draw(5).assign(variance=0.1)))
    alone = draw(5).assign(new=[1, 0, 0, 0, 0])
    with pytest.raises(SynthesisError, match="fit 1 of 5 effects exactly"):
        rank_test(meta(alone, "estimate ~ new"))
