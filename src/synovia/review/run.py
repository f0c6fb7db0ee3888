"""Run a review: every stage in order, from the cache where nothing it needs has changed."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from synovia.errors import Fault, InputError
from synovia.fields import Field, load_field
from synovia.review import cache
from synovia.review.cache import Frames
from synovia.review.evidence import open_journal, read_evidence
from synovia.review.folder import Folder
from synovia.review.protocol import Protocol
from synovia.review.reading import read_protocol
from synovia.review.stages import STAGES, Materials, Stage, keys
from synovia.tables import digest

__all__ = ["Derived", "StageState", "derive", "gather", "load_protocol"]

OnStage = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class StageState:
    """What happened to one stage."""

    name: str
    label: str
    state: Literal["computed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Derived:
    """A review after its chain has run.

    Attributes
    ----------
    materials : Materials
        What went in.
    frames : mapping of str to DataFrame
        Every table, by name.
    stages : tuple of StageState
        What was computed and what was taken from the cache.
    key : str
        Digest of everything the tables depend on.
    """

    materials: Materials
    frames: Mapping[str, pd.DataFrame]
    stages: tuple[StageState, ...]
    key: str


def load_protocol(folder: Folder) -> tuple[Protocol, Field]:
    """The protocol of a review and the field of medicine it names.

    Raises
    ------
    ProtocolError
        Naming the file, the line and what is allowed.
    """
    text = folder.read_text("review.toml") or ""
    protocol = read_protocol(text)
    field = load_field(protocol.review.field)
    return read_protocol(text, scales=field.scale_ids), field


def gather(folder: Folder) -> Materials:
    """Everything the chain needs, read from the folder.

    Raises
    ------
    InputError
        When a search of the protocol has no file.
    UnrecordedEdits
        When an evidence table was edited and the edit is not in the journal.
    """
    protocol, field = load_protocol(folder)
    searches = {search.id: _export(folder, search.file) for search in protocol.search}
    with open_journal(folder) as live:
        evidence = read_evidence(folder, live)
    return Materials(protocol, field, searches, evidence)


def _export(folder: Folder, name: str) -> bytes:
    data = folder.read(name)
    if data is None:
        present = sorted(path.name for path in (folder.root / "searches").glob("*")) or ["no file"]
        fault = Fault(
            f"{', '.join(present)} in searches/",
            name,
            "review.toml",
            advice="Put the export there as downloaded.",
        )
        raise InputError([fault])
    return data


def derive(folder: Folder, materials: Materials | None = None, *, on_stage: OnStage | None = None) -> Derived:
    """Run the chain, taking from the cache every stage whose needs have not changed.

    Parameters
    ----------
    folder : Folder
        The review.
    materials : Materials, optional
        What goes in, when it was gathered already.
    on_stage : callable, optional
        Called with the stage's name and label before the stage is looked at.
    """
    materials = materials or gather(folder)
    known = keys(materials)
    frames: Frames = {}
    states: list[StageState] = []
    for stage in STAGES:
        if on_stage is not None:
            on_stage(stage.name, stage.label)
        states.append(_advance(folder, stage, known[stage.name], materials, frames))
    return Derived(materials, frames, tuple(states), digest.of_parts(known))


def _advance(folder: Folder, stage: Stage, key: str, materials: Materials, frames: Frames) -> StageState:
    kept = cache.load(folder, stage.name, key, stage.gives)
    if kept is not None:
        frames.update(kept)
        return StageState(stage.name, stage.label, "unchanged")
    made = importlib.import_module("synovia.review.work").WORK[stage.name](materials, frames)
    frames.update(made)
    cache.save(folder, stage.name, key, {table.name: made[table.name] for table in stage.gives})
    return StageState(stage.name, stage.label, "computed")
