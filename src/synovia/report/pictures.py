"""The report's drawings as figures of their own, for manuscripts and slides."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from synovia.report import figures
from synovia.report.content import Answer, Content
from synovia.report.courses import course_of
from synovia.report.network_content import NetworkAnswer
from synovia.report.network_figures import forest_of_network, graph_of, ranks_of, split_of
from synovia.report.prisma import content_flow

__all__ = ["pictures"]


_NETWORK = (("graph", graph_of), ("forest", forest_of_network), ("ranks", ranks_of), ("split", split_of))


def pictures(content: Content) -> Iterator[tuple[str, Figure]]:
    """Name and figure of the flow, of every pooled answer, of the time courses and of the evidence map.

    Parameters
    ----------
    content : Content
        Everything the report shows.

    Yields
    ------
    tuple of (str, Figure)
        The name is a file's stem, the figure matplotlib's.
    """
    yield "prisma-flow", figures.flow_of(content_flow(content))
    for answer in content.answers:
        if answer.estimate.get("status") == "pooled":
            yield from _pooled(answer)
    for network in content.networks:
        yield from _connected(network)
    yield from _courses(content)
    if content.answers:
        first = content.answers[0]
        for statistic, label in figures.timecourse_labels(first.outcome):
            figure = figures.timecourse_of(content, str(first.estimate["outcome"]), statistic, label)
            if figure is not None:
                yield f"timecourse-{statistic.replace(' ', '-')}", figure
    chart = figures.map_of(content)
    if chart is not None:
        yield "evidence-map", chart


def _connected(network: NetworkAnswer) -> Iterator[tuple[str, Figure]]:
    for kind, make in _NETWORK:
        figure = make(network)
        if figure is not None:
            yield f"network-{kind}-{network.network_id}", figure


def _courses(content: Content) -> Iterator[tuple[str, Figure]]:
    for course in content.courses:
        figure = course_of(course)
        if figure is not None:
            yield f"course-{course.course_id}", figure


def _pooled(answer: Answer) -> Iterator[tuple[str, Figure]]:
    for kind, figure in (("forest", figures.forest_of(answer)), ("funnel", figures.funnel_of(answer))):
        if figure is not None:
            yield f"{kind}-{answer.synthesis_id}", figure
