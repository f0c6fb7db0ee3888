r"""Whether designs of a network agree: Q decomposed, designs detached, the design-by-treatment interaction.

A design is a set of treatments that some trial compares. Within designs trials differ by heterogeneity,
:math:`Q_{het}`; between designs they differ by incoherence, :math:`Q_{inc}`. Higgins et al. (2012), Research
Synthesis Methods 3, 98-110; Krahn, Binder & König (2013), BMC Medical Research Methodology 13, 35.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from synovia.kernel import Inapplicable
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.disagreement import Disagreement, disagree
from synovia.synthesis.network.evidence import Evidence, gather
from synovia.synthesis.network.interaction import UNTESTABLE, Interaction, compare_designs

__all__ = ["Decomposition", "decompose"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """Q of a network, within and between designs.

    Attributes
    ----------
    total, within, between : tuple of float and int
        Q and its degrees of freedom.
    designs : DataFrame
        design, k, q_within, df_within, p_within; q_between, its share of Q between designs; q_detached,
        df_detached, p_detached: Q between designs when the design is detached, NaN where nothing but the
        design itself estimates its contrasts.
    interaction : Interaction or Inapplicable
        The design-by-treatment interaction with random effects.
    """

    total: tuple[float, int]
    within: tuple[float, int]
    between: tuple[float, int]
    designs: pd.DataFrame
    interaction: Interaction | Inapplicable

    @property
    def inapplicable(self) -> Inapplicable | None:
        """Why incoherence cannot be tested, where that is so."""
        return None if self.between[1] else Inapplicable(UNTESTABLE)

    def tidy(self) -> pd.DataFrame:
        """One row per part of Q, and one for the interaction with random effects.

        Returns
        -------
        DataFrame
            part, q, df, p_value, tau2 (allowed for), inapplicable: why a part cannot be tested, and then q
            and p_value are NaN, not 0.
        """
        reason = "" if self.between[1] else UNTESTABLE
        within = "" if self.within[1] else "no design has two trials"
        rows: tuple[tuple[str, float, int, float, str], ...] = (
            ("total", *self.total, 0.0, ""),
            ("within designs", *self.within, 0.0, within),
            ("between designs", *self.between, 0.0, reason),
            _list_interaction(self.interaction),
        )
        q = np.array([np.nan if said else value for _, value, _, _, said in rows])
        df = np.array([row[2] for row in rows])
        return pd.DataFrame(
            {
                "part": [row[0] for row in rows],
                "q": q,
                "df": df,
                "p_value": _tail(q, df),
                "tau2": [row[3] for row in rows],
                "inapplicable": [row[4] for row in rows],
            }
        )

    def __str__(self) -> str:
        return self.tidy().to_string(index=False)


def _list_interaction(found: Interaction | Inapplicable) -> tuple[str, float, int, float, str]:
    name = "between designs, random effects"
    if isinstance(found, Inapplicable):
        return (name, np.nan, 0, np.nan, found.reason)
    return (name, found.q, found.df, found.tau2, "")


def _tail(q: Floats, df: Integers) -> Floats:
    """Upper tail of chi-squared; NaN without degrees of freedom."""
    return np.where(df > 0, chdtrc(np.maximum(df, 1), q), np.nan)


def decompose(design: NetworkDesign, tau2: str = "DL") -> Decomposition:
    r"""Q of the common-effect network, within and between designs, and design by design.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    tau2 : str
        Estimator of the variance within designs, for the test with random effects: "DL", "REML", "ML", "PM".

    Returns
    -------
    Decomposition

    Notes
    -----
    With :math:`\hat\theta_d` pooled from the trials of design d and W their weights,

    .. math:: Q_{het} = \sum_i (y_i - \hat\theta_{d(i)})'W_i(y_i - \hat\theta_{d(i)}), \quad
        Q_{inc} = \sum_d r_d'W_d r_d, \quad r_d = \hat\theta_d - X_d\hat\beta .

    Detaching design d gives it effects of its own: :math:`Q_{inc}` falls by
    :math:`r_d'(W_d^{-1} - X_dCX_d')^{+}r_d`, with C the covariance of the network, and loses the rank of that
    matrix in degrees of freedom; no network is fitted again. Krahn, Binder & König (2013).

    Examples
    --------
    >>> from synovia.synthesis.network import from_contrasts
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "C", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.5, 0.5]})
    >>> decompose(from_contrasts(trials)).tidy().loc[[2], ["part", "q", "df", "p_value"]].round(3)
                  part      q  df  p_value
    2  between designs  0.333   1    0.564
    """
    evidence = gather(design.contrasts)
    parts = disagree(evidence)
    within = sum(float(part.designs.q.sum()) for part in parts)
    between = sum(float(part.q.sum()) for part in parts)
    df_within = sum(int(((part.designs.k - 1) * (part.designs.arms.shape[1] - 1)).sum()) for part in parts)
    df = design.problem.n - len(evidence.treatments) + 1
    testable = df - df_within
    own = [part.designs for part in parts]
    found = compare_designs(design, tau2, evidence.stacks, own) if testable else Inapplicable(UNTESTABLE)
    return Decomposition(
        total=(within + between, df),
        within=(within, df_within),
        between=(between if testable else 0.0, testable),
        designs=_list_designs(evidence, parts, (between, testable)),
        interaction=found,
    )


def _list_designs(
    evidence: Evidence, parts: tuple[Disagreement, ...], between: tuple[float, int]
) -> pd.DataFrame:
    names = np.array(evidence.treatments, dtype=object)
    columns: dict[str, list[object]] = {}
    for part in parts:
        own, m = part.designs, part.designs.arms.shape[1]
        df = (own.k - 1) * (m - 1)
        testable = part.df > 0
        left_df = np.where(testable, between[1] - part.df, 0)
        left = np.where(left_df > 0, np.maximum(between[0] - part.lowered, 0.0), 0.0)
        cells: dict[str, list[object]] = {
            "design": [":".join(arms) for arms in names[own.arms].tolist()],
            "k": own.k.tolist(),
            "q_within": own.q.tolist(),
            "df_within": df.tolist(),
            "p_within": _tail(own.q, df).tolist(),
            "q_between": np.where(testable, part.q, np.nan).tolist(),
            "q_detached": np.where(testable, left, np.nan).tolist(),
            "df_detached": left_df.tolist(),
            "p_detached": _tail(left, left_df).tolist(),
        }
        for name, values in cells.items():
            columns.setdefault(name, []).extend(values)
    return pd.DataFrame(columns)
