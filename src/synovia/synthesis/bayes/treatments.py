"""The treatments of a network under its posterior: comparisons and ranks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel.normals import Normals
from synovia.synthesis.bayes.credible import limit_normals
from synovia.synthesis.network.component_model import ComponentNetwork
from synovia.synthesis.network.model import Network
from synovia.synthesis.network.ranking import Better, Ranking, count_ranks

__all__ = ["Treatments", "compare_treatments", "find_treatments", "rank_treatments"]

Floats = NDArray[np.float64]
ALIKE = 1e-8  # share by which effects may differ from what the coefficients say, by rounding


@dataclass(frozen=True, slots=True, eq=False)
class Treatments:
    """What the coefficients of a fit say of each treatment.

    Attributes
    ----------
    names : tuple of str
        T treatments.
    rows : ndarray of shape (T, p)
        Combinations of the coefficients that are their effects.
    """

    names: tuple[str, ...]
    rows: Floats

    def find(self, name: str) -> Floats:
        """(p,) the combination of one treatment.

        Raises
        ------
        SynthesisError
            When there is no such treatment.
        """
        if name not in self.names:
            raise SynthesisError(f"Found treatment {name!r}; wanted one of {', '.join(self.names)}.")
        return np.asarray(self.rows[self.names.index(name)])


def find_treatments(fitted: object) -> Treatments | None:
    """The treatments of a network, or None of anything else and where effects are more than coefficients.

    Parameters
    ----------
    fitted : object
        Anything that has a posterior.
    """
    if isinstance(fitted, ComponentNetwork):
        known, against = fitted.design.identified, fitted.design.C - fitted.design.C[0]
        whole = bool(known.contains(against).all())
        return Treatments(fitted.treatments, known.express(against)) if whole else None
    if not isinstance(fitted, Network):
        return None
    T, p = len(fitted.treatments), fitted.fit.problem.p
    rows = np.zeros((T, p))
    rows[1:] = np.eye(T - 1, p) if fitted.moderated is None else fitted.moderated.find_contrasts(None)
    gap = np.abs(rows @ fitted.fit.point.beta - fitted.estimates).max()
    return (
        Treatments(fitted.treatments, rows) if gap <= ALIKE * (1 + np.abs(fitted.estimates).max()) else None
    )


def compare_treatments(
    known: Treatments,
    pair: tuple[str, str],
    combine: tuple[Callable[[Floats], Normals], Callable[[Floats], Normals]],
    limits: tuple[float, str],
) -> pd.DataFrame:
    """One row about two treatments.

    Parameters
    ----------
    known : Treatments
        Of the network.
    pair : tuple of str
        Which two.
    combine : tuple of callable
        From combinations of coefficients to their posterior, on average and in a new trial.
    limits : tuple of float and str
        Level and kind of the intervals.
    """
    row = (known.find(pair[0]) - known.find(pair[1]))[None]
    mean, new = (each(row) for each in combine)
    lower, upper = limit_normals(mean, *limits)[:, 0]
    outer = limit_normals(new, *limits)[:, 0]
    return pd.DataFrame(
        {
            "treatment_1": [pair[0]],
            "treatment_2": [pair[1]],
            "estimate": mean.quantile([0.5])[0],
            "std_error": mean.sd(),
            "lower": lower,
            "upper": upper,
            "prediction_lower": outer[0],
            "prediction_upper": outer[1],
            "above_zero": mean.above([0.0]),
            "level": limits[0],
        }
    )


def rank_treatments(
    known: Treatments,
    combine: Callable[[Floats], Normals],
    drawn: Floats,
    asked: tuple[Better, float, float, int],
) -> Ranking:
    """Ranks under a posterior.

    Parameters
    ----------
    known : Treatments
        Of the network.
    combine : callable
        From combinations of coefficients to their posterior.
    drawn : ndarray of shape (draws, p)
        Coefficients.
    asked : tuple
        Which effects are good, the minimal important difference, the level of rank intervals and the seed.
    """
    better, mid, level, seed = asked
    sign = -1.0 if better == "lower" else 1.0
    T = len(known.names)
    first, second = np.nonzero(~np.eye(T, dtype=bool))
    above = np.zeros((T, T))
    pairs = sign * (known.rows[first] - known.rows[second])
    above[first, second] = combine(pairs).above(np.full(first.size, mid))
    scores = above.sum(axis=1) / (T - 1)
    return count_ranks(known.names, scores, sign * drawn @ known.rows.T, (better, mid, level, seed))
