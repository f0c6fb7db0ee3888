"""Events of the arms of a network, checked, and what they say about the existence of odds ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synovia.errors import SynthesisError
from synovia.synthesis.network.arms import read_arms
from synovia.synthesis.network.contrasts import find_study_column, read_labels
from synovia.synthesis.network.design import NetworkDesign, make_network_design
from synovia.synthesis.rows import read_numbers, require_columns

__all__ = ["ArmCounts", "Trial", "read_counts", "require_finite"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
INCREMENT = 0.5  # only of what a forest plot shows of a trial with an empty cell


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Events of one trial.

    Attributes
    ----------
    arms : ndarray of int of shape (m,)
        Treatments, by their place in the design.
    events, n : ndarray of shape (m,)
        Events and participants of each arm.
    """

    arms: Integers
    events: Floats
    n: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ArmCounts:
    """A network of events.

    Attributes
    ----------
    design : NetworkDesign
        The trials' own log odds ratios, for display with 0.5 added where a cell is empty.
    trials : tuple of Trial
        Their counts.
    frame : DataFrame
        study, treatment, events, n of the arms read.
    """

    design: NetworkDesign
    trials: tuple[Trial, ...]
    frame: pd.DataFrame


def read_counts(
    data: pd.DataFrame, columns: Mapping[str, str] | None, reference: str | None, said: Sequence[str] = ()
) -> ArmCounts:
    """Read a network of events.

    Parameters
    ----------
    data : DataFrame
        One row per arm: study, treatment, events, n.
    columns : mapping of str to str, optional
        What the table calls these columns.
    reference : str, optional
        Treatment that effects are against.
    said : sequence of str
        What was left out before.

    Raises
    ------
    SynthesisError
        When an arm cannot be used, named with its trial, or the network does not hang together.
    """
    arms, missing = _read_frame(data, columns)
    contrasts = read_arms(arms, measure="OR", increment=INCREMENT)
    kept = set(contrasts.studies)
    silent = [name for name in arms["study"].unique() if name not in kept]
    told = [
        f"{name} was dropped: it has fewer than two usable arms, or nobody or everybody had the event."
        for name in silent
    ]
    contrasts = replace(contrasts, warnings=(*said, *missing, *told))
    design = make_network_design(contrasts, reference, random=False)
    place = {name: i for i, name in enumerate(design.treatments)}
    own = dict(iter(arms[arms["study"].isin(kept)].groupby("study", sort=False)))
    trials = tuple(
        Trial(
            np.array([place[name] for name in own[study]["treatment"]], dtype=np.intp),
            own[study]["events"].to_numpy(np.float64),
            own[study]["n"].to_numpy(np.float64),
        )
        for study in contrasts.studies
    )
    return ArmCounts(design, trials, arms)


def _read_frame(data: pd.DataFrame, columns: Mapping[str, str] | None) -> tuple[pd.DataFrame, list[str]]:
    if not isinstance(data, pd.DataFrame):
        raise SynthesisError(f"Found {type(data).__name__}; wanted a DataFrame with one row per arm.")
    called = dict(columns or {})
    names = [called.get(name, name) for name in ("study", "treatment", "events", "n")]
    names[0] = find_study_column(data, names[0])
    require_columns(data, names)
    labels = [f"Row {number}" for number in range(1, len(data) + 1)]
    studies, treatments = (read_labels(data, name, labels) for name in names[:2])
    arms = [f"{study}, arm {name}" for study, name in zip(studies, treatments, strict=True)]
    events, n = (read_numbers(data, name, arms) for name in names[2:])
    told = np.isfinite(events) & np.isfinite(n)
    _require_whole(events, arms, names[2])
    _require_whole(n, arms, names[3])
    missing = [
        f"{arms[row]} has no {names[2]} or {names[3]} and was dropped." for row in np.flatnonzero(~told)
    ]
    frame = pd.DataFrame({"study": studies, "treatment": treatments, "events": events, "n": n})
    return frame[told].reset_index(drop=True), missing


def _require_whole(values: Floats, arms: Sequence[str], column: str) -> None:
    broken = np.isfinite(values) & (values != np.round(values))
    if broken.any():
        row = int(np.argmax(broken))
        raise SynthesisError(f"{arms[row]} has {column} {values[row]:g}; wanted a whole number of people.")


def require_finite(counts: ArmCounts, *, bounded: bool) -> None:
    r"""Refuse a network in which a maximum of the conditional likelihood is infinite.

    Parameters
    ----------
    counts : ArmCounts
        Events of the arms.
    bounded : bool
        Whether an arm has no more events than participants: the exact likelihood knows, its approximation
        for rare events does not.

    Raises
    ------
    SynthesisError
        When some treatments stand below all others without limit; they are named.

    Notes
    -----
    Draw an arrow from treatment j to k when a trial could have had one event more under j and one less under
    k. The maximum is finite and unique when arrows lead from every treatment to every other: else a set of
    effects can be raised together and no trial becomes less likely. Ford (1957), American Mathematical
    Monthly 64 (8), 28-33, for paired comparisons.
    """
    names = counts.design.treatments
    arrows = np.zeros((len(names), len(names)))
    for trial in counts.trials:
        room = trial.events < trial.n if bounded else np.ones(trial.n.size, dtype=bool)
        arrows[np.ix_(trial.arms[room], trial.arms[trial.events > 0])] = 1.0
    parts, label = connected_components(coo_array(arrows), connection="strong")
    if parts == 1:
        return
    ends = [
        part
        for part in range(parts)
        if not arrows[np.ix_(label != part, label == part)].any()
        or not arrows[np.ix_(label == part, label != part)].any()
    ]
    smallest = min(ends, key=lambda part: (int((label == part).sum()), bool(label[0] == part)))
    alone = ", ".join(names[i] for i in np.flatnonzero(label == smallest).tolist())
    raise SynthesisError(
        f"The odds ratio of {alone} against the other treatments is zero or infinite: in every trial that "
        "compares them, one side has no events or nothing but events. Leave these arms out, fit "
        "penalised_network, or network(data, measure='OR'), which adds 0.5 to empty cells."
    )
