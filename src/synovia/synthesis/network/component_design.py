"""Treatments as sums of components: from their names to the design of an additive network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Problem
from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.design import make_heterogeneity
from synovia.synthesis.network.identify import Identified, identify

__all__ = ["ComponentDesign", "Naming", "make_component_design"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Naming:
    """How the name of a treatment says what is in it.

    Attributes
    ----------
    separator : str
        What stands between components.
    inactive : str or None
        A component that adds nothing, such as saline.
    interactions : tuple of tuple of str
        Sets of components whose joint presence adds something of its own.
    matrix : DataFrame or None
        What treatments are made of, where names do not say it: a row per treatment, a column per component.
    """

    separator: str = "+"
    inactive: str | None = None
    interactions: tuple[tuple[str, ...], ...] = ()
    matrix: pd.DataFrame | None = None

    def read(self, treatment: str) -> frozenset[str]:
        """The active components of a treatment.

        Examples
        --------
        >>> sorted(Naming(inactive="saline").read("vesicle + gel + saline"))
        ['gel', 'vesicle']
        """
        parts = [part.strip() for part in treatment.split(self.separator)]
        if "" in parts:
            raise SynthesisError(
                f"Treatment {treatment!r} has an empty component; wanted names with {self.separator!r} "
                "between them. Correct it, or choose another separator."
            )
        return frozenset(parts) - {self.inactive}

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the interactions, such as ``"cargo * gel"``."""
        return tuple(" * ".join(group) for group in self.interactions)


@dataclass(frozen=True, slots=True, eq=False)
class ComponentDesign:
    r"""An additive network as a problem of the kernel.

    Attributes
    ----------
    contrasts : Contrasts
        Comparisons of the trials; the network need not hang together.
    naming : Naming
        How names are read.
    effects : tuple of str
        Components in alphabetical order, then interactions.
    C : ndarray of shape (T, c)
        1 where a treatment contains a component, or all of an interaction.
    identified : Identified
        What the comparisons tell apart.
    problem : Problem
        Its columns are the estimable combinations.

    Notes
    -----
    With the incidence B of comparisons and treatments, :math:`X = BC`.
    """

    contrasts: Contrasts
    naming: Naming
    effects: tuple[str, ...]
    C: Floats
    identified: Identified
    problem: Problem

    @property
    def treatments(self) -> tuple[str, ...]:
        """Combinations that trials used, in alphabetical order."""
        return self.contrasts.treatments

    @property
    def matrix(self) -> pd.DataFrame:
        """C with its names: which treatment contains what."""
        return pd.DataFrame(self.C.astype(int), index=list(self.treatments), columns=list(self.effects))

    def find_treatment(self, name: str) -> int:
        """The place of a treatment that trials used.

        Raises
        ------
        SynthesisError
            When no trial used it; those used are listed.
        """
        if name not in self.treatments:
            raise SynthesisError(f"No trial gave {name!r}; trials gave {', '.join(self.treatments)}.")
        return self.treatments.index(name)

    def is_tried(self, treatment: str) -> bool:
        """Whether some trial gave this combination, under whatever order of its components."""
        return bool((self.row(treatment) == self.C).all(axis=1).any())

    def row(self, treatment: str) -> Floats:
        """(c,) what is in a treatment, also one that no trial used.

        Raises
        ------
        SynthesisError
            When it contains a component that no trial used; those there are are listed.
        """
        if self.naming.matrix is not None:
            return np.asarray(_read_matrix(self.naming.matrix, (treatment,))[0])
        parts = self.naming.read(treatment)
        known = self.effects[: len(self.effects) - len(self.naming.interactions)]
        strange = sorted(parts - set(known))
        if strange:
            raise SynthesisError(
                f"There is no component {strange[0]!r}, in {treatment!r}; the network has {', '.join(known)}."
            )
        return _fill(parts, known, self.naming)


def make_component_design(contrasts: Contrasts, naming: Naming, *, random: bool = True) -> ComponentDesign:
    """The additive design of a network.

    Parameters
    ----------
    contrasts : Contrasts
        Comparisons.
    naming : Naming
        How treatments are read.
    random : bool
        Whether trials differ beyond chance.

    Raises
    ------
    SynthesisError
        When the inactive component or one of an interaction does not occur, or nothing can be estimated.
    """
    effects, C = _make_matrix(contrasts.treatments, naming)
    X = contrasts.incidence @ C
    identified = identify(X, effects)
    if not identified.pivots:
        raise SynthesisError(
            "Every trial compares arms with the same components, so that no effect can be estimated; check "
            "how treatments are named."
        )
    terms = (make_heterogeneity(contrasts),) if random else ()
    problem = Problem(contrasts.y, X[:, identified.pivots], contrasts.V, terms)
    return ComponentDesign(contrasts, naming, effects, C, identified, problem)


def _make_matrix(treatments: tuple[str, ...], naming: Naming) -> tuple[tuple[str, ...], Floats]:
    """Names of the effects, and what is in each treatment."""
    if naming.matrix is not None:
        return tuple(map(str, naming.matrix.columns)), _read_matrix(naming.matrix, treatments)
    read = [naming.read(name) for name in treatments]
    components = tuple(sorted(frozenset().union(*read)))
    _check_naming(naming, treatments, components, read)
    return (*components, *naming.labels), np.array([_fill(parts, components, naming) for parts in read])


def _read_matrix(matrix: pd.DataFrame, treatments: Sequence[str]) -> Floats:
    """(treatments, c) rows of a given matrix."""
    known = [str(name) for name in matrix.index]
    missing = [name for name in treatments if name not in known]
    if missing:
        raise SynthesisError(
            f"The matrix of components has no row for {', '.join(map(repr, missing))}; wanted one for every "
            f"treatment. It has {', '.join(known)}."
        )
    if len(set(known)) < len(known) or len(set(matrix.columns)) < len(matrix.columns):
        raise SynthesisError("The matrix of components names a treatment or a component twice.")
    values = matrix.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    rows = values[[known.index(name) for name in treatments]]
    if not np.isfinite(rows).all():
        place = int(np.argmin(np.isfinite(rows).all(axis=1)))
        raise SynthesisError(
            f"The matrix of components has no number somewhere in the row of {treatments[place]!r}; "
            "wanted 1 where a treatment contains a component, else 0."
        )
    return np.asarray(rows)


def _fill(parts: frozenset[str], components: Sequence[str], naming: Naming) -> Floats:
    own = [name in parts for name in components]
    return np.array([*own, *(parts.issuperset(group) for group in naming.interactions)], dtype=np.float64)


def _check_naming(
    naming: Naming, treatments: Sequence[str], components: Sequence[str], read: Sequence[frozenset[str]]
) -> None:
    used = {part.strip() for name in treatments for part in name.split(naming.separator)}
    if naming.inactive is not None and naming.inactive not in used:
        raise SynthesisError(
            f"There is no component {naming.inactive!r} to be inactive; the network has "
            f"{', '.join(sorted(used))}."
        )
    for group in naming.interactions:
        strange = [name for name in group if name not in components]
        if strange or len(set(group)) < 2:
            raise SynthesisError(
                f"Found interaction {' * '.join(group)!r}; wanted two or more of {', '.join(components)}."
            )
        if not any(parts.issuperset(group) for parts in read):
            raise SynthesisError(
                f"No treatment contains all of {', '.join(group)}, so that their interaction cannot be "
                "estimated; leave it out."
            )
