"""Treatments ordered by several outcomes at once: better in all of them, or not comparable."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.network.ranking import Ranking

__all__ = ["PartialOrder", "partial_order"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class PartialOrder:
    """A partial order of treatments.

    Attributes
    ----------
    treatments : tuple of str
        Ranked for every outcome.
    outcomes : tuple of str
        What they were ranked by.
    scores : ndarray of shape (T, outcomes)
        Such as P-scores; higher is better.
    above : ndarray of bool of shape (T, T)
        Whether the row treatment is at least as good as the column treatment in every outcome, and better in
        one.
    left_out : tuple of str
        Treatments that some outcome does not rank.
    """

    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    scores: Floats
    above: Mask
    left_out: tuple[str, ...]

    drawing = "hasse"

    @property
    def covers(self) -> Mask:
        """(T, T) lines of the Hasse diagram: above, with no treatment in between."""
        between = (self.above.astype(int) @ self.above.astype(int)) > 0
        return np.asarray(self.above & ~between)

    @property
    def best(self) -> tuple[str, ...]:
        """Treatments with none above them."""
        return self._name(self.above.sum(axis=0) == 0)

    @property
    def worst(self) -> tuple[str, ...]:
        """Treatments with none below them."""
        return self._name(self.above.sum(axis=1) == 0)

    @property
    def comparable(self) -> float:
        """Share of the pairs of treatments that the order decides; 1 when outcomes agree throughout."""
        size = len(self.treatments)
        return float(self.above.sum()) / (size * (size - 1) / 2)

    def matrix(self) -> pd.DataFrame:
        """1 where the row treatment is above the column treatment."""
        return self._frame(self.above)

    def hasse(self) -> pd.DataFrame:
        """1 where a line of the Hasse diagram leads down from the row to the column treatment."""
        return self._frame(self.covers)

    def tidy(self) -> pd.DataFrame:
        """One row per treatment.

        Returns
        -------
        DataFrame
            treatment, the score of each outcome, layer (1 with none above, else one more than the deepest
            treatment above), above and below (how many treatments are worse and better in all outcomes),
            undecided (how many are neither).
        """
        table = pd.DataFrame(self.scores, columns=list(self.outcomes))
        table.insert(0, "treatment", list(self.treatments))
        worse, better = self.above.sum(axis=1), self.above.sum(axis=0)
        table = table.assign(
            layer=self._find_layers(), above=worse, below=better, undecided=len(worse) - 1 - worse - better
        )
        return table.sort_values(
            ["layer", "above"], ascending=[True, False], kind="stable", ignore_index=True
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """What ``draw`` needs: treatments with their layer, and lines from upper to lower."""
        upper, lower = np.nonzero(self.covers)
        names = np.array(self.treatments, dtype=object)
        return {
            "rows": self.tidy()[["treatment", "layer"]],
            "lines": pd.DataFrame({"upper": names[upper], "lower": names[lower]}),
        }

    def _find_layers(self) -> NDArray[np.intp]:
        layers = np.ones(len(self.treatments), dtype=np.intp)
        for place in np.argsort(self.above.sum(axis=0), kind="stable").tolist():
            over = self.above[:, place]
            if over.any():
                layers[place] = layers[over].max() + 1
        return layers

    def _name(self, chosen: Mask) -> tuple[str, ...]:
        return tuple(name for name, held in zip(self.treatments, chosen.tolist(), strict=True) if held)

    def _frame(self, square: Mask) -> pd.DataFrame:
        names = list(self.treatments)
        return pd.DataFrame(square.astype(int), index=names, columns=names)

    def __str__(self) -> str:
        return self.tidy().round(3).to_string(index=False)


def partial_order(rankings: Mapping[str, Ranking | pd.Series]) -> PartialOrder:
    r"""Order treatments by several outcomes without weighing the outcomes.

    Parameters
    ----------
    rankings : mapping of str to Ranking or Series
        For each outcome a ranking of a network, or scores of which higher ones are better, indexed by
        treatment: P-scores, SUCRA, or effects with their sign turned where lower is better.

    Returns
    -------
    PartialOrder
        Of the treatments that all outcomes rank; the others are in ``left_out``.

    Raises
    ------
    SynthesisError
        When there are fewer than two outcomes or shared treatments, or a score is missing.

    Notes
    -----
    Treatment i is above j when :math:`s_{io} \ge s_{jo}` for all outcomes o and :math:`>` for one. The Hasse
    diagram draws a line where none lies between. Scores are taken as they are: differences within the
    uncertainty of a ranking count like large ones. Carlsen & Bruggemann (2014), Journal of Chemometrics 28,
    226-234; Rücker & Schwarzer (2017), Research Synthesis Methods 8, 526-536.

    Examples
    --------
    >>> pain = pd.Series({"A": 0.9, "B": 0.5, "C": 0.1})
    >>> harm = pd.Series({"A": 0.3, "B": 0.8, "C": 0.2})
    >>> order = partial_order({"pain": pain, "harm": harm})
    >>> order.best, order.worst
    (('A', 'B'), ('C',))
    """
    if len(rankings) < 2:
        raise SynthesisError(f"Found {len(rankings)} outcome; wanted at least two to order treatments by.")
    columns = {str(name): _read_scores(str(name), ranking) for name, ranking in rankings.items()}
    every = list(dict.fromkeys(name for scores in columns.values() for name in scores))
    shared = [name for name in every if all(name in scores for scores in columns.values())]
    if len(shared) < 2:
        raise SynthesisError(
            f"Found {len(shared)} treatments that all of {', '.join(columns)} rank; wanted at least two."
        )
    scores = np.array([[own[name] for own in columns.values()] for name in shared])
    one, other = scores[:, None, :], scores[None, :, :]
    above = np.asarray((one >= other).all(axis=2) & (one > other).any(axis=2), dtype=np.bool_)
    left_out = tuple(name for name in every if name not in shared)
    return PartialOrder(tuple(shared), tuple(columns), scores, above, left_out)


def _read_scores(outcome: str, ranking: Ranking | pd.Series) -> dict[str, float]:
    if isinstance(ranking, Ranking):
        return dict(zip(ranking.treatments, ranking.scores.tolist(), strict=True))
    scores = {str(name): float(value) for name, value in ranking.items()}
    missing = [name for name, value in scores.items() if not np.isfinite(value)]
    if missing:
        raise SynthesisError(f"{outcome} has no score of {', '.join(missing)}; leave it out, or fill it in.")
    return scores
