"""What the exports of a review hold, before the review is run."""

from synovia import formats
from synovia.errors import FormatError
from synovia.review.folder import Folder
from synovia.review.protocol import Protocol

__all__ = ["shown_records"]


def shown_records(folder: Folder, protocol: Protocol) -> tuple[dict[str, str], bool]:
    """Digest of each record as the exports give it, and whether the exports are there and could all be read.

    The digest stands for what a person saw when deciding.
    """
    found: dict[str, str] = {}
    whole = bool(protocol.search)
    for search in protocol.search:
        data = folder.read(search.file) or b""
        try:
            export = formats.read_export(search.file, data, search_id=search.id, format=search.format or None)
        except FormatError:
            whole = False
            continue
        found.update(zip(export.records["record_id"], export.records["digest"], strict=True))
    return found, whole
