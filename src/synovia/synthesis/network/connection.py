"""How a network hangs together: its parts, its designs, and the steps between treatments."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse.csgraph import shortest_path

from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.design import find_subnetworks

__all__ = ["Connection", "connect"]

Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Connection:
    """Which treatments trials connect.

    Attributes
    ----------
    contrasts : Contrasts
        Comparisons of the trials.
    subnetworks : tuple of tuple of str
        Parts that no trial connects, the largest first; one part when the network hangs together.
    """

    contrasts: Contrasts
    subnetworks: tuple[tuple[str, ...], ...]

    @property
    def connected(self) -> bool:
        """Whether all treatments can be compared."""
        return len(self.subnetworks) == 1

    @property
    def trials(self) -> pd.DataFrame:
        """study, subnetwork, design, arms: one row per trial."""
        part = {name: number for number, names in enumerate(self.subnetworks, 1) for name in names}
        frame = self.contrasts.frame
        rows = []
        for study, own in frame.groupby("study", sort=False):
            arms = sorted({*own["treatment"], *own["baseline"]}, key=self.contrasts.treatments.index)
            rows.append((study, part[arms[0]], ":".join(arms), len(arms)))
        return pd.DataFrame(rows, columns=["study", "subnetwork", "design", "arms"])

    def tidy(self) -> pd.DataFrame:
        """One row per part: subnetwork, treatments (joined by '; '), size, trials, comparisons (of pairs)."""
        trials, joined = self.trials, self._join()
        rows = []
        for number, names in enumerate(self.subnetworks, 1):
            own = [self.contrasts.treatments.index(name) for name in names]
            pairs = int(np.triu(joined[np.ix_(own, own)] > 0, 1).sum())
            count = int((trials["subnetwork"] == number).sum())
            rows.append((number, "; ".join(names), len(names), count, pairs))
        return pd.DataFrame(rows, columns=["subnetwork", "treatments", "size", "trials", "comparisons"])

    def distances(self) -> pd.DataFrame:
        """Direct comparisons on the shortest way between two treatments; infinite between parts."""
        steps = shortest_path(self._join() > 0, directed=False, unweighted=True)
        return self._name(steps)

    def laplacian(self) -> pd.DataFrame:
        """Minus the trials that compare two treatments; on the diagonal what makes rows sum to 0."""
        joined = self._join()
        return self._name(np.diag(joined.sum(axis=1)) - joined)

    def _name(self, square: NDArray[np.float64] | Integers) -> pd.DataFrame:
        names = list(self.contrasts.treatments)
        return pd.DataFrame(square, index=names, columns=names)

    def _join(self) -> Integers:
        """(T, T) trials that compare two treatments."""
        size = len(self.contrasts.treatments)
        present = np.zeros((len(self.contrasts.studies), size), dtype=np.intp)
        present[self.contrasts.study, self.contrasts.arm] = 1
        present[self.contrasts.study, self.contrasts.baseline] = 1
        joined = present.T @ present
        np.fill_diagonal(joined, 0)
        return joined

    def __str__(self) -> str:
        return self.tidy().to_string(index=False)


def connect(contrasts: Contrasts) -> Connection:
    """How the comparisons of a network hang together, also where they do not.

    Parameters
    ----------
    contrasts : Contrasts
        What ``read_arms`` or ``read_contrasts`` made.

    Returns
    -------
    Connection

    Examples
    --------
    >>> from synovia.synthesis.network import read_contrasts
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "D", "C"],
    ...                        "treatment_2": ["A", "E", "B"], "estimate": [1.0, 2.0, 0.5],
    ...                        "std_error": [0.5, 0.5, 0.5]})
    >>> print(connect(read_contrasts(trials)))
     subnetwork treatments  size  trials  comparisons
              1    A; B; C     3       2            2
              2       D; E     2       1            1
    """
    parts = sorted(find_subnetworks(contrasts), key=len, reverse=True)
    return Connection(contrasts, tuple(parts))
