"""The design of a network: every comparison as a difference of effects against one reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Correlated, Matrix, Problem, Scalar, Structure, Term
from synovia.synthesis.network.arms import read_arms
from synovia.synthesis.network.contrasts import Contrasts, alphabetical, read_contrasts

__all__ = [
    "NetworkDesign",
    "find_subnetworks",
    "from_arms",
    "from_contrasts",
    "make_heterogeneity",
    "make_network_design",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkDesign:
    r"""A connected network as a problem of the kernel.

    Attributes
    ----------
    contrasts : Contrasts
        Comparisons of the trials.
    treatments : tuple of str
        The reference first, then in alphabetical order.
    arm, baseline : ndarray of int of shape (n,)
        Treatments of each comparison, by their place in ``treatments``.
    problem : Problem
        y is arm minus baseline, X has a column per treatment but the reference, and the random effects of a
        trial's comparisons have variance tau2 and covariance tau2 / 2.

    Notes
    -----
    .. math:: y_{i,bk} = d_{rk} - d_{rb} + u_{i,bk} + e_{i,bk}, \quad
        u_i \sim N\bigl(0, \tau^2 (I + J)/2\bigr)

    Higgins & Whitehead (1996), Statistics in Medicine 15, 2733-2749; Lu & Ades (2004), Statistics in Medicine
    23, 3105-3124.
    """

    contrasts: Contrasts
    treatments: tuple[str, ...]
    arm: Integers
    baseline: Integers
    problem: Problem

    @property
    def reference(self) -> str:
        """The treatment that all effects are against."""
        return self.treatments[0]

    @property
    def studies(self) -> tuple[str, ...]:
        """Trials."""
        return self.contrasts.studies

    @property
    def study(self) -> Integers:
        """(n,) trial of each comparison."""
        return self.contrasts.study

    @property
    def rows(self) -> pd.DataFrame:
        """study, treatment, baseline, estimate, variance: one row per comparison."""
        return self.contrasts.frame

    @property
    def arms(self) -> tuple[tuple[int, ...], ...]:
        """Treatments of each trial, its baseline first, by their place in ``treatments``."""
        starts = np.searchsorted(self.study, np.arange(len(self.studies) + 1)).tolist()
        arm, baseline = self.arm.tolist(), self.baseline.tolist()
        return tuple((baseline[low], *arm[low:high]) for low, high in pairwise(starts))

    @property
    def designs(self) -> tuple[str, ...]:
        """The set of treatments each trial compares, such as ``"A:B:C"``."""
        return tuple(
            ":".join(sorted((self.treatments[arm] for arm in arms), key=alphabetical)) for arms in self.arms
        )

    @property
    def edges(self) -> pd.DataFrame:
        """treatment_1, treatment_2, k: how many trials compare two treatments directly."""
        counts: dict[tuple[str, str], int] = {}
        for arms in self.arms:
            names = sorted((self.treatments[arm] for arm in arms), key=alphabetical)
            for i, first in enumerate(names):
                for second in names[i + 1 :]:
                    counts[first, second] = counts.get((first, second), 0) + 1
        listed = [(first, second, k) for (first, second), k in counts.items()]
        listed.sort(key=lambda row: (alphabetical(row[0]), alphabetical(row[1])))
        return pd.DataFrame(listed, columns=["treatment_1", "treatment_2", "k"])

    def find_treatment(self, name: str) -> int:
        """The place of a treatment.

        Raises
        ------
        SynthesisError
            When the network has no such treatment; those it has are listed.
        """
        if name not in self.treatments:
            raise SynthesisError(
                f"There is no treatment {name!r}; the network has {', '.join(self.contrasts.treatments)}."
            )
        return self.treatments.index(name)

    def contrast(self, first: str, second: str) -> Floats:
        """(T - 1,) what turns effects against the reference into ``first`` minus ``second``."""
        row = np.zeros(len(self.treatments))
        row[self.find_treatment(first)] += 1.0
        row[self.find_treatment(second)] -= 1.0
        return row[1:]


def from_contrasts(
    data: pd.DataFrame,
    *,
    study: str = "study",
    treatment_1: str = "treatment_1",
    treatment_2: str = "treatment_2",
    estimate: str = "estimate",
    std_error: str | None = None,
    variance: str | None = None,
    reference: str | None = None,
) -> NetworkDesign:
    """A network given as comparisons of two arms each; see ``read_contrasts``.

    Parameters
    ----------
    data : DataFrame
        One row per comparison.
    study, treatment_1, treatment_2, estimate, std_error, variance : str
        Columns; the estimate is treatment 1 minus treatment 2.
    reference : str, optional
        Treatment that effects are against; the first in alphabetical order without it.

    Raises
    ------
    SynthesisError
        When the network does not hang together; what would connect it is said.

    Examples
    --------
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "C", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.5, 0.5]})
    >>> from_contrasts(trials).problem.X.tolist()
    [[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]]
    """
    read = read_contrasts(
        data,
        study=study,
        treatment_1=treatment_1,
        treatment_2=treatment_2,
        estimate=estimate,
        std_error=std_error,
        variance=variance,
    )
    return make_network_design(read, reference)


def from_arms(
    data: pd.DataFrame,
    *,
    measure: str,
    columns: Mapping[str, str] | None = None,
    increment: float = 0.5,
    reference: str | None = None,
) -> NetworkDesign:
    """A network given arm by arm; see ``read_arms``.

    Parameters
    ----------
    data : DataFrame
        One row per arm.
    measure, columns, increment : str, mapping of str to str, float
        As for ``read_arms``.
    reference : str, optional
        Treatment that effects are against; the first in alphabetical order without it.

    Raises
    ------
    SynthesisError
        When an arm cannot be used, or the network does not hang together.

    Examples
    --------
    >>> arms = pd.DataFrame({"study": ["s", "s"], "treatment": ["A", "B"], "events": [10, 20], "n": [99, 98]})
    >>> from_arms(arms, measure="OR").treatments
    ('A', 'B')
    """
    read = read_arms(data, measure=measure, columns=columns, increment=increment)
    return make_network_design(read, reference)


def make_network_design(
    contrasts: Contrasts, reference: str | None = None, *, random: bool = True
) -> NetworkDesign:
    """The design of comparisons that hang together.

    Parameters
    ----------
    contrasts : Contrasts
        Comparisons of the trials.
    reference : str, optional
        Treatment that effects are against; the first in alphabetical order without it.
    random : bool
        Whether trials differ beyond chance.

    Raises
    ------
    SynthesisError
        When the reference is unknown, or the network does not hang together.
    """
    names = contrasts.treatments
    chosen = names[0] if reference is None else str(reference)
    if chosen not in names:
        raise SynthesisError(
            f"There is no treatment {chosen!r} to refer to; the network has {', '.join(names)}."
        )
    _require_connected(contrasts)
    first = names.index(chosen)
    order = np.array([first, *(i for i in range(len(names)) if i != first)])
    rank = np.argsort(order)
    terms = (make_heterogeneity(contrasts),) if random else ()
    problem = Problem(contrasts.y, contrasts.incidence[:, order[1:]], contrasts.V, terms)
    treatments = tuple(names[i] for i in order.tolist())
    return NetworkDesign(contrasts, treatments, rank[contrasts.arm], rank[contrasts.baseline], problem)


def make_heterogeneity(contrasts: Contrasts) -> Term:
    """Random effects of a trial's comparisons: variance tau2, covariance tau2 / 2."""
    position = contrasts.position
    size = int(position.max()) + 1
    structure: Structure = Scalar() if size == 1 else Correlated(Matrix((np.eye(size) + 1) / 2))
    return Term(contrasts.study, structure, position if size > 1 else None)


