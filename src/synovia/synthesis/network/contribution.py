"""How much each direct comparison, and each trial, contributes to each estimate of a network."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.evidence import (
    Evidence,
    gather,
    list_contrasts,
    name_pairs,
    number_pairs,
    pool_designs,
)
from synovia.synthesis.network.streams import EvidenceFlow, find_streams, share_shortest, share_walks

__all__ = ["CONTRIBUTIONS", "ContributionMethod", "Contributions", "find_contributions"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

ContributionMethod = Literal["shortest path", "random walk"]
CONTRIBUTIONS: tuple[ContributionMethod, ...] = ("shortest path", "random walk")

NOTHING = 1e-12  # of a flow of 1: rounding leaves about 1e-16 where nothing flows
CHUNK = 256  # comparisons at a time: (comparisons, T, T) numbers stay within 20 MB for 100 treatments


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """Contributions of direct comparisons to the estimates of a network.

    Attributes
    ----------
    evidence : Evidence
        The network at its tau2.
    edges : ndarray of int of shape (e, 2)
        Comparisons that some trial makes.
    hat : ndarray of shape (pairs, e)
        How much each direct comparison moves each estimate: a flow of 1 from its first treatment to its
        second.
    shares : ndarray of shape (pairs, e)
        Contributions, each row summing to 1.
    method : str
        How flows were taken apart.
    """

    evidence: Evidence
    edges: Integers
    hat: Floats
    shares: Floats
    method: ContributionMethod

    @property
    def comparisons(self) -> list[str]:
        """All pairs of treatments."""
        return name_pairs(self.evidence.treatments)

    @property
    def direct(self) -> list[str]:
        """Pairs that some trial compares."""
        names = self.evidence.treatments
        return [f"{names[i]}:{names[j]}" for i, j in self.edges.tolist()]

    def matrix(self) -> pd.DataFrame:
        """Contributions in percent: a row per estimate, a column per direct comparison; rows sum to 100."""
        return pd.DataFrame(100 * self.shares, index=self.comparisons, columns=self.direct)

    def __str__(self) -> str:
        return self.matrix().round(1).to_string()

    def hat_matrix(self) -> pd.DataFrame:
        """How much each direct comparison moves each estimate, with its sign."""
        return pd.DataFrame(self.hat, index=self.comparisons, columns=self.direct)

    def tidy(self) -> pd.DataFrame:
        """One row per estimate and direct comparison.

        Returns
        -------
        DataFrame
            comparison, evidence ("mixed" where trials compare both, else "indirect"), direct_comparison,
            contribution (percent), flow (of the hat matrix), method.
        """
        count = len(self.edges)
        names, direct = self.comparisons, self.direct
        kinds = np.where(np.isin(names, direct), "mixed", "indirect")
        return pd.DataFrame(
            {
                "comparison": np.repeat(names, count),
                "evidence": np.repeat(kinds, count),
                "direct_comparison": np.tile(direct, len(names)),
                "contribution": 100 * self.shares.ravel(),
                "flow": self.hat.ravel(),
                "method": self.method,
            }
        )

    def cinema(self) -> pd.DataFrame:
        """The table that CINeMA reads: percent, mixed estimates first, then indirect ones."""
        table = self.matrix()
        mixed = table.index.isin(self.direct)
        sorted_rows = pd.concat([table.loc[mixed], table.loc[~mixed]])
        kinds = ["mixed"] * int(mixed.sum()) + ["indirect"] * int((~mixed).sum())
        sorted_rows.insert(0, "evidence", kinds)
        return sorted_rows.rename_axis("comparison").reset_index()

    def trials(self, studies: tuple[str, ...]) -> pd.DataFrame:
        """Contributions of trials in percent: a row per estimate, a column per trial.

        Parameters
        ----------
        studies : tuple of str
            Names of the trials, ``design.studies``.

        Notes
        -----
        A direct comparison's contribution is shared by its trials in proportion to their weights in it.
        """
        place = np.full(len(self.comparisons), -1)
        place[self._numbers] = np.arange(len(self.edges))
        shared = np.zeros((len(self.edges), len(studies)))
        for stack, (number, _, _, of) in zip(
            self.evidence.stacks, list_contrasts(self.evidence), strict=True
        ):
            i, j = stack.pairs
            np.add.at(shared, (place[number], stack.study[of]), -stack.laplacian[:, i, j].ravel())
        shared /= shared.sum(axis=1, keepdims=True)
        return pd.DataFrame(100 * self.shares @ shared, index=self.comparisons, columns=list(studies))

    def measures(self) -> pd.DataFrame:
        """How indirect each estimate is.

        Returns
        -------
        DataFrame
            comparison, mean_path (mean length of the paths that evidence takes, 1 for direct evidence alone),
            minimal_parallelism (at least so many paths side by side; 1 when all evidence goes through one
            direct comparison).

        Notes
        -----
        With :math:`c_{ab,d}` the weights that design d has on its arms in the estimate of a against b, which
        sum to 0, the design is one step of the path and carries half the sum of :math:`|c_{ab,d}|`: the mean
        path adds these up, and the minimal parallelism is the inverse of the largest. König, Krahn & Binder
        (2013), Statistics in Medicine 32, 5414-5429.
        """
        carried, largest = np.zeros(len(self.comparisons)), np.zeros(len(self.comparisons))
        first, second = np.triu_indices(len(self.evidence.treatments), 1)
        for part in map(pool_designs, self.evidence.stacks):
            for arms, laplacian in zip(part.arms, part.laplacian, strict=True):
                apart = self.evidence.cov[:, arms] @ laplacian
                flow = np.abs(apart[first] - apart[second]).sum(axis=1) / 2
                carried += flow
                largest = np.maximum(largest, flow)
        return pd.DataFrame(
            {"comparison": self.comparisons, "mean_path": carried, "minimal_parallelism": 1 / largest}
        )

    def streams(self, first: str, second: str) -> pd.DataFrame:
        """Paths that the evidence on one comparison takes, the shortest first.

        Returns
        -------
        DataFrame
            stream (such as "A → C → B"), comparisons (its length), flow; the flows sum to 1.
        """
        source, sink = (self._find(name) for name in (first, second))
        flow = self._flow(source, sink)
        names = self.evidence.treatments
        rows = [
            (" → ".join(names[i] for i in path), len(path) - 1, amount)
            for path, amount in find_streams(flow, source, sink)
        ]
        return pd.DataFrame(rows, columns=["stream", "comparisons", "flow"])

    def flow(self, first: str, second: str) -> EvidenceFlow:
        """How evidence on one comparison flows through the direct comparisons.

        Parameters
        ----------
        first, second : str
            Treatments.
        """
        source, sink = (self._find(name) for name in (first, second))
        flow, names = self._flow(source, sink), self.evidence.treatments
        number = int(number_pairs(np.array(min(source, sink)), np.array(max(source, sink)), len(names)))
        rows = [
            (names[i], names[j], float(flow[i, j] + flow[j, i]), 100 * share)
            for (i, j), share in zip(self._direct(flow), self.shares[number].tolist(), strict=True)
            if flow[i, j] > NOTHING
        ]
        frame = pd.DataFrame(rows, columns=["source", "target", "flow", "contribution"])
        return EvidenceFlow(first, second, frame)

    def _direct(self, flow: Floats) -> list[tuple[int, int]]:
        """Edges the way the flow goes."""
        return [(j, i) if flow[j, i] > 0 else (i, j) for i, j in self.edges.tolist()]

    @property
    def _numbers(self) -> Integers:
        return number_pairs(self.edges[:, 0], self.edges[:, 1], len(self.evidence.treatments))

    def _flow(self, source: int, sink: int) -> Floats:
        if source == sink:
            raise SynthesisError("Found one treatment twice; wanted two different treatments.")
        hat = find_flows(self.evidence, self.edges, np.array([source]), np.array([sink]))
        return np.asarray(spread_flows(hat, self.edges, len(self.evidence.treatments))[0])

    def _find(self, name: str) -> int:
        names = self.evidence.treatments
        if name not in names:
            raise SynthesisError(f"There is no treatment {name!r}; the network has {', '.join(names)}.")
        return names.index(name)


def find_contributions(
    design: NetworkDesign, tau2: float = 0.0, *, method: ContributionMethod = "shortest path"
) -> Contributions:
    r"""Contribution of every direct comparison to every estimate of a network.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    tau2 : float
        Variance between trials, that of the network; 0 for a common effect.
    method : {"shortest path", "random walk"}
        How the flow of evidence is taken apart: into shortest paths, as CINeMA has it, or by random walks,
        which need no choice among paths of equal length.

    Returns
    -------
    Contributions

    Raises
    ------
    SynthesisError
        When the method does not exist.

    Notes
    -----
    With L the Laplacian of the network and :math:`w_{ij} = -L_{ij}`,

    .. math:: h_{ab, ij} = (e_a - e_b)'L^{+}(e_i - e_j)\,w_{ij}

    is a flow of 1 from a to b without circles. König, Krahn & Binder (2013), Statistics in Medicine 32,
    5414-5429; Papakonstantinou et al. (2018), F1000Research 7, 610; Davies et al. (2022), Statistics in
    Medicine 41, 2091-2114.

    Examples
    --------
    >>> from synovia.synthesis.network import from_contrasts
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "C", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.5, 0.5]})
    >>> find_contributions(from_contrasts(trials)).matrix().round(1)
          A:B   A:C   B:C
    A:B  66.7  16.7  16.7
    A:C  16.7  66.7  16.7
    B:C  16.7  16.7  66.7
    """
    if method not in CONTRIBUTIONS:
        raise SynthesisError(
            f"There is no way {method!r} to find contributions; those there are: {', '.join(CONTRIBUTIONS)}."
        )
    evidence = gather(design.contrasts, tau2)
    size = len(evidence.treatments)
    edges = _find_edges(evidence)
    first, second = np.triu_indices(size, 1)
    hat = find_flows(evidence, edges, first, second)
    shares = np.empty_like(hat)
    for low in range(0, first.size, CHUNK):
        part = slice(low, low + CHUNK)
        flows = spread_flows(hat[part], edges, size)
        found = _share(flows, first[part], second[part], method)
        shares[part] = found[:, edges[:, 0], edges[:, 1]] + found[:, edges[:, 1], edges[:, 0]]
    return Contributions(evidence, edges, hat, shares, method)


def _share(flows: Floats, sources: Integers, sinks: Integers, method: ContributionMethod) -> Floats:
    if method == "random walk":
        return share_walks(flows, sources, sinks)
    ends = zip(flows, sources.tolist(), sinks.tolist(), strict=True)
    return np.stack([share_shortest(flow, source, sink) for flow, source, sink in ends])


def _find_edges(evidence: Evidence) -> Integers:
    size = len(evidence.treatments)
    joined = np.zeros(size * (size - 1) // 2, dtype=bool)
    for number, *_ in list_contrasts(evidence):
        joined[number] = True
    first, second = np.triu_indices(size, 1)
    return np.column_stack([first[joined], second[joined]])


def find_flows(evidence: Evidence, edges: Integers, first: Integers, second: Integers) -> Floats:
    """(r, e) rows of the hat matrix: flow from the first to the second treatment over each edge."""
    i, j = edges.T
    apart = evidence.cov[:, i] - evidence.cov[:, j]
    return np.asarray((apart[first] - apart[second]) * -evidence.laplacian[i, j])


def spread_flows(hat: Floats, edges: Integers, size: int) -> Floats:
    """(r, T, T) the same flows from row to column, at least 0."""
    out = np.zeros((len(hat), size, size))
    out[:, edges[:, 0], edges[:, 1]] = np.maximum(hat, 0.0)
    out[:, edges[:, 1], edges[:, 0]] = np.maximum(-hat, 0.0)
    return out
