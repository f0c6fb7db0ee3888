"""Direct against indirect evidence on every comparison: node-splitting in one pass."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, quantile, tail
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.evidence import Direct, Evidence, find_direct, gather, number_pairs
from synovia.synthesis.network.separation import separate

__all__ = ["SPLITS", "Split", "SplitMethod", "split_evidence"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

SplitMethod = Literal["back-calculation", "separation"]
SPLITS: tuple[SplitMethod, ...] = ("back-calculation", "separation")

ALONE = 1e-9  # share of indirect evidence below which there is none: rounding leaves about 1e-14

UNTESTABLE = (
    "no comparison has both direct and indirect evidence (no closed loop of different trials), so that "
    "incoherence cannot be tested; this does not mean that it is absent"
)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    r"""Every comparison with its direct, indirect and network estimate.

    Attributes
    ----------
    treatments : tuple of str
        T of them, in alphabetical order.
    first, second : ndarray of int of shape (pairs,)
        The two treatments of each comparison; estimates are first minus second.
    k : ndarray of int of shape (pairs,)
        Trials that compare both.
    network, direct, indirect : ndarray of shape (pairs, 2)
        Estimate and variance; NaN where there is no such evidence.
    share : ndarray of shape (pairs,)
        Share of direct evidence in the network estimate, Var(network) / Var(direct).
    tau2, level : float
        Variance between trials that was allowed for, and the level of intervals.
    method : str
        Where indirect estimates come from.
    """

    treatments: tuple[str, ...]
    first: Integers
    second: Integers
    k: Integers
    network: Floats
    direct: Floats
    indirect: Floats
    share: Floats
    tau2: float
    level: float
    method: SplitMethod

    drawing = "split"

    @property
    def mixed(self) -> NDArray[np.bool_]:
        """(pairs,) whether a comparison has both direct and indirect evidence."""
        return np.asarray((self.k > 0) & np.isfinite(self.indirect[:, 0]))

    @property
    def inapplicable(self) -> Inapplicable | None:
        """Why nothing can be tested, where that is so."""
        return None if self.mixed.any() else Inapplicable(UNTESTABLE)

    def tidy(self) -> pd.DataFrame:
        """One row per comparison.

        Returns
        -------
        DataFrame
            treatment_1, treatment_2, k, evidence ("mixed", "direct only" or "indirect only"), direct_share;
            direct, indirect, network and difference (direct minus indirect), each with _std_error, _lower and
            _upper; statistic, p_value (normal), level, method. NaN where a comparison has no such evidence:
            it was not tested, which is not the same as being coherent.
        """
        names = np.array(self.treatments, dtype=object)
        columns: dict[str, object] = {
            "treatment_1": names[self.first],
            "treatment_2": names[self.second],
            "k": self.k,
            "evidence": self.evidence,
            "direct_share": self.share,
        }
        for name, pair in self._estimates().items():
            columns |= _interval(name, pair, self.level)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.asarray(columns["difference"]) / np.asarray(columns["difference_std_error"])
        columns["statistic"] = statistic
        columns["p_value"] = tail(statistic, np.full(statistic.size, np.inf))
        return pd.DataFrame(columns | {"level": self.level, "method": self.method})

    def __str__(self) -> str:
        return self.tidy().to_string(index=False)

    @property
    def evidence(self) -> NDArray[np.object_]:
        """(pairs,) "mixed", "direct only" or "indirect only"."""
        sole = np.where(self.k > 0, "direct only", "indirect only")
        return np.where(self.mixed, "mixed", sole).astype(object)

    def _estimates(self) -> dict[str, Floats]:
        difference = np.full_like(self.direct, np.nan)
        mixed = self.mixed
        difference[mixed, 0] = (self.direct - self.indirect)[mixed, 0]
        difference[mixed, 1] = (self.direct + self.indirect)[mixed, 1]
        return {
            "direct": self.direct,
            "indirect": self.indirect,
            "network": self.network,
            "difference": difference,
        }

    def frames(self) -> dict[str, pd.DataFrame]:
        """What ``split`` draws: ``rows`` of the comparisons that have both kinds of evidence."""
        table = self.tidy()
        return {"rows": table.loc[table["evidence"] == "mixed"].reset_index(drop=True)}


def _interval(name: str, pair: Floats, level: float) -> dict[str, Floats]:
    error = np.sqrt(pair[:, 1])
    half = quantile(level, np.inf) * error
    return {
        name: pair[:, 0],
        f"{name}_std_error": error,
        f"{name}_lower": pair[:, 0] - half,
        f"{name}_upper": pair[:, 0] + half,
    }


def split_evidence(
    design: NetworkDesign,
    tau2: float = 0.0,
    *,
    level: float = 0.95,
    method: SplitMethod = "back-calculation",
) -> Split:
    r"""Split every comparison into direct and indirect evidence, all in one pass.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    tau2 : float
        Variance between trials, that of the network; 0 for a common effect.
    level : float
        Level of the intervals.
    method : {"back-calculation", "separation"}
        "back-calculation" takes the direct contrast of a trial out of the network estimate and leaves what
        else a trial of several arms says; "separation" leaves out every trial that has both arms. Where all
        trials of a comparison have two arms they are the same.

    Returns
    -------
    Split

    Raises
    ------
    SynthesisError
        When the method does not exist.

    Notes
    -----
    The network estimate N has the least variance of all, so that Cov(N, D) = Var(N) for any direct estimate
    D. With :math:`p = \operatorname{Var} N / \operatorname{Var} D`,

    .. math:: I = \frac{N - pD}{1 - p}, \quad \operatorname{Var} I = \frac{\operatorname{Var} N}{1 - p}, \quad
        \operatorname{Cov}(I, D) = 0

    whatever the number of arms: exact, not an approximation. It is the fit of a network with one more column
    that is :math:`\Omega_i a / a'\Omega_i a` in the trials i of the comparison a and 0 elsewhere (1 for two
    arms; spread evenly over both sides for three arms of equal precision). König, Krahn & Binder (2013),
    Statistics in Medicine 32, 5414-5429; Dias et al. (2010), Statistics in Medicine 29, 932-944.
    "separation" is SIDDE, Efthimiou et al. (2019), Statistics in Medicine 38, 2992-3012. The same tau2
    holds for all comparisons.

    Examples
    --------
    >>> from synovia.synthesis.network import from_contrasts
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "C", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.5, 0.5]})
    >>> found = split_evidence(from_contrasts(trials)).tidy()
    >>> found[["treatment_1", "treatment_2", "direct", "indirect", "difference"]].round(3)
      treatment_1 treatment_2  direct  indirect  difference
    0           A           B    -1.0      -0.5        -0.5
    1           A           C    -2.0      -2.5         0.5
    2           B           C    -1.5      -1.0        -0.5
    """
    if method not in SPLITS:
        raise SynthesisError(
            f"There is no way {method!r} to split evidence; those there are: {', '.join(SPLITS)}."
        )
    evidence = gather(design.contrasts, tau2)
    direct = find_direct(evidence)
    first, second = np.triu_indices(len(evidence.treatments), 1)
    network = _read_network(evidence, first, second)
    share = np.where(direct.k > 0, network[:, 1] / direct.variance, 0.0)
    indirect = _calculate_back(network, direct, share)
    if method == "separation":
        _replace_multi_arm(evidence, direct, indirect)
    return Split(
        treatments=evidence.treatments,
        first=first,
        second=second,
        k=direct.k,
        network=network,
        direct=np.column_stack([direct.estimate, direct.variance]),
        indirect=indirect,
        share=np.minimum(share, 1.0),
        tau2=tau2,
        level=level,
        method=method,
    )


def _read_network(evidence: Evidence, first: Integers, second: Integers) -> Floats:
    v = np.diag(evidence.cov)
    variance = v[first] + v[second] - 2 * evidence.cov[first, second]
    return np.column_stack([evidence.effects[first] - evidence.effects[second], variance])


def _calculate_back(network: Floats, direct: Direct, share: Floats) -> Floats:
    """(pairs, 2) indirect estimate and variance."""
    rest = np.where(1 - share > ALONE, 1 - share, np.nan)
    pulled = np.where(direct.k > 0, share * direct.estimate, 0.0)
    return np.column_stack([(network[:, 0] - pulled) / rest, network[:, 1] / rest])


def _replace_multi_arm(evidence: Evidence, direct: Direct, indirect: Floats) -> None:
    """Put what separation gives where some trial of the comparison has more than two arms."""
    size = len(evidence.treatments)
    several = np.zeros(direct.k.size, dtype=bool)
    for stack in evidence.stacks:
        if stack.arms.shape[1] > 2:
            i, j = stack.pairs
            low, high = stack.arms[:, i].ravel(), stack.arms[:, j].ravel()
            several[number_pairs(low, high, size)] = True
    pairs = np.flatnonzero(several)
    first, second = (side[pairs] for side in np.triu_indices(size, 1))
    indirect[pairs, 0], indirect[pairs, 1] = separate(evidence, pairs, first, second)
