"""The results of a review before they are on disk."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Output"]


@dataclass(frozen=True, slots=True)
class Output:
    """Results as bytes, and what the command line says of them.

    Attributes
    ----------
    files : mapping of str to bytes
        Content by name, relative to the folder of results.
    sentences : tuple of (str, str)
        Synthesis id and the sentence that answers it, the leading ones.
    cautions : tuple of str
        What a reader must know.
    """

    files: Mapping[str, bytes]
    sentences: tuple[tuple[str, str], ...]
    cautions: tuple[str, ...]
