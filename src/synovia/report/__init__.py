"""The report: one offline HTML file with the answer first and every number one click from its source."""

from synovia.report.content import SHOWN, Answer, Content, Fact, Methods, Search, Variant
from synovia.report.course_content import CourseAnswer
from synovia.report.mid import Mid
from synovia.report.network_content import NETWORK_TABLES, NetworkAnswer, NetworkCase
from synovia.report.pictures import pictures
from synovia.report.prisma import content_flow, flow_counts, identities
from synovia.report.render import render
from synovia.report.sentences import Wording, word_answer
from synovia.report.spoken import speak

__all__ = [
    "NETWORK_TABLES",
    "SHOWN",
    "Answer",
    "Content",
    "CourseAnswer",
    "Fact",
    "Methods",
    "Mid",
    "NetworkAnswer",
    "NetworkCase",
    "Search",
    "Variant",
    "Wording",
    "content_flow",
    "flow_counts",
    "identities",
    "pictures",
    "render",
    "speak",
    "word_answer",
]
