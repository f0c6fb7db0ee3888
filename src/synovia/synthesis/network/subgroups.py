"""A network within subgroups of trials, and whether effects differ between them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from synovia.errors import SynoviaError, SynthesisError
from synovia.synthesis.network.contrasts import find_study_column
from synovia.synthesis.network.model import Network
from synovia.synthesis.network.pooling import network
from synovia.synthesis.rows import find_missing, require_columns

__all__ = ["NetworkSubgroups", "network_subgroups"]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkSubgroups:
    """Networks of the trials that share a value of one column.

    Attributes
    ----------
    by : str
        The column.
    reference : str
        What effects are against.
    networks : tuple of (str, Network)
        Subgroups with a network, in alphabetical order.
    reasons : tuple of (str, str)
        Subgroups without one, and why.
    """

    by: str
    reference: str
    networks: tuple[tuple[str, Network], ...]
    reasons: tuple[tuple[str, str], ...]

    drawing = ""

    def tidy(self) -> pd.DataFrame:
        """One row per subgroup and treatment.

        Returns
        -------
        DataFrame
            by, subgroup, trials, then as ``Network.effects``, tau2 of the subgroup.
        """
        parts = [
            net.effects(self.reference).assign(
                by=self.by, subgroup=name, trials=len(net.design.studies), tau2=net.spread
            )
            for name, net in self.networks
        ]
        table = pd.concat(parts, ignore_index=True)
        front = ["by", "subgroup", "trials"]
        return table[[*front, *(name for name in table.columns if name not in front)]]

    def test(self) -> pd.DataFrame:
        r"""Whether effects differ between subgroups, one row per treatment that two subgroups have.

        Returns
        -------
        DataFrame
            treatment, reference, subgroups, q, df, p_value.

        Notes
        -----
        :math:`Q_B = \sum_g w_g(\hat d_g - \bar d)^2` with weights from the standard errors of the subgroups,
        against chi-squared. The tests of several treatments share the reference and are not independent.
        """
        rows = []
        for treatment, own in self.tidy().groupby("treatment"):
            if len(own) > 1:
                q = _differ(own["estimate"].to_numpy(), own["std_error"].to_numpy() ** -2.0)
                df = len(own) - 1
                rows.append((treatment, self.reference, len(own), q, df, float(chdtrc(df, q))))
        return pd.DataFrame(rows, columns=["treatment", "reference", "subgroups", "q", "df", "p_value"])

    def __str__(self) -> str:
        return self.tidy()[["subgroup", "trials", "treatment", "estimate", "lower", "upper"]].to_string(
            index=False
        )


def _differ(estimate: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    mean = (weight * estimate).sum() / weight.sum()
    return float((weight * (estimate - mean) ** 2).sum())


def network_subgroups(data: pd.DataFrame, by: str, *, reference: str, **options: Any) -> NetworkSubgroups:
    """Fit a network to the trials of each subgroup.

    Parameters
    ----------
    data : DataFrame
        As for ``network``.
    by : str
        Column of the trials, the same in all rows of one.
    reference : str
        Treatment that effects are against; subgroups without it have no network.
    **options
        As for ``network``. Each subgroup has a tau2 of its own unless it is given.

    Returns
    -------
    NetworkSubgroups

    Raises
    ------
    SynthesisError
        When the column is missing, or differs within a trial, or no subgroup has a network.

    Notes
    -----
    Subgroups share no trials, so that their effects are independent. A network meta-regression,
    ``network(data, formula="~ by")``, keeps one tau2 and one network, and has more power.

    Examples
    --------
    >>> trials = pd.DataFrame({"study": list("abcdef"), "treatment_1": list("BCBBCC"),
    ...                        "treatment_2": list("AAAAAA"), "estimate": [1.0, 2.0, 1.2, 0.1, 0.5, 0.4],
    ...                        "std_error": [0.2] * 6, "age": ["old"] * 3 + ["young"] * 3})
    >>> found = network_subgroups(trials, "age", reference="A", random=False)
    >>> found.test()[["treatment", "q", "df"]].round(2)
      treatment      q  df
    0         B  16.67   1
    1         C  40.04   1
    """
    study = find_study_column(data, dict(options.get("columns") or {}).get("study", "study"))
    require_columns(data, [study, by])
    empty = find_missing(data[by])
    if empty.any():
        raise SynthesisError(
            f"Row {int(np.argmax(empty)) + 1} has no {by}; fill it in, or leave the trial out."
        )
    several = data.groupby(study, sort=False)[by].nunique() > 1
    if several.any():
        raise SynthesisError(
            f"{by} differs within {several.index[several][0]}; wanted a column that describes the trial."
        )
    networks: list[tuple[str, Network]] = []
    reasons: list[tuple[str, str]] = []
    for name, own in data.groupby(data[by].astype(str)):
        try:
            networks.append((str(name), network(own.reset_index(drop=True), reference=reference, **options)))
        except SynoviaError as error:
            reasons.append((str(name), str(error)))
    if not networks:
        said = " ".join(f"{name}: {reason}" for name, reason in reasons)
        raise SynthesisError(f"No subgroup of {by} has a network. {said}")
    return NetworkSubgroups(by, reference, tuple(networks), tuple(reasons))
