"""Encodings recognised, guesses said, no byte dropped, nothing raised on damaged text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import FormatError
from synovia.formats import decode, encoding, read_export
from synovia.formats.encoding import unify_line_ends

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize(
    ("name", "encoding_name", "title", "author", "guessed"),
    [
        ("bom.ris", "utf-8 with byte order mark", "Knee é", "Müller, J", False),
        ("utf16.ris", "utf-16", "膝 knee é", "Müller, J", False),
        ("latin1.ris", "latin-1", "Évaluation de la douleur à la première injection", "Müller, Jürgen", True),
        ("cp1252.ris", "windows-1252", "“Quoted” – effect of café", "Žižka, É.", True),
        ("gb18030.ris", "gb18030", "膝骨关节炎关节腔注射透明质酸的随机对照试验", "王小明", True),
    ],
)
def test_encodings(name: str, encoding_name: str, title: str, author: str, *, guessed: bool) -> None:
    export = read_export(name, (FIXTURES / name).read_bytes(), search_id="s")
    assert export.encoding == encoding_name
    assert export.records.loc[0, "title"] == title
    assert export.records.loc[0, "authors"] == author
    assert any("guessed" in reason for reason in export.rejects["reason"]) is guessed


def test_one_wrong_byte_is_repaired_and_said() -> None:
    decoded = decode("a.ris", "Müller and Žižka\n".encode() + b"Ren\xe9\n" + "Łódź".encode())
    assert decoded.text == "Müller and Žižka\nRené\nŁódź"
    assert "1 bytes are not UTF-8 (the first on line 2)" in decoded.note


def test_a_character_cut_at_the_end_keeps_the_rest() -> None:
    decoded = decode("a.ris", "é膝关节炎".encode()[:-1])
    assert decoded.text.startswith("é膝关节")
    assert decoded.note


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"PK\x03\x04rest", "Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"a\x00b\x00", "not text"),
        ("\ufeffa\x00b".encode(), "not text"),
    ],
)
def test_binary_files_are_refused_with_advice(data: bytes, word: str) -> None:
    with pytest.raises(FormatError, match=word) as caught:
        decode("records.xlsx", data)
    assert caught.value.faults[0].advice
    assert caught.value.faults[0].file == "records.xlsx"


def test_a_file_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "LARGEST", 2 * 1024 * 1024)
    with pytest.raises(FormatError, match="a file of 3 MB; wanted at most 2 MB"):
        decode("big.ris", b"x" * (3 * 1024 * 1024))


@given(
    st.binary().filter(lambda data: b"\x00" not in data and not data.startswith((b"PK", b"%PDF", b"\x1f")))
)
def test_no_bytes_raise_and_none_is_dropped(data: bytes) -> None:
    marks = (b"\xff\xfe", b"\xfe\xff", b"\xd0\xcf\x11\xe0")
    if data.startswith(marks):
        return
    decoded = decode("a.ris", data)
    assert bool(decoded.text) is bool(data.removeprefix(b"\xef\xbb\xbf"))
    ascii_bytes = [chr(byte) for byte in data if byte < 128]
    if decoded.encoding != "gb18030":  # there a byte below 128 may be half of a character
        assert [c for c in decoded.text if c < "\x80"] == ascii_bytes


@given(st.binary())
def test_marked_bytes_never_raise_anything_but_a_format_error(data: bytes) -> None:
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\x00\x00"):
        try:
            decode("a.ris", mark + data)
        except FormatError:
            assert b"\x00" in mark + data


@given(st.text())
def test_utf8_is_certain(text: str) -> None:
    if "\x00" in text or text.startswith(("\ufeff", "PK", "%PDF", "\x1f", "SQLite")):
        return
    decoded = decode("a.ris", text.encode())
    assert (decoded.text, decoded.note) == (text, "")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_line_ends_do_not_matter(line_end: str) -> None:
    text = (FIXTURES / "flavours.ris").read_text(encoding="utf-8")
    plain = read_export("a.ris", text.encode(), search_id="s")
    other = read_export("a.ris", text.replace("\n", line_end).encode(), search_id="s")
    assert other.records.equals(plain.records)
    assert unify_line_ends(text.replace("\n", line_end)) == text
