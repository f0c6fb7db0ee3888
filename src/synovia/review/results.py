"""The results on disk: the report, its tables, and whether anything had to be written."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from synovia import formats, report
from synovia.review.answer import gather_content, review_cautions
from synovia.review.folder import Folder
from synovia.review.run import Derived, OnStage, StageState, derive
from synovia.tables import DERIVED, digest

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
    derived = derive(folder, on_stage=on_stage)
    manifest = _read_manifest(folder)
    if not rewrite and manifest is not None and _is_current(folder, manifest, derived.key):
        return _results(folder, derived, manifest, changed=False)
    if on_stage is not None:
        on_stage("report", "writing the report")
    content = gather_content(derived)
    files = {"report.html": report.render(content).encode()}
    for table in DERIVED:
        files[f"tables/{table.name}.csv"] = formats.write_table(table, derived.frames[table.name]).encode()
    for name, data in files.items():
        folder.write_out(name, data)
    manifest = _Manifest(
        derived.key,
        tuple((answer.synthesis_id, _sentence(answer)) for answer in content.answers if answer.leading),
        {name: digest.of_bytes(data) for name, data in files.items()},
    )
    folder.write(_MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, sort_keys=True).encode())
    return _results(folder, derived, manifest, changed=True)


def _sentence(answer: report.Answer) -> str:
    words = report.word_answer(answer)
    return f"{words.claim} {words.basis}".rstrip()


def _results(folder: Folder, derived: Derived, manifest: _Manifest, *, changed: bool) -> Results:
    state: Literal["computed", "unchanged"] = "computed" if changed else "unchanged"
    return Results(
        title=derived.materials.protocol.review.title,
        sentences=tuple((name, sentence) for name, sentence in manifest.sentences),
        cautions=review_cautions(derived),
        stages=(*derived.stages, StageState("report", "writing the report", state)),
        report=folder.out / "report.html",
        files=tuple(manifest.files),
        changed=changed,
    )


def _read_manifest(folder: Folder) -> _Manifest | None:
    try:
        content = json.loads(folder.read(_MANIFEST) or b"")
        sentences = tuple((str(name), str(sentence)) for name, sentence in content["sentences"])
        return _Manifest(content["key"], sentences, dict(content["files"]))
    except (ValueError, KeyError, TypeError):
        return None


def _is_current(folder: Folder, manifest: _Manifest, key: str) -> bool:
    """Whether every result is there, unchanged, and made from what is there now."""
    return manifest.key == key and all(
        (data := folder.present_out(name)) is not None and digest.of_bytes(data) == known
        for name, known in manifest.files.items()
    )
