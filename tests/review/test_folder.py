"""The folder: written whole or not at all, and refusals in words."""

import errno
import os
from pathlib import Path

import pytest

from synovia.errors import InputError, StorageError
from synovia.review.folder import Folder, write_whole


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "review.toml").write_text("", encoding="utf-8")
    return Folder.at(tmp_path)


def test_a_folder_without_protocol_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a folder without review\.toml; wanted .* synovia new NAME"):
        Folder.at(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        Folder.at(tmp_path / "nowhere")


def test_the_protocol_itself_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "review.toml").write_text("", encoding="utf-8")
    assert Folder.at(tmp_path / "review.toml").root == tmp_path


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "it may not be written"),
    ],
)
def test_a_refusing_disk_leaves_the_old_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    folder.write("evidence/a.csv", b"old")

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(
        StorageError, match=f"evidence/a.csv could not be written: {words}. Nothing recorded is lost"
    ):
        folder.write("evidence/a.csv", b"new")
    assert folder.read("evidence/a.csv") == b"old"
    assert [path.name for path in (folder.root / "evidence").iterdir()] == ["a.csv"]


def test_a_read_only_folder_is_told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError, match=r"out/report\.html could not be written: the disk is read-only"):
        folder.write_out("report.html", b"")


def test_text_that_is_not_utf8_names_the_line(folder: Folder) -> None:
    folder.write("evidence/a.csv", b"good\nb\xe4d\n")
    with pytest.raises(InputError, match=r"evidence/a\.csv, line 2: found bytes that are not UTF-8"):
        folder.read_text("evidence/a.csv")


def test_a_byte_order_mark_is_not_text(folder: Folder) -> None:
    folder.write("a.txt", b"\xef\xbb\xbftext")
    assert folder.read_text("a.txt") == "text"


def test_writing_is_idempotent(tmp_path: Path) -> None:
    for _ in range(2):
        write_whole(tmp_path / "deep" / "a", b"x", shown="deep/a")
    assert (tmp_path / "deep" / "a").read_bytes() == b"x"
