"""What search exports call their columns, as data."""

import re
from collections.abc import Mapping

__all__ = ["FIRST_PAGE", "LAST_PAGE", "REGISTER_HEADERS", "SYNONYMS", "TITLE_HEADERS", "simplify"]


def simplify(name: str) -> str:
    """A column name in lower case with single blanks for everything that is no letter or digit.

    Examples
    --------
    >>> simplify("Author(s)"), simplify("pubmed_id")
    ('author s', 'pubmed id')
    """
    return re.sub(r"[\W_]+", " ", name.lower()).strip()


SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "title": (
        "title", "article title", "document title", "primary title", "title primary", "ti",
        "scientific title",
        "study title", "public title", "display name", "original title", "题名", "标题",
    ),
    "authors": (
        "authors", "author", "author s", "author names", "authors primary", "au", "author full names",
        "authorships author display name", "authorships raw author name", "first author", "作者",
    ),
    "year": (
        "year", "publication year", "published year", "pub year", "py", "year published", "publication date",
        "date",
        "date published", "date of publication", "date registration", "start date", "create date", "年",
    ),
    "source": (
        "journal", "source title", "journal title", "journal book", "publication title", "periodical full",
        "primary location source display name", "publication", "source register", "so", "jf",
        "source", "secondary title",
        "periodical abbrev", "abbreviated source title", "刊名", "来源",
    ),
    "volume": ("volume", "vl", "vol", "biblio volume", "卷"),
    "issue": ("issue", "issue number", "number", "is", "biblio issue", "期"),
    "pages": ("pages", "page range", "page s", "页码"),
    "abstract": ("abstract", "abstract note", "ab", "summary", "brief summary", "摘要"),
    "keywords": (
        "keywords", "author keywords", "index keywords", "mesh terms", "subjects", "manual tags",
        "descriptors",
        "emtree medical index terms", "conditions", "condition", "关键词",
    ),
    "language": (
        "language", "language of original document", "language of article", "output language", "la", "语种",
    ),
    "doi": ("doi", "ids doi", "digital object identifier", "di", "doi link"),
    "pmid": ("pmid", "pubmed id", "medline pmid", "ids pmid", "pubmed number"),
    "registry_id": (
        "nct number", "trialid", "trial id", "ctgov id", "ictrp id", "clinical trial numbers",
        "clinical trial number",
        "registry id", "trial registration", "other ids", "secondary id", "secondary ids",
    ),
    "url": (
        "url", "link", "study url", "web address", "plink", "external url", "source urls",
        "primary location landing page url", "full text link", "embase link",
    ),
    "kind": (
        "publication type", "document type", "item type", "type", "doctype", "reference type", "study type",
    ),
    "note": ("notes", "note", "extra"),
}  # fmt: skip
"""Column of the records table -> simplified names that exports use for it, the preferred one first."""

FIRST_PAGE = ("page start", "start page", "first page", "art no", "article number")
LAST_PAGE = ("page end", "end page", "last page", "other pages")

TITLE_HEADERS = frozenset(SYNONYMS["title"])
REGISTER_HEADERS = frozenset({"nct number", "trialid"})
"""Columns that only a trial register's export has."""
