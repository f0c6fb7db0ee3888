"""The net heat matrix: which designs drive incoherence, and which they drive it in."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage

from synovia.kernel import Inapplicable
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.disagreement import Disagreement, disagree
from synovia.synthesis.network.evidence import Evidence, gather
from synovia.synthesis.network.interaction import UNTESTABLE

__all__ = ["NetHeat", "find_net_heat"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class NetHeat:
    """Designs against designs, those alike side by side.

    Attributes
    ----------
    designs : tuple of str
        Designs whose contrasts other designs estimate too.
    heat : ndarray of shape (d, d)
        How much the Q between designs that a row holds falls when the design of the column is detached; on
        the diagonal the row's own Q.
    influence : ndarray of shape (d, d)
        The largest share of the evidence on a comparison of the row that goes through the column.
    """

    designs: tuple[str, ...]
    heat: Floats
    influence: Floats

    drawing = "net_heat"

    @property
    def inapplicable(self) -> Inapplicable | None:
        """Why nothing can be drawn, where that is so."""
        return None if self.designs else Inapplicable(UNTESTABLE)

    def tidy(self) -> pd.DataFrame:
        """One row per pair of designs: design, detached, heat, influence."""
        count = len(self.designs)
        return pd.DataFrame(
            {
                "design": np.repeat(np.array(self.designs, dtype=object), count),
                "detached": np.tile(np.array(self.designs, dtype=object), count),
                "heat": self.heat.ravel(),
                "influence": self.influence.ravel(),
            }
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """What ``synovia.plots.net_heat`` draws."""
        return {"rows": self.tidy()}


def find_net_heat(design: NetworkDesign, tau2: float = 0.0) -> NetHeat:
    r"""The net heat matrix of a network.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    tau2 : float
        Variance between trials of one design that weights allow for; 0 for a common effect.

    Returns
    -------
    NetHeat

    Notes
    -----
    With :math:`r_l` what design l differs by from the network and :math:`r_{l(d)}` the same when design d
    has effects of its own,

    .. math:: \text{heat}_{ld} = r_l'W_lr_l - r_{l(d)}'W_lr_{l(d)} .

    A design of several arms is one row: its quadratic form depends on no choice of a baseline. Columns add
    up to what detaching the design takes from the Q between designs. Krahn, Binder & König (2013), BMC
    Medical Research Methodology 13, 35. Freeman et al. (2019), BMC Medical Research Methodology 19, 106,
    warn against reading more into colours than into the Q that they add up to.

    Examples
    --------
    >>> from synovia.synthesis.network import from_contrasts
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "C", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.5, 0.5]})
    >>> find_net_heat(from_contrasts(trials)).heat.round(3).tolist()
    [[0.111, 0.111, 0.111], [0.111, 0.111, 0.111], [0.111, 0.111, 0.111]]
    """
    evidence = gather(design.contrasts, tau2)
    parts = disagree(evidence)
    heat, influence = _find_heat(evidence, parts), _find_influence(evidence, parts)
    names = np.array(evidence.treatments, dtype=object)
    labels = [":".join(arms) for part in parts for arms in names[part.designs.arms].tolist()]
    kept = np.flatnonzero(np.concatenate([part.df for part in parts]) > 0)
    inner = heat[np.ix_(kept, kept)]
    chosen = kept[_order(inner)] if kept.size > 2 else kept
    square = np.ix_(chosen, chosen)
    return NetHeat(tuple(labels[i] for i in chosen.tolist()), heat[square], influence[square])


def _order(heat: Floats) -> Integers:
    """Designs that behave alike side by side."""
    return np.asarray(leaves_list(linkage(heat, "average", optimal_ordering=True)), dtype=np.intp)


def _find_heat(evidence: Evidence, parts: tuple[Disagreement, ...]) -> Floats:
    shifts = np.concatenate([_shift(evidence, part) for part in parts])
    rows = []
    for part in parts:
        arms = part.designs.arms
        moved = shifts[:, arms] - shifts[:, arms[:, :1]]
        after = part.residual - moved
        left = np.einsum("dli,lij,dlj->ld", after, part.designs.laplacian, after)
        rows.append(part.q[:, None] - left)
    heat = np.concatenate(rows)
    np.fill_diagonal(heat, np.concatenate([part.q for part in parts]))
    return heat


def _shift(evidence: Evidence, part: Disagreement) -> Floats:
    """(d, T) how detaching each design moves the network's effects."""
    pull = np.zeros((len(part.q), len(evidence.treatments)))
    np.add.at(
        pull,
        (np.arange(len(part.q))[:, None], part.designs.arms),
        (part.gain @ part.residual[:, :, None])[:, :, 0],
    )
    return -pull @ evidence.cov


def _find_influence(evidence: Evidence, parts: tuple[Disagreement, ...]) -> Floats:
    columns = []
    for part in parts:
        for arms, laplacian in zip(part.designs.arms, part.designs.laplacian, strict=True):
            columns.append(_carry(evidence.cov[:, arms] @ laplacian, parts))
    return np.column_stack(columns)


def _carry(weights: Floats, parts: tuple[Disagreement, ...]) -> Floats:
    """(designs,) the most that a design carries of a comparison within each design."""
    out = []
    for part in parts:
        arms = part.designs.arms
        i, j = np.triu_indices(arms.shape[1], 1)
        flow = np.abs(weights[arms[:, i]] - weights[arms[:, j]]).sum(axis=2) / 2
        out.append(flow.max(axis=1))
    return np.concatenate(out)
