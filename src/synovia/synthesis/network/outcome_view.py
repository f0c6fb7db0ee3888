"""One of several outcomes fitted together, to be ranked and tabulated like any network."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.synthesis.fit import Fit
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.league import Compared, League, league
from synovia.synthesis.network.ranking import DRAWS, SEED, Better, Ranking, rank

__all__ = ["OutcomeView"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeView:
    """Effects on one outcome, informed by the others.

    Attributes
    ----------
    outcome : str
        Its name.
    design : NetworkDesign
        Its treatments and trials.
    fit : Fit
        The synthesis of all outcomes.
    spread : ndarray of shape (T - 1, p)
        What turns the coefficients of all outcomes into effects of this one against the reference.
    """

    outcome: str
    design: NetworkDesign
    fit: Fit
    spread: Floats

    @property
    def treatments(self) -> tuple[str, ...]:
        """The reference first, then in alphabetical order."""
        return self.design.treatments

    @property
    def estimates(self) -> Floats:
        """(T,) effects against the reference, 0 for the reference itself."""
        return np.concatenate([[0.0], self.spread @ self.fit.point.beta])

    @property
    def covariance(self) -> Floats:
        """(T, T) their covariance."""
        return np.pad(self.spread @ self.fit.inference.cov @ self.spread.T, ((1, 0), (1, 0)))

    def differences(self) -> tuple[Floats, Floats]:
        """(T, T) row treatment minus column treatment, and its standard error."""
        x, C = self.estimates, self.covariance
        v = np.diag(C)
        spread = v[:, None] + v[None, :] - 2 * C
        return x[:, None] - x[None, :], np.sqrt(np.maximum(spread, 0.0))

    def degrees(self, first: Integers, second: Integers) -> Floats:
        """Degrees of freedom of comparisons by the places of their treatments."""
        rows = np.pad(self.spread, ((1, 0), (0, 0)))
        return self.fit.inference.degrees(rows[first] - rows[second])

    def rank(self, *, better: Better, mid: float = 0.0, draws: int = DRAWS, seed: int = SEED) -> Ranking:
        """P-scores and the probability of every rank; see ``synovia.synthesis.network.ranking``."""
        return rank(self, better=better, mid=mid, draws=draws, seed=seed)

    def league(
        self,
        *,
        order: tuple[str, ...] | None = None,
        above: Compared | None = None,
        ratio: bool | None = None,
        level: float | None = None,
        digits: int = 2,
    ) -> League:
        """Every comparison in one square, with another outcome or network above where given."""
        shown: str | Compared = "nothing" if above is None else above
        return league(self, order=order, above=shown, ratio=ratio, level=level, digits=digits)

    def tidy(self) -> pd.DataFrame:
        """treatment, reference, estimate, std_error: every treatment against the reference."""
        return pd.DataFrame(
            {
                "treatment": list(self.treatments[1:]),
                "reference": self.design.reference,
                "estimate": self.estimates[1:],
                "std_error": np.sqrt(np.diag(self.covariance))[1:],
            }
        )
