"""The answer in a few sentences: what the report says first, for a terminal or a message."""

from collections.abc import Iterator

from synovia.report.content import Content
from synovia.report.course_words import word_course
from synovia.report.network_words import word_network
from synovia.report.sentences import word_answer
from synovia.report.unpooled import top_statements

__all__ = ["speak"]


def speak(content: Content) -> tuple[tuple[str, str], ...]:
    """What a review answers, one entry for each leading answer, network, course and statement in words.

    Parameters
    ----------
    content : Content
        Everything the report shows.

    Returns
    -------
    tuple of (str, str)
        Id of the synthesis, network or course, empty for evidence in words only, and what is to be said.
    """
    return (
        *_answers(content),
        *_networks(content),
        *((course.course_id, word_course(course).effects) for course in content.courses if course.fitted),
        *(("", statement.text) for statement in top_statements(content)),
    )


def _networks(content: Content) -> Iterator[tuple[str, str]]:
    for network in content.networks:
        if network.fitted:
            words = word_network(network)
            yield network.network_id, " ".join(part for part in (words.effects, words.size) if part)


def _answers(content: Content) -> Iterator[tuple[str, str]]:
    for answer in content.answers:
        if answer.leading:
            words = word_answer(answer)
            parts = (words.claim, words.basis, *answer.notes[-1:])
            yield answer.synthesis_id, " ".join(part for part in parts if part)
