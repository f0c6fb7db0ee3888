"""The review folder on disk: the only place in Synovia that knows a path."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from synovia.errors import Fault, InputError, StorageError

__all__ = ["Folder", "storage_sentence"]

_REFUSALS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "it may not be written",
    errno.EPERM: "it may not be written",
}


@dataclass(frozen=True, slots=True)
class Folder:
    """A review folder.

    Attributes
    ----------
    root : Path
        The folder with ``review.toml``.
    out : Path
        Where results go; ``root/out`` unless chosen otherwise.
    """

    root: Path
    out: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str], *, out: str | os.PathLike[str] | None = None) -> "Folder":
        """The review folder at a path.

        Raises
        ------
        InputError
            When there is no ``review.toml`` in it.
        """
        root = Path(path)
        if root.name == "review.toml":
            root = root.parent
        if not (root / "review.toml").is_file():
            found = "a folder without review.toml" if root.is_dir() else "no such folder"
            advice = "Name a review folder, or make one with: synovia new NAME."
            raise InputError(
                [Fault(found, "a review folder with review.toml in it", str(path), advice=advice)]
            )
        return cls(root, Path(out) if out is not None else root / "out")

    @property
    def hidden(self) -> Path:
        """The live journal and the cache: safe to delete once exported."""
        return self.root / ".synovia"

    @property
    def journal(self) -> Path:
        """The live journal."""
        return self.hidden / "journal.sqlite"

    def make_hidden(self) -> None:
        """Make the folder of the live journal and the cache.

        Raises
        ------
        StorageError
            When the disk refuses.
        """
        with _told(".synovia/"):
            self.hidden.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> bytes | None:
        """Content of a file of the folder, or None when it is absent."""
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as problem:
            raise StorageError(storage_sentence(name, "read", problem)) from problem

    def read_text(self, name: str) -> str | None:
        """Text of a file of the folder in UTF-8, or None when it is absent.

        Raises
        ------
        InputError
            When the file is not UTF-8.
        """
        data = self.read(name)
        if data is None:
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            line = data[: problem.start].count(b"\n") + 1
            fault = Fault(
                "bytes that are not UTF-8", "UTF-8 text", name, line, advice="Save the file as UTF-8."
            )
            raise InputError([fault]) from None

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the folder whole or not at all."""
        write_whole(self.root / name, data, shown=name)

    def write_out(self, name: str, data: bytes) -> Path:
        """Write a result whole or not at all; returns where it is."""
        path = self.out / name
        write_whole(path, data, shown=f"out/{name}")
        return path

    def present_out(self, name: str) -> bytes | None:
        """Content of a result, or None when it is absent."""
        path = self.out / name
        return path.read_bytes() if path.is_file() else None


def write_whole(path: Path, data: bytes, *, shown: str) -> None:
    """Write next to the target, flush to disk, then put it in place in one step.

    Raises
    ------
    StorageError
        When the disk refuses; the file that was there before is untouched.
    """
    with _told(shown):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextmanager
def _told(shown: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise StorageError(storage_sentence(shown, "written", problem)) from problem


def storage_sentence(shown: str, verb: str, problem: OSError) -> str:
    """What the disk refused, in one sentence with what to do."""
    why = _REFUSALS.get(problem.errno or 0, (problem.strerror or str(problem)).lower())
    advice = "Nothing recorded is lost: make the folder writable, or copy the review to one that is."
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "Nothing recorded is lost: free some space and run the same command again."
    elif problem.errno in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOENT):
        advice = "Nothing recorded is lost: a file stands where a folder should, or the other way round."
    return f"{shown} could not be {verb}: {why}. {advice}"
