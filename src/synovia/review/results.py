"""The results on disk: written when what they depend on has changed, and only then."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from synovia.review.folder import Folder
from synovia.review.output import Output
from synovia.review.run import OnStage, StageState, derive, gather
from synovia.review.stages import STAGES, Materials, keys
from synovia.tables import digest

__all__ = ["Results", "produce"]

_MANIFEST = ".synovia/results.json"


@dataclass(frozen=True, slots=True)
class Results:
    """What a run gave.

    Attributes
    ----------
    title : str
        Title of the review.
    sentences : tuple of (str, str)
        Synthesis id and the sentence that answers it, the leading ones.
    cautions : tuple of str
        What a reader must know.
    stages : tuple of StageState
        What was computed and what was taken from the cache.
    report : Path
        Where the report is.
    files : tuple of str
        Every result, relative to the folder of results.
    changed : bool
        Whether anything was computed or written.
    """

    title: str
    sentences: tuple[tuple[str, str], ...]
    cautions: tuple[str, ...]
    stages: tuple[StageState, ...]
    report: Path
    files: tuple[str, ...]
    changed: bool


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What the results on disk were made from, and what they are."""

    key: str
    sentences: tuple[tuple[str, str], ...]
    cautions: tuple[str, ...]
    files: Mapping[str, str]


def produce(folder: Folder, *, on_stage: OnStage | None = None, rewrite: bool = False) -> Results:
    """Run the chain and write the results whose needs have changed.

    Parameters
    ----------
    folder : Folder
        The review.
    on_stage : callable, optional
        Called with name and label of each stage before it is looked at.
    rewrite : bool
        Write the results even when nothing has changed.
    """
    materials = gather(folder)
    key = digest.of_parts(
        keys(materials) | {"protocol": digest.of_rows(materials.protocol.model_dump(mode="json"))}
    )
    manifest = _read_manifest(folder)
    if manifest is not None and not rewrite and _is_current(folder, manifest, key):
        return _results(folder, materials, manifest, _unchanged())
    derived = derive(folder, materials, on_stage=on_stage)
    if on_stage is not None:
        on_stage("report", "writing the report")
    output: Output = importlib.import_module("synovia.review.publishing").publish(derived)
    for name, data in output.files.items():
        folder.write_out(name, data)
    files = {name: digest.of_bytes(data) for name, data in output.files.items()}
    manifest = _Manifest(key, output.sentences, output.cautions, files)
    folder.write(_MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, sort_keys=True).encode())
    return _results(folder, materials, manifest, (*derived.stages, _report_stage("computed")))


def _report_stage(state: Literal["computed", "unchanged"]) -> StageState:
    return StageState("report", "writing the report", state)


def _unchanged() -> tuple[StageState, ...]:
    return (
        *(StageState(stage.name, stage.label, "unchanged") for stage in STAGES),
        _report_stage("unchanged"),
    )


def _results(
    folder: Folder, materials: Materials, manifest: _Manifest, stages: tuple[StageState, ...]
) -> Results:
    return Results(
        title=materials.protocol.review.title,
        sentences=manifest.sentences,
        cautions=manifest.cautions,
        stages=stages,
        report=folder.out / "report.html",
        files=tuple(manifest.files),
        changed=stages[-1].state == "computed",
    )


def _read_manifest(folder: Folder) -> _Manifest | None:
    try:
        content = json.loads(folder.read(_MANIFEST) or b"")
        sentences = tuple((str(name), str(sentence)) for name, sentence in content["sentences"])
        return _Manifest(content["key"], sentences, tuple(content["cautions"]), dict(content["files"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _is_current(folder: Folder, manifest: _Manifest, key: str) -> bool:
    """Whether every result is there, unchanged, and made from what is there now."""
    return manifest.key == key and all(
        (data := folder.present_out(name)) is not None and digest.of_bytes(data) == known
        for name, known in manifest.files.items()
    )
