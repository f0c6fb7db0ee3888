"""The report: one offline HTML file with the answer first and every number one click from its source."""

from synovia.report.content import SHOWN, Answer, Content, Fact, Methods, Mid, Search, Variant
from synovia.report.prisma import flow_counts, identities
from synovia.report.render import render
from synovia.report.sentences import Wording, word_answer

__all__ = [
    "SHOWN",
    "Answer",
    "Content",
    "Fact",
    "Methods",
    "Mid",
    "Search",
    "Variant",
    "Wording",
    "flow_counts",
    "identities",
    "render",
    "word_answer",
]