def find_subnetworks(contrasts: Contrasts) -> tuple[tuple[str, ...], ...]:
    """The parts of a network that no trial connects, one part when it hangs together.

    Examples
    --------
    >>> trials = pd.DataFrame({"study": ["s1", "s2"], "treatment_1": ["B", "D"], "treatment_2": ["A", "C"],
    ...                        "estimate": [1.0, 2.0], "std_error": [0.5, 0.5]})
    >>> find_subnetworks(read_contrasts(trials))
    (('A', 'B'), ('C', 'D'))
    """
    part = np.arange(len(contrasts.treatments))
    while True:
        lowest = np.minimum(part[contrasts.arm], part[contrasts.baseline])
        lowered = part.copy()
        np.minimum.at(lowered, contrasts.arm, lowest)
        np.minimum.at(lowered, contrasts.baseline, lowest)
        lowered = lowered[lowered]
        if (lowered == part).all():
            break
        part = lowered
    names: dict[int, list[str]] = {}
    for name, number in zip(contrasts.treatments, part.tolist(), strict=True):
        names.setdefault(number, []).append(name)
    return tuple(tuple(own) for own in names.values())


def _require_connected(contrasts: Contrasts) -> None:
    parts = find_subnetworks(contrasts)
    if len(parts) == 1:
        return
    listed = "; ".join(_list(part) for part in parts)
    raise SynthesisError(
        f"The network falls into {len(parts)} parts that no trial connects: {listed}. Treatments of "
        f"different parts cannot be compared. {_advise(parts)}"
    )


def _advise(parts: Sequence[tuple[str, ...]]) -> str:
    missing = len(parts) - 1
    trials = "One trial" if missing == 1 else f"{missing} trials"
    pair = f"{parts[0][0]} with {parts[1][0]}"
    return (
        f"{trials} across the parts, such as one of {pair}, would connect them; else analyse each part on "
        "its own, or use a component network when treatments of different parts share components."
    )


def _list(part: tuple[str, ...]) -> str:
    return "{" + ", ".join(part) + "}"
