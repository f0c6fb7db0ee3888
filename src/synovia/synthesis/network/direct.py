r"""How evidence flows through a network: Laplacian, hat matrix and direct evidence.

With L the Laplacian of the network, whose entries off the diagonal are minus the weights of the
comparisons and which holds the covariance of multi-arm trials exactly, all else follows from its
pseudo-inverse. Rücker (2012), Research Synthesis Methods 3, 312-324; Davies, Papakonstantinou,
Nikolakopoulou, Rücker & Galla (2022), Statistics in Medicine 41, 2091-2114.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel.solution import Solution

if TYPE_CHECKING:
    from synovia.synthesis.network.model import Network

__all__ = ["direct_evidence", "hat_matrix", "laplacian"]

Floats = NDArray[np.float64]


def laplacian(net: "Network") -> Floats:
    """(T, T) B'Ω⁻¹B with B the comparisons, in the order of ``net.treatments``."""
    design, problem = net.design, net.fit.problem
    if net.moderated is not None or len(net.fit.names.coefficients) != len(design.treatments) - 1:
        raise SynthesisError(
            "Flows of evidence are those of a network without moderators and classes; fit it without them."
        )
    B = np.zeros((problem.n, len(design.treatments)))
    B[np.arange(problem.n), design.arm] = 1.0
    B[np.arange(problem.n), design.baseline] = -1.0
    return np.asarray(B.T @ net.fit.point.factor.solve(B))


def _edges(net: "Network") -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of treatments that some trial compares, in alphabetical order of their names."""
    edges = net.design.edges
    place = {name: i for i, name in enumerate(net.treatments)}
    first = np.array([place[name] for name in edges["treatment_1"]], dtype=np.intp)
    return first, np.array([place[name] for name in edges["treatment_2"]], dtype=np.intp)


def hat_matrix(net: "Network") -> pd.DataFrame:
    r"""How much each direct comparison moves each comparison of the network.

    Parameters
    ----------
    net : Network
        Fitted without moderators or classes.

    Returns
    -------
    DataFrame
        Square: rows and columns are the comparisons that some trial makes, named ``"A:B"``. A row, read as a
        flow of 1 from A to B, is conserved in every other treatment.

    Notes
    -----
    .. math:: H = B L^{+} B' W

    with the edges' weights W on the diagonal.
    """
    first, second = _edges(net)
    size = len(net.treatments)
    B = np.eye(size)[first] - np.eye(size)[second]
    weights = -laplacian(net)[first, second]
    cov = np.zeros((size, size))
    cov[1:, 1:] = net.fit.point.cov[: size - 1, : size - 1]
    names = [f"{net.treatments[i]}:{net.treatments[j]}" for i, j in zip(first, second, strict=True)]
    return pd.DataFrame((B @ cov @ B.T) * weights, index=names, columns=names)


def direct_evidence(net: "Network") -> pd.DataFrame:
    r"""What the trials that compare two treatments directly say on their own.

    Parameters
    ----------
    net : Network
        Any network.

    Returns
    -------
    DataFrame
        treatment_1, treatment_2, k, estimate (treatment 1 minus treatment 2), std_error, share: the variance
        of the network estimate over that of the direct one, the share of direct evidence.

    Raises
    ------
    SynthesisError
        When the network was fitted to events: its estimates are not weighted by their variances.

    Notes
    -----
    Inverse-variance pooling of the comparison in every trial that makes it, with the tau2 of the network.
    """
    if isinstance(net.fit.point, Solution):
        raise SynthesisError(
            "A network fitted to events does not weight trials by the variance of their estimates; ask "
            "by_design of a Mantel-Haenszel network, or a league table with above='nothing'."
        )
    first, second, y, v = list_comparisons(net)
    tau2 = float(net.fit.point.psi[0]) if net.fit.settings.random is not None else 0.0
    weight = 1 / (v + tau2)
    size = len(net.treatments)
    key = first * size + second
    total = np.bincount(key, weights=weight, minlength=size * size)
    sums = np.bincount(key, weights=weight * y, minlength=size * size)
    i, j = _edges(net)
    place = i * size + j
    error = 1 / np.sqrt(total[place])
    return net.design.edges.assign(
        estimate=sums[place] / total[place], std_error=error, share=(net.differences()[1][i, j] / error) ** 2
    )


def list_comparisons(net: "Network") -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats]:
    """Every comparison within every trial: two treatments in alphabetical order, difference and variance."""
    design = net.design
    y, labels = net.fit.problem.y, net.design.study
    entries = net.fit.problem.V.entries()
    V = {(int(i), int(j)): float(value) for i, j, value in zip(*entries, strict=True)}
    rank = [design.contrasts.treatments.index(name) for name in design.treatments]
    found: list[tuple[int, int, float, float]] = []
    starts = np.searchsorted(labels, np.arange(len(design.studies) + 1)).tolist()
    for arms, low in zip(design.arms, starts, strict=False):
        for a in range(len(arms)):
            for b in range(a + 1, len(arms)):
                i, j = low + a - 1, low + b - 1
                estimate = (y[i] if a else 0.0) - y[j]
                spread = V[j, j] + (V[i, i] - 2 * V[i, j] if a else 0.0)
                if rank[arms[a]] < rank[arms[b]]:
                    found.append((arms[a], arms[b], float(estimate), spread))
                else:
                    found.append((arms[b], arms[a], -float(estimate), spread))
    first, second, estimates, variances = zip(*found, strict=True)
    return np.array(first), np.array(second), np.array(estimates), np.array(variances)
