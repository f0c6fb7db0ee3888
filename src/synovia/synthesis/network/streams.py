r"""Streams of evidence: a row of the hat matrix taken apart into paths.

A network estimate of A against B is a flow of 1 from A to B over the direct comparisons, without circles. A
path with flow :math:`\phi` and n comparisons gives each of them :math:`\phi / n`.
"""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["EvidenceFlow", "Stream", "find_streams", "share_shortest", "share_walks"]

Floats = NDArray[np.float64]

Stream = tuple[tuple[int, ...], float]
"""Treatments along a path, and its flow."""

DRY = 1e-11  # flow that is left over by rounding; flows are shares of 1


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceFlow:
    """The evidence on one comparison as a flow from one treatment to the other; ``sv.draw`` draws it.

    Attributes
    ----------
    first, second : str
        Treatments compared.
    rows : DataFrame
        Direct comparisons the way the flow goes: source, target, flow (share of 1), contribution (percent).
    """

    first: str
    second: str
    rows: pd.DataFrame

    @property
    def drawing(self) -> str:
        """How ``sv.draw`` draws it."""
        return "evidence_flow"

    def tidy(self) -> pd.DataFrame:
        """One row per direct comparison that evidence flows through."""
        return self.rows.copy()

    def frames(self) -> dict[str, pd.DataFrame]:
        """What the drawing is made from."""
        return {"rows": self.rows}

    def __str__(self) -> str:
        return (
            f"Evidence on {self.first} against {self.second}\n\n{self.rows.round(3).to_string(index=False)}"
        )


def find_streams(flow: Floats, source: int, sink: int) -> list[Stream]:
    """Shortest paths first, each with as much as its narrowest comparison carries.

    Parameters
    ----------
    flow : ndarray of shape (T, T)
        From row to column, at least 0.
    source, sink : int
        Where the flow begins and ends.

    Notes
    -----
    Among paths of one length another order can give other streams. As in R's netmeta treatments are tried in
    the order in which the list of direct comparisons, each written the way it flows, first names them.
    Papakonstantinou et al. (2018), F1000Research 7, 610.

    Examples
    --------
    >>> flow = np.array([[0.0, 0.4, 0.6], [0.0, 0.0, 0.4], [0.0, 0.0, 0.0]])
    >>> find_streams(flow, 0, 2)
    [((0, 2), 0.6), ((0, 1, 2), 0.4)]
    """
    order = _name_in_order(flow)
    place = {treatment: i for i, treatment in enumerate(order)}
    turned = flow[np.ix_(order, order)]
    left = [{j: f for j, f in enumerate(row) if f > DRY} for row in turned.tolist()]
    out: list[Stream] = []
    while (path := _walk_breadth_first(left, place[source], place[sink])) is not None:
        steps = list(pairwise(path))
        amount = min(left[here][there] for here, there in steps)
        for here, there in steps:
            left[here][there] -= amount
            if left[here][there] <= DRY:
                del left[here][there]
        out.append((tuple(order[step] for step in path), amount))
    return out


def _name_in_order(flow: Floats) -> list[int]:
    """All treatments, those first that the list of flowing comparisons names first."""
    first, second = np.nonzero(np.triu(np.maximum(flow, flow.T) > DRY))
    turned = flow[second, first] > DRY
    named = np.column_stack([np.where(turned, second, first), np.where(turned, first, second)]).ravel()
    return list(dict.fromkeys([*named.tolist(), *range(len(flow))]))


def _walk_breadth_first(left: list[dict[int, float]], source: int, sink: int) -> tuple[int, ...] | None:
    parent = {source: source}
    queue = deque([source])
    while queue and sink not in parent:
        here = queue.popleft()
        for there in left[here]:
            if there not in parent:
                parent[there] = here
                queue.append(there)
    if sink not in parent:
        return None
    path = [sink]
    while path[-1] != source:
        path.append(parent[path[-1]])
    return tuple(reversed(path))


def share_shortest(flow: Floats, source: int, sink: int) -> Floats:
    """(T, T) contribution of each comparison by ``find_streams``; they sum to 1."""
    out = np.zeros_like(flow)
    for path, amount in find_streams(flow, source, sink):
        out[list(path[:-1]), list(path[1:])] += amount / (len(path) - 1)
    return out


def share_walks(flows: Floats, sources: NDArray[np.intp], sinks: NDArray[np.intp]) -> Floats:
    r"""Contributions by random walks along the flow; no order of paths has to be chosen.

    Parameters
    ----------
    flows : ndarray of shape (r, T, T)
        From row to column, at least 0, without circles.
    sources, sinks : ndarray of int of shape (r,)
        Where each flow begins and ends.

    Returns
    -------
    ndarray of shape (r, T, T)
        Each sums to 1.

    Notes
    -----
    A walk leaves i for j with :math:`P_{ij} = f_{ij} / \sum_k f_{ik}`. With :math:`a_l` where it may be
    after l steps and :math:`b_m` from where m more steps end at the sink,

    .. math:: c_{ij} = P_{ij} \sum_{l, m} \frac{a_l(i)\, b_m(j)}{l + m + 1},

    the sum over all paths of their probability over their length, without listing them. Davies,
    Papakonstantinou, Nikolakopoulou, Rücker & Galla (2022), Statistics in Medicine 41, 2091-2114.
    """
    count, size, _ = flows.shape
    kept = np.where(flows > DRY, flows, 0.0)
    leaving = kept.sum(axis=2, keepdims=True)
    P = kept / np.where(leaving > 0, leaving, 1.0)
    a, b = np.zeros((2, count, size, size))
    each = np.arange(count)
    a[each, 0, sources], b[each, 0, sinks] = 1.0, 1.0
    for step in range(1, size):
        a[:, step] = (a[:, step - 1, None, :] @ P)[:, 0]
        b[:, step] = (P @ b[:, step - 1, :, None])[:, :, 0]
    length = np.arange(size)[:, None] + np.arange(size)[None, :] + 1
    return np.asarray(P * (np.swapaxes(a, 1, 2) @ (1 / length) @ b))
