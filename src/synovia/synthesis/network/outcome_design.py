"""Several outcomes of the same trials: one network each, joined by what the trials share."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import block_diag

from synovia.errors import SynthesisError
from synovia.kernel import (
    Correlated,
    Equal,
    Problem,
    RandomTerm,
    Scalar,
    Structure,
    Term,
    Uncorrelated,
    Unstructured,
)
from synovia.synthesis.course.arms import SharedArms
from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.design import NetworkDesign, make_network_design
from synovia.synthesis.network.outcome_covariance import join_outcomes

__all__ = ["OutcomeDesign", "make_outcome_design"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

STRUCTURES = ("UN", "HCS", "CS", "DIAG")


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeDesign:
    """Networks of several outcomes as one problem of the kernel.

    Attributes
    ----------
    outcomes : tuple of str
        In the order in which they came.
    designs : tuple of NetworkDesign
        The network of each outcome, all against one reference.
    studies : tuple of str
        Trials of any outcome.
    outcome, study : ndarray of int of shape (n,)
        Outcome and trial of each comparison; rows are sorted by outcome.
    problem : Problem
        Effects against the reference, a block of columns for each outcome.
    base : Structure or None
        How the true effects of a comparison on the outcomes vary between trials.
    """

    outcomes: tuple[str, ...]
    designs: tuple[NetworkDesign, ...]
    studies: tuple[str, ...]
    outcome: Integers
    study: Integers
    problem: Problem
    base: Structure | None

    def find_outcome(self, name: str) -> int:
        """The place of an outcome.

        Raises
        ------
        SynthesisError
            When there is no such outcome; those there are are listed.
        """
        if name not in self.outcomes:
            raise SynthesisError(f"There is no outcome {name!r}; there are {', '.join(self.outcomes)}.")
        return self.outcomes.index(name)

    def spread(self, place: int, rows: Floats) -> Floats:
        """(m, p) contrasts of one outcome among the coefficients of all."""
        sizes = [design.problem.p for design in self.designs]
        start = sum(sizes[:place])
        whole = np.zeros((rows.shape[0], sum(sizes)))
        whole[:, start : start + sizes[place]] = rows
        return whole


def make_outcome_design(
    networks: Mapping[str, Contrasts], correlation: pd.DataFrame, structure: str | None, reference: str | None
) -> OutcomeDesign:
    """Join the networks of several outcomes.

    Parameters
    ----------
    networks : mapping of str to Contrasts
        Comparisons of each outcome.
    correlation : DataFrame
        Correlation of the outcomes within trials, rows and columns named by them.
    structure : {"UN", "HCS", "CS", "DIAG"} or None
        How the true effects of a trial differ from those of others; None for a common effect.
    reference : str or None
        Treatment that the effects of all outcomes are against.

    Raises
    ------
    SynthesisError
        When the network of an outcome does not hang together, or the structure asks for what no trial tells.
    """
    if structure not in (*STRUCTURES, None):
        raise SynthesisError(
            f"Found structure {structure!r}; wanted one of {', '.join(STRUCTURES)}, or None."
        )
    outcomes = tuple(networks)
    chosen = _choose_reference(networks) if reference is None else reference
    designs = tuple(_design(name, contrasts, chosen) for name, contrasts in networks.items())
    studies = tuple(dict.fromkeys(name for design in designs for name in design.studies))
    outcome = np.repeat(np.arange(len(designs)), [design.problem.n for design in designs])
    place = {name: i for i, name in enumerate(studies)}
    study = np.concatenate(
        [np.array([place[name] for name in design.studies])[design.study] for design in designs]
    )
    y = np.concatenate([design.problem.y for design in designs])
    X = block_diag(*(design.problem.X for design in designs))
    V = join_outcomes(outcomes, designs, correlation.to_numpy(dtype=np.float64), studies)
    base = None if structure is None else _make_structure(structure, len(outcomes))
    if structure == "UN":
        _require_shared(outcomes, designs)
    terms: tuple[RandomTerm, ...] = () if base is None else (_make_term(designs, outcome, study, base),)
    return OutcomeDesign(outcomes, designs, studies, outcome, study, Problem(y, X, V, terms), base)


def _choose_reference(networks: Mapping[str, Contrasts]) -> str:
    shared = set.intersection(*(set(contrasts.treatments) for contrasts in networks.values()))
    if not shared:
        raise SynthesisError("No treatment occurs in every outcome; analyse the outcomes one by one.")
    return next(name for name in next(iter(networks.values())).treatments if name in shared)


def _design(outcome: str, contrasts: Contrasts, reference: str) -> NetworkDesign:
    try:
        return make_network_design(contrasts, reference)
    except SynthesisError as error:
        raise type(error)(f"Outcome {outcome}: {error}") from error


def _require_shared(outcomes: tuple[str, ...], designs: tuple[NetworkDesign, ...]) -> None:
    for one, other in combinations(range(len(outcomes)), 2):
        if not set(designs[one].studies) & set(designs[other].studies):
            raise SynthesisError(
                f"No trial reports both {outcomes[one]} and {outcomes[other]}, so that nothing tells how "
                "their effects correlate between trials; choose structure 'DIAG', or 'HCS', which has one "
                "correlation for all outcomes."
            )


def _make_term(
    designs: tuple[NetworkDesign, ...], outcome: Integers, study: Integers, base: Structure
) -> Term:
    """Random effects of a trial against its first arm, for every other arm and outcome."""
    arms: dict[str, list[str]] = {}
    for design in designs:
        for name, own in zip(design.studies, design.arms, strict=True):
            known = arms.setdefault(name, [])
            known += [design.treatments[k] for k in own if design.treatments[k] not in known]
    m, q = max(len(own) for own in arms.values()) - 1, len(designs)
    loadings = np.zeros((outcome.size, m + 1, q))
    frame = pd.concat([design.rows for design in designs])
    for row, (name, arm, baseline) in enumerate(
        zip(frame["study"], frame["treatment"], frame["baseline"], strict=True)
    ):
        loadings[row, arms[name].index(arm), outcome[row]] = 1.0
        loadings[row, arms[name].index(baseline), outcome[row]] = -1.0
    spread = base if m == 1 else SharedArms(base, m)
    return Term(study, spread, loadings[:, 1:].reshape(outcome.size, -1))


def _make_structure(structure: str, size: int) -> Structure:
    if size == 1:
        return Scalar()
    if structure == "UN":
        return Unstructured(size)
    if structure == "DIAG":
        return Correlated(Uncorrelated(size), separate=True)
    return Correlated(Equal(size), separate=structure == "HCS")
