"""Records, rejects, duplicate pairs and clusters: what the searches brought."""

from synovia.tables.schema import Column, Table

__all__ = ["CLUSTERS", "MERGES", "PAIRS", "RECORDS", "REJECTS"]

RECORDS = Table(
    "records",
    "one record of one search export",
    (
        Column("record_id", "text", "search id and running number: pubmed-0001", required=True),
        Column("search_id", "text", "the search in review.toml that brought it", required=True),
        Column("file", "text", "export file, relative to the review folder", required=True),
        Column("line", "integer", "line of the file on which the record starts", at_least=1),
        Column("format", "text", "format it was read as: ris, nbib, bibtex, csv"),
        Column("kind", "text", "type of document as the export names it"),
        Column("title", "text", "title"),
        Column("authors", "text", "authors as printed, joined by '; '"),
        Column("year", "integer", "year of publication", at_least=1500, at_most=2200),
        Column("source", "text", "journal, book or register"),
        Column("volume", "text", "volume"),
        Column("issue", "text", "issue"),
        Column("pages", "text", "first to last page, or article number"),
        Column("abstract", "text", "abstract"),
        Column("keywords", "text", "keywords, joined by '; '"),
        Column("language", "text", "language as the export names it"),
        Column("doi", "text", "DOI, lower case, without resolver"),
        Column("pmid", "text", "PubMed identifier"),
        Column("registry_id", "text", "trial registry identifiers, joined by '; '"),
        Column("url", "text", "address as the export gives it"),
        Column("note", "text", "notes of the export"),
        Column("digest", "text", "sha256 of the record's raw text"),
    ),
    ("record_id",),
)

REJECTS = Table(
    "rejects",
    "one piece of an export that could not be read as a record, kept as it stands",
    (
        Column("search_id", "text", "the search in review.toml", required=True),
        Column("file", "text", "export file", required=True),
        Column("line", "integer", "line on which the piece starts", at_least=1),
        Column("reason", "text", "why it was not read", required=True),
        Column("advice", "text", "what to do about it"),
        Column("raw", "text", "the piece itself"),
    ),
    ("search_id", "file", "line"),
)

PAIRS = Table(
    "pairs",
    "two records that are evidently one, with the evidence",
    (
        Column("record_id", "text", "the earlier record", required=True),
        Column("other_id", "text", "the later record", required=True),
        Column(
            "rule",
            "text",
            "rule that linked them: doi, pmid, registry_id, person; or 'kept apart', with the reason",
            required=True,
        ),
        Column("evidence", "text", "what they share", required=True),
    ),
    ("record_id", "other_id", "rule"),
)

CLUSTERS = Table(
    "clusters",
    "one record and the cluster of duplicates it belongs to",
    (
        Column("record_id", "text", "record", required=True),
        Column("cluster_id", "text", "the record that stands for the cluster", required=True),
        Column("because", "text", "evidence that put it there, empty for the record that stands for it"),
    ),
    ("record_id",),
)

MERGES = Table(
    "merges",
    "one person's decision that two records are one, or that they are not",
    (
        Column("record_id", "text", "record", required=True),
        Column("other_id", "text", "the other record", required=True),
        Column(
            "decision", "text", "merge: one report; split: two", required=True, choices=("merge", "split")
        ),
        Column("reviewer", "text", "who decided", required=True),
        Column("reason", "text", "why", required=True),
    ),
    ("record_id", "other_id"),
)
