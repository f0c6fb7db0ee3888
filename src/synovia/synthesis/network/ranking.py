"""Which treatment is best, and how sure one can be: P-scores and rank probabilities."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from synovia.errors import SynthesisError
from synovia.synthesis.fit import Fit

__all__ = ["Better", "Ranking", "count_ranks", "p_scores", "rank"]

Floats = NDArray[np.float64]
Better = Literal["lower", "higher"]

SEED = 1  # of the draws, unless another is given
DRAWS = 50_000  # a probability is then known to 0.0022 (one standard error) at worst


class Rankable(Protocol):
    """Any network whose treatments have effects with a covariance."""

    @property
    def treatments(self) -> tuple[str, ...]:
        """T treatments."""
        ...

    @property
    def fit(self) -> Fit:
        """The synthesis."""
        ...

    @property
    def estimates(self) -> Floats:
        """(T,) effects against one of them."""
        ...

    @property
    def covariance(self) -> Floats:
        """(T, T) their covariance."""
        ...

    def differences(self) -> tuple[Floats, Floats]:
        """(T, T) row minus column, and its standard error."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How the treatments of a network rank.

    Attributes
    ----------
    treatments : tuple of str
        In the order of the network.
    scores : ndarray of shape (T,)
        P-scores, exact.
    probabilities : ndarray of shape (T, T)
        Probability that a treatment (row) has rank 1, 2, ... (column), from draws.
    near_best : ndarray of shape (T,)
        Probability that a treatment is the best, or worse than the best by less than the minimal important
        difference.
    better : {"lower", "higher"}
        Which effects are good.
    mid : float
        Minimal important difference, on the scale of the effects; 0 when any difference counts.
    level : float
        Level of the rank intervals.
    draws, seed : int
        Of the simulation.
    """

    treatments: tuple[str, ...]
    scores: Floats
    probabilities: Floats
    near_best: Floats
    better: Better
    mid: float
    level: float
    draws: int
    seed: int

    @property
    def precision(self) -> float:
        r"""Precision of the hierarchy: 0 when every order is as likely, 1 when the order is certain.

        Notes
        -----
        The variance of the P-scores over the variance they have when ranks are certain,
        :math:`(T + 1)/(12(T - 1))`. Wigle, Béliveau, Salanti, Rücker, Schwarzer, Mavridis & Nikolakopoulou
        (2025), Precision of treatment hierarchy, Statistics in Medicine; arXiv 2501.11596.
        """
        T = self.scores.size
        return float(12 * (T - 1) / (T + 1) * np.var(self.scores))

    def tidy(self) -> pd.DataFrame:
        """One row per treatment, the best first.

        Returns
        -------
        DataFrame
            treatment, p_score, mean_rank (exact, from the P-score when mid is 0), median_rank, rank_lower,
            rank_upper (from the rank probabilities), best (probability of rank 1), near_best, worst
            (probability of the last rank).
        """
        T, cumulative = self.scores.size, np.cumsum(self.probabilities, axis=1)
        tail = (1 - self.level) / 2
        table = pd.DataFrame(
            {
                "treatment": list(self.treatments),
                "p_score": self.scores,
                "mean_rank": self.probabilities @ np.arange(1, T + 1),
                "median_rank": _quantile(cumulative, 0.5),
                "rank_lower": _quantile(cumulative, tail),
                "rank_upper": _quantile(cumulative, 1 - tail),
                "best": self.probabilities[:, 0],
                "near_best": self.near_best,
                "worst": self.probabilities[:, -1],
            }
        )
        if self.mid == 0:
            table["mean_rank"] = T - (T - 1) * self.scores
        return table.sort_values("p_score", ascending=False, kind="stable", ignore_index=True)

    def __str__(self) -> str:
        return self.tidy().round(3).to_string(index=False)

    @property
    def sucra(self) -> Floats:
        """(T,) area under the cumulative rank probabilities: from draws, any difference counting."""
        return np.asarray(np.cumsum(self.probabilities, axis=1)[:, :-1].mean(axis=1))

    @property
    def drawing(self) -> str:
        """Name of its drawing."""
        return "rankogram"

    def frames(self) -> dict[str, Any]:
        """What the rankogram is made from."""
        return {"rows": self.frame(), "scores": self.tidy()}

    def frame(self) -> pd.DataFrame:
        """Treatment, rank, probability, cumulative: what a rankogram draws, the best treatment first."""
        order = np.argsort(-self.scores, kind="stable")
        T = order.size
        cumulative = np.cumsum(self.probabilities, axis=1)
        return pd.DataFrame(
            {
                "treatment": np.repeat(np.array(self.treatments, dtype=object)[order], T),
                "rank": np.tile(np.arange(1, T + 1), T),
                "probability": self.probabilities[order].ravel(),
                "cumulative": cumulative[order].ravel(),
            }
        )


def _quantile(cumulative: Floats, share: float) -> NDArray[np.intp]:
    """(T,) smallest rank that at least this share of the draws does not exceed."""
    return np.asarray((cumulative < share - 1e-12).sum(axis=1) + 1, dtype=np.intp)


def p_scores(net: Rankable, *, better: Better, mid: float = 0.0) -> pd.Series:
    r"""Mean extent of certainty that a treatment is better than the others; exact.

    Parameters
    ----------
    net : Network or ComponentNetwork
        Any network.
    better : {"lower", "higher"}
        Which effects are good.
    mid : float
        How much better, on the scale of the effects; at least 0.

    Returns
    -------
    Series
        One P-score per treatment, from 0 to 1, in the order of the network.

    Raises
    ------
    SynthesisError
        When ``better`` is neither, or ``mid`` is negative.

    Notes
    -----
    .. math:: P_i = \frac1{T-1}\sum_{j \ne i} \Phi\!\left(\frac{d_i - d_j - \delta}{s_{ij}}\right)

    for larger effects being better. Equal to SUCRA, the area under the cumulative rank probabilities, when
    those come from the same normal distribution and :math:`\delta = 0`. Rücker & Schwarzer (2015), BMC
    Medical Research Methodology 15, 58; with a minimal important difference: Mavridis, Porcher,
    Nikolakopoulou, Salanti & Ravaud (2020), Biometrical Journal 62, 375-385.

    Examples
    --------
    >>> from synovia.synthesis.network import network
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "C", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.5, 0.5]})
    >>> p_scores(network(trials, random=False), better="lower").round(2).tolist()
    [0.99, 0.51, 0.0]
    """
    sign = _read_direction(better, mid)
    differences, errors = net.differences()
    T = len(net.treatments)
    safe = np.where(errors > 0, errors, 1.0)
    above = ndtr((sign * differences - mid) / safe)
    np.fill_diagonal(above, 0.0)
    return pd.Series(above.sum(axis=1) / (T - 1), index=list(net.treatments), name="p_score")


def _read_direction(better: str, mid: float) -> float:
    if better not in ("lower", "higher"):
        raise SynthesisError(f"Found better {better!r}; wanted 'lower' or 'higher': which effects are good.")
    if not (np.isfinite(mid) and mid >= 0):
        raise SynthesisError(f"Found a minimal important difference of {mid}; wanted a number of at least 0.")
    return -1.0 if better == "lower" else 1.0


def rank(net: Rankable, *, better: Better, mid: float = 0.0, draws: int = DRAWS, seed: int = SEED) -> Ranking:
    """P-scores and the probability of every rank.

    Parameters
    ----------
    net : Network or ComponentNetwork
        Any network.
    better : {"lower", "higher"}
        Which effects are good.
    mid : float
        Minimal important difference, on the scale of the effects: P-scores then count only differences above
        it, and ``near_best`` treatments closer to the best than that.
    draws, seed : int
        Of the simulation from the normal distribution of the effects.

    Returns
    -------
    Ranking

    Notes
    -----
    Salanti, Ades & Ioannidis (2011), Journal of Clinical Epidemiology 64, 163-171. A treatment with few data
    has flat rank probabilities: a high chance of being best and of being worst.
    """
    scores = p_scores(net, better=better, mid=mid).to_numpy()
    drawn = _read_direction(better, mid) * _draw(net, draws, seed)
    return count_ranks(net.treatments, scores, drawn, (better, mid, net.fit.settings.level, seed))


def count_ranks(
    treatments: tuple[str, ...], scores: Floats, drawn: Floats, asked: tuple[Better, float, float, int]
) -> Ranking:
    """The ranks in draws of the effects.

    Parameters
    ----------
    treatments : tuple of str
        T treatments.
    scores : ndarray of shape (T,)
        P-scores.
    drawn : ndarray of shape (draws, T)
        Effects, larger ones being better.
    asked : tuple
        Which effects are good, the minimal important difference, the level of rank intervals and the seed.
    """
    T = scores.size
    ranks = np.empty_like(drawn, dtype=np.intp)
    np.put_along_axis(ranks, np.argsort(-drawn, axis=1), np.arange(T)[None, :], axis=1)
    counts = np.bincount((np.arange(T) * T + ranks).ravel(), minlength=T * T).reshape(T, T)
    better, mid, level, seed = asked
    return Ranking(
        treatments=treatments,
        scores=scores,
        probabilities=counts / drawn.shape[0],
        near_best=(drawn >= drawn.max(axis=1, keepdims=True) - mid).mean(axis=0),
        better=better,
        mid=mid,
        level=level,
        draws=drawn.shape[0],
        seed=seed,
    )


def _draw(net: Rankable, draws: int, seed: int) -> Floats:
    """(draws, T) effects, each draw with its mirror image around the estimates."""
    values, vectors = np.linalg.eigh(net.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    half = np.random.default_rng(seed).standard_normal((max(1, draws // 2), values.size)) @ root.T
    return np.concatenate([net.estimates + half, net.estimates - half])
