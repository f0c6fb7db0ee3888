"""Text to tables and back: search exports in, evidence tables in and out. Bytes and names, never paths."""

from synovia.formats.delimited import read_rows, write_rows, write_table
from synovia.formats.encoding import Decoded, decode
from synovia.formats.sniff import FORMATS, Export, read_export, recognise

__all__ = [
    "FORMATS",
    "Decoded",
    "Export",
    "decode",
    "read_export",
    "read_rows",
    "recognise",
    "write_rows",
    "write_table",
]
