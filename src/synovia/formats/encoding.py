"""Bytes of an export to text: encodings recognised, guesses said, nothing dropped."""

import codecs
import re
from dataclasses import dataclass

from synovia.errors import Fault, FormatError

__all__ = ["LARGEST", "Decoded", "decode", "unify_line_ends"]

LARGEST = 512 * 1024 * 1024
"""Bytes above which a file is refused."""

_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive or an Excel or Word file", "Open it and save the sheet as CSV UTF-8."),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "Open it and save the sheet as CSV UTF-8."),
    (b"%PDF", "a PDF", "Export the records from the database instead, as RIS or CSV."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (b"SQLite format 3\x00", "a database file", "Export the records from the program that made it, as RIS."),
)
_SAVE = "Export it again, or open it in a text editor and save it as UTF-8."
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_UNREADABLE = re.compile("[\udc80-\udcff]")
_WINDOWS = {
    byte: bytes([byte]).decode("cp1252")
    for byte in range(0x80, 0xA0)
    if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text of a file.

    Attributes
    ----------
    text : str
        The text without byte order mark, line ends as in the file.
    encoding : str
        Name of the encoding.
    note : str
        What was guessed or repaired; empty when the encoding is certain.
    """

    text: str
    encoding: str
    note: str = ""


def decode(file: str, data: bytes) -> Decoded:
    """Decode the bytes of an export or a table.

    UTF-8 and files with a byte order mark are certain; GB18030, Windows-1252 and Latin-1 are guesses, and
    UTF-8 with single wrong bytes is repaired; a guess is always said. No byte is dropped.

    Parameters
    ----------
    file : str
        Name used in messages.
    data : bytes
        The whole file.

    Returns
    -------
    Decoded
        Text, encoding and what was guessed.

    Raises
    ------
    FormatError
        When the file is not text, or larger than 512 MB.

    Examples
    --------
    >>> decode("a.ris", "Müller".encode("cp1252")).encoding
    'latin-1'
    """
    _refuse_binary(file, data)
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode_marked(file, data, encoding)
    if b"\x00" in data:
        raise FormatError([Fault("bytes that are not text", "a text file", file, advice=_SAVE)])
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _guess(data)


def _refuse_binary(file: str, data: bytes) -> None:
    if len(data) > LARGEST:
        size = f"a file of {len(data) / 2**20:.0f} MB"
        wanted = f"at most {LARGEST // 2**20} MB"
        raise FormatError([Fault(size, wanted, file, advice="Export the search in several parts.")])
    for signature, name, advice in _BINARY:
        if data.startswith(signature):
            raise FormatError([Fault(name, "a text file", file, advice=advice)])


def _decode_marked(file: str, data: bytes, encoding: str) -> Decoded:
    name = "utf-8 with byte order mark" if encoding == "utf-8-sig" else encoding
    try:
        decoded = Decoded(data.decode(encoding), name)
    except UnicodeDecodeError:
        if encoding == "utf-8-sig":
            decoded = _guess(data[len(codecs.BOM_UTF8) :])
        else:
            text = data.decode(encoding, errors="backslashreplace")
            decoded = Decoded(text, name, f"damaged {encoding}: unreadable bytes are written as \\x..")
    if "\x00" in decoded.text:
        raise FormatError([Fault("characters that are not text", "a text file", file, advice=_SAVE)])
    return decoded


def _guess(data: bytes) -> Decoded:
    """Damaged UTF-8, GB18030 or a Western encoding, whichever the bytes above 127 speak for."""
    lenient = data.decode("utf-8", errors="surrogateescape")
    places = [found.start() for found in _UNREADABLE.finditer(lenient)]
    wrong = len(places)
    right = sum(map(len, _HIGH_RUN.findall(data))) - wrong
    if places and right > 2 * wrong:
        first = lenient.count("\n", 0, places[0]) + 1
        note = f"{wrong} bytes are not UTF-8 (the first on line {first}) and were read as Windows-1252"
        return Decoded(_UNREADABLE.sub(lambda m: _western(ord(m[0]) - 0xDC00), lenient), "utf-8", note)
    if _looks_chinese(data):
        text = data.decode("gb18030", errors="backslashreplace")
        return Decoded(text, "gb18030", "encoding guessed: GB18030; check the Chinese characters")
    name = "windows-1252" if re.search(rb"[\x80-\x9f]", data) else "latin-1"
    text = data.decode("latin-1").translate(_WINDOWS)
    return Decoded(text, name, f"encoding guessed: {name}; check the accented letters")


def _western(byte: int) -> str:
    return _WINDOWS.get(byte, chr(byte))


def _looks_chinese(data: bytes) -> bool:
    """Whether bytes above 127 mostly stand together, as in Chinese text, and decode to Chinese characters."""
    runs = [len(run) for run in _HIGH_RUN.findall(data)]
    together = sum(run for run in runs if run >= 2)
    if together < 0.8 * sum(runs):
        return False
    text = data.decode("gb18030", errors="backslashreplace")
    chinese = len(re.findall("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", text))
    return chinese > 0.7 * sum(character > "\x7f" for character in text)


def unify_line_ends(text: str) -> str:
    r"""The text with every line end (CR LF, CR alone) written as LF.

    Examples
    --------
    >>> unify_line_ends("a\r\nb\rc\n")
    'a\nb\nc\n'
    """
    if "\r" not in text:
        return text
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
