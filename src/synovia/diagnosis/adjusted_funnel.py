"""Do small trials of a network favour what is new? Tests of the comparison-adjusted funnel plot."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from synovia.diagnosis.rank_tests import rank_test
from synovia.errors import TooFewStudies
from synovia.synthesis import meta
from synovia.synthesis.network import Network, adjust_comparisons

__all__ = ["ComparisonFunnel", "comparison_funnel"]

COLUMNS = ("estimate", "std_error", "statistic", "df", "p_value")
LEAST = 10  # comparisons: the customary number below which such tests are not used


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonFunnel:
    """A comparison-adjusted funnel plot with its tests.

    Attributes
    ----------
    rows : DataFrame
        label, comparison, estimate, std_error: what ``synovia.funnel(rows, centre=0)`` draws.
    table : DataFrame
        ``tidy`` describes the columns.
    alone : int
        Comparisons made by one trial, which are 0 by construction and in no test.
    """

    rows: pd.DataFrame
    table: pd.DataFrame
    alone: int

    def tidy(self) -> pd.DataFrame:
        """One row per test.

        Returns
        -------
        DataFrame
            test, k (comparisons), estimate (change of the effect per unit of the standard error; Kendall's
            tau of the rank test), std_error, statistic, df, p_value.
        """
        return self.table.copy()

    def __str__(self) -> str:
        return self.table.round(4).to_string(index=False)


def comparison_funnel(net: Network, order: Sequence[str]) -> ComparisonFunnel:
    r"""Tests of small-study effects in a network whose treatments have an order.

    Parameters
    ----------
    net : Network
        Any network of estimates.
    order : sequence of str
        All treatments, from the one that small trials are expected to make look worst (placebo, the old one)
        to the one they are expected to favour.

    Returns
    -------
    ComparisonFunnel

    Raises
    ------
    SynthesisError
        When ``order`` does not name every treatment once.
    TooFewStudies
        When fewer than three comparisons were made by two trials.

    Notes
    -----
    With :math:`r_i = y_{i,jk} - \hat\mu_{jk}`, the later treatment less the earlier, and its standard error
    :math:`s_i`: the regression of r on s with weights :math:`1/s^2` and a dispersion factor (Egger), with a
    variance between comparisons by moments (Thompson & Sharp), and the rank correlation of Begg and Mazumdar.
    An estimate above 0 says that imprecise trials favour the later treatment where larger is better. Rows of
    a trial of several arms are taken for independent, and ten comparisons are few. Chaimani & Salanti (2012),
    Research Synthesis Methods 3, 161-176; Chaimani, Higgins, Mavridis, Spyridonos & Salanti (2013), PLoS ONE
    8, e76654.

    Examples
    --------
    >>> from synovia.synthesis.network import network
    >>> trials = pd.DataFrame({"study": list("abcdef"), "treatment_1": list("BBBCCC"),
    ...                        "treatment_2": list("AAAAAA"), "estimate": [1.0, 1.2, 2.0, 0.4, 0.6, 1.9],
    ...                        "std_error": [0.1, 0.2, 0.5, 0.1, 0.2, 0.6]})
    >>> comparison_funnel(network(trials, random=False), ["A", "B", "C"]).tidy()[["test", "p_value"]].round(3)
                     test  p_value
    0               Egger    0.000
    1  Thompson and Sharp    0.031
    2   Begg and Mazumdar    0.011
    """
    rows = adjust_comparisons(net, order)
    often = rows.groupby("comparison")["label"].transform("size") > 1
    told = rows[often].assign(variance=rows["std_error"] ** 2)
    if len(told) < 3 or told["std_error"].nunique() < 2:
        raise TooFewStudies(
            f"Found {len(told)} comparisons that two trials or more make; wanted at least three, of "
            f"different precision, and better {LEAST}."
        )
    egger = meta(told, "estimate ~ std_error", random=None, inference="knapp-hartung")
    sharp = meta(told, "estimate ~ std_error", tau2="DL", inference="t")
    begg = rank_test(meta(told, random=None, inference="z"))
    table = pd.concat([egger.tidy().iloc[[1]], sharp.tidy().iloc[[1]]])[list(COLUMNS)]
    ranks = (begg.tau, float("nan"), begg.statistic, float("inf"), begg.p_value)
    table = pd.concat([table, pd.DataFrame([ranks], columns=pd.Index(COLUMNS))], ignore_index=True)
    table.insert(0, "test", ["Egger", "Thompson and Sharp", "Begg and Mazumdar"])
    table.insert(1, "k", len(told))
    return ComparisonFunnel(rows, table, int((~often).sum()))
