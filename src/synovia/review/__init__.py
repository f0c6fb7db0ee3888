"""The review: a folder on disk, the chain of stages over it, and what comes out."""

from synovia.review.folder import Folder
from synovia.review.results import Results, produce
from synovia.review.review import Review, open  # noqa: A004 - read as sv.open

__all__ = ["Folder", "Results", "Review", "open", "produce"]
