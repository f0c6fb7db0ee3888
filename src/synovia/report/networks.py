"""Networks as the templates read them: numbers printed, drawings made, every group with its rows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from synovia import tables
from synovia.report.anchors import Places, anchor
from synovia.report.bars import draw_bar, limit_of
from synovia.report.content import Content
from synovia.report.evidence import row_links
from synovia.report.figures import inline
from synovia.report.network_content import PRIMARY, NetworkAnswer
from synovia.report.network_figures import forest_of_network, graph_of, ranks_of, split_of
from synovia.report.network_words import NetworkWords, percent_of, word_network
from synovia.report.numerals import Reading, count, decimal, p_value, reading_of
from synovia.report.rows import Cells, rows_of

__all__ = ["NetworkView", "network_views"]


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One node against the reference, printed."""

    label: str
    bar: Markup
    estimate: str
    interval: str
    prediction: str
    k: str
    evidence: str
    better: str
    by_mid: str
    in_trial: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of one trial, printed, with the rows of evidence it came from."""

    study: str
    label: str
    node: str
    arms: str
    measure: str
    numbers: str
    caution: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class NetworkView:
    """One network, ready to be shown; tables as heads and rows of printed cells."""

    anchor: str
    answer: NetworkAnswer
    words: NetworkWords
    drawings: tuple[tuple[str, str, Markup], ...]
    options: tuple[OptionRow, ...]
    league: tuple[tuple[str, ...], ...]
    splits: tuple[tuple[str, ...], ...]
    ranks: tuple[tuple[str, ...], ...]
    parts: tuple[tuple[str, ...], ...]
    sources: tuple[str, ...]
    shares: tuple[tuple[str, ...], ...]
    cases: tuple[str, ...]
    varied: tuple[tuple[str, ...], ...]
    groups: tuple[GroupRow, ...]
    apart: tuple[tuple[str, str], ...]
    omissions: tuple[Cells, ...]

    @property
    def unit(self) -> str:
        """What the numbers are."""
        reading = reading_of(str(self.answer.facts().get("measure", "")))
        return reading.name or reading.unit


def network_views(content: Content, places: Places) -> tuple[NetworkView, ...]:
    """Every network of a content.

    Parameters
    ----------
    content : Content
        Everything the report shows.
    places : Places
        What a link may point at.
    """
    return tuple(_view(answer, places, number) for number, answer in enumerate(content.networks, start=1))


def _view(answer: NetworkAnswer, places: Places, number: int) -> NetworkView:
    reading = reading_of(str(answer.facts().get("measure", "")))
    sources, shares = _contributions(answer)
    return NetworkView(
        anchor=anchor("network", answer.network_id),
        answer=answer,
        words=word_network(answer),
        drawings=tuple(_drawings(answer, number)),
        options=_options(answer, reading),
        league=_league(answer, reading),
        splits=_splits(answer, reading),
        ranks=_ranks(answer),
        parts=_parts(answer),
        sources=sources,
        shares=shares,
        cases=tuple(case.label for case in answer.cases),
        varied=_varied(answer, reading),
        groups=_groups(answer, places),
        apart=_apart(answer),
        omissions=rows_of(answer.omissions),
    )


_DRAWINGS: tuple[tuple[str, str, Callable[[NetworkAnswer], Figure | None], str], ...] = (
    (
        "graph",
        "Network graph",
        graph_of,
        "Circles are options, their area the people; lines are comparisons made by trials, their number "
        "written on them; shaded areas are trials of three groups or more.",
    ),
    (
        "forest",
        "Against the reference",
        forest_of_network,
        "Network estimates and their confidence intervals.",
    ),
    (
        "ranks",
        "Ranks",
        ranks_of,
        "Bars are the probability of each rank, the line that of this rank or a better one; a flat row says "
        "that the data do not tell where an option stands.",
    ),
    (
        "split",
        "Direct and indirect evidence",
        split_of,
        "Comparisons that have both kinds of evidence: what trials of the two say, what the rest of the "
        "network says, and both together.",
    ),
)


def _drawings(answer: NetworkAnswer, number: int) -> list[tuple[str, str, Markup]]:
    found = []
    for kind, title, make, told in _DRAWINGS:
        figure = make(answer)
        if figure is not None:
            drawn = inline(figure, f"network-{number}-{kind}", f"{title}: {answer.label}", told)
            found.append((title, told, drawn))
    return found


def _options(answer: NetworkAnswer, reading: Reading) -> tuple[OptionRow, ...]:
    rows = rows_of(answer.against_reference())
    known = {str(row["node"]): row for row in rows_of(answer.rows(tables.NETWORK_POSTERIORS))}
    names = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper")
    limit = limit_of([[float(str(row[name])) for name in names] for row in rows])
    return tuple(_option(answer, reading, row, known.get(str(row["node"]), {}), limit) for row in rows)


def _option(answer: NetworkAnswer, reading: Reading, row: Cells, posterior: Cells, limit: float) -> OptionRow:
    low, high, near, far = (
        float(str(row[name])) for name in ("lower", "upper", "prediction_lower", "prediction_upper")
    )
    side = "lower" if high < 0 else "higher" if low > 0 else ""
    kind = "neither" if not side else "treatment" if side == answer.better else "comparator"
    chances = [
        percent_of(posterior.get(name, float("nan")))
        for name in ("better", "better_by_mid", "trial_better_by_mid")
    ]
    return OptionRow(
        label=answer.labels[str(row["node"])],
        bar=draw_bar(float(str(row["estimate"])), (low, high), (near, far), limit=limit, kind=kind),
        estimate=reading.text(row["estimate"]),
        interval=reading.span(low, high),
        prediction="–" if math.isnan(near) else reading.span(near, far),
        k=count(row["k"]),
        evidence=_evidence(row),
        better=chances[0],
        by_mid=chances[1],
        in_trial=chances[2],
    )


def _evidence(row: Cells) -> str:
    if row["evidence"] == "indirect only":
        return "indirect only"
    kind = "one trial" if row["k"] == 1 else f"{count(row['k'])} trials"
    return kind if row["evidence"] == "direct only" else f"{kind}, and indirect"


def _cell(reading: Reading, row: Cells, name: str, *, turned: bool = False) -> str:
    """An estimate and its interval, the other way round where a league table asks for it."""
    ends = ("lower", "upper") if name == "estimate" else (f"{name}_lower", f"{name}_upper")
    estimate, low, high = (float(str(row[key])) for key in (name, *ends))
    if math.isnan(estimate):
        return ""
    if turned:
        estimate, low, high = -estimate + 0.0, -high, -low
    return f"{reading.text(estimate)} ({reading.span(low, high)})"


def _league(answer: NetworkAnswer, reading: Reading) -> tuple[tuple[str, ...], ...]:
    """The best node first: network estimates below the diagonal, direct ones above, left minus right."""
    order = [str(node) for node in answer.rows(tables.NETWORK_RANKS)["node"]]
    pairs = {(str(r["node"]), str(r["comparator"])): r for r in rows_of(answer.rows(tables.NETWORK_EFFECTS))}
    lines = []
    for i, one in enumerate(order):
        cells = []
        for j, other in enumerate(order):
            name, left, right = ("estimate", other, one) if j < i else ("direct", one, other)
            if i == j:
                cells.append(answer.labels[one])
            elif (left, right) in pairs:
                cells.append(_cell(reading, pairs[left, right], name))
            else:
                cells.append(_cell(reading, pairs[right, left], name, turned=True))
        lines.append(tuple(cells))
    return tuple(lines)


def _splits(answer: NetworkAnswer, reading: Reading) -> tuple[tuple[str, ...], ...]:
    rows = rows_of(answer.rows(tables.NETWORK_EFFECTS).query("k > 0"))
    return tuple(
        (
            f"{answer.labels[str(row['node'])]} against {answer.labels[str(row['comparator'])]}",
            count(row["k"]),
            _cell(reading, row, "direct"),
            _cell(reading, row, "indirect") or "none",
            _cell(reading, row, "estimate"),
            percent_of(row["direct_share"]) if row["evidence"] == "mixed" else "all",
            p_value(row["difference_p_value"]) if row["evidence"] == "mixed" else "cannot be tested",
        )
        for row in rows
    )


def _ranks(answer: NetworkAnswer) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            answer.labels[str(row["node"])],
            decimal(row["p_score"], 2),
            decimal(row["mean_rank"], 1),
            f"{count(row['rank_lower'])} to {count(row['rank_upper'])}",
            percent_of(row["best"]),
            percent_of(row["near_best"]),
            percent_of(row["worst"]),
        )
        for row in rows_of(answer.rows(tables.NETWORK_RANKS))
    )


def _parts(answer: NetworkAnswer) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            _part(answer, str(row["part"])),
            count(row["k"]),
            "–" if row["q"] != row["q"] else decimal(row["q"], 1),
            count(row["df"]),
            p_value(row["p_value"]),
            str(row["note"]),
        )
        for row in rows_of(answer.rows(tables.NETWORK_INCOHERENCE))
    )


def _part(answer: NetworkAnswer, name: str) -> str:
    """A design by the labels of its nodes; another part of Q as it is called."""
    nodes = name.split(":")
    return ", ".join(answer.labels[node] for node in nodes) if set(nodes) <= set(answer.labels) else name


def _contributions(answer: NetworkAnswer) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The direct comparisons, and what each gives to every node against the reference, in percent."""
    rows = answer.rows(tables.NETWORK_CONTRIBUTIONS)
    rows = rows[(rows["kind"] == "comparison") & (rows["comparator"] == answer.reference)]
    sources = list(dict.fromkeys(rows["source"]))
    lines = []
    for node, own in rows.groupby("node", sort=False):
        shares = dict(zip(own["source"], own["contribution"], strict=True))
        lines.append((answer.labels[str(node)], *(_share(shares[source]) for source in sources)))
    named = [" against ".join(answer.labels[name] for name in source.split(" : ")) for source in sources]
    return tuple(named), tuple(lines)


def _share(value: float) -> str:
    return "" if value < 0.05 else decimal(value, 1)


def _varied(answer: NetworkAnswer, reading: Reading) -> tuple[tuple[str, ...], ...]:
    """Every node against the reference, as planned and in each sensitivity analysis."""
    variants = [PRIMARY, *(case.id for case in answer.cases)]
    every = [{str(r["node"]): r for r in rows_of(answer.against_reference(name))} for name in variants]
    return tuple(
        (
            answer.labels[node],
            *(_with_k(reading, rows[node]) if node in rows else "–" for rows in every),
        )
        for node in every[0]
    )


def _with_k(reading: Reading, row: Cells) -> str:
    return f"{_cell(reading, row, 'estimate')}, {count(row['k'])} direct"


def _groups(answer: NetworkAnswer, places: Places) -> tuple[GroupRow, ...]:
    return tuple(_group(answer, row, places) for row in rows_of(answer.rows(tables.NETWORK_ARMS)))


def _group(answer: NetworkAnswer, row: Cells, places: Places) -> GroupRow:
    study = anchor("study", row["study_id"])
    numbers = (
        f"{decimal(row['mean'], 1)} (SD {decimal(row['sd'], 1)})"
        if row["statistic"] != "events"
        else f"{count(row['events'])} events"
    )
    return GroupRow(
        study=study if places.has(study) else "",
        label=str(row["label"]),
        node=answer.labels[str(row["node"])],
        arms=str(row["arm_id"]),
        measure=f"{row['measure']}, {row['statistic']}, week {count(row['weeks'])}",
        numbers=f"{numbers}, n {count(row['n'])}",
        caution=str(row["caution"]),
        lines=row_links(places, str(row["lines"])),
    )


def _apart(answer: NetworkAnswer) -> tuple[tuple[str, str], ...]:
    """Nodes that are not connected, those with the same reason together."""
    found: dict[str, list[str]] = {}
    for row in rows_of(answer.rows(tables.NETWORK_NODES).query("status != 'connected'")):
        found.setdefault(str(row["reason"]), []).append(str(row["label"]))
    return tuple((_join(names), reason) for reason, names in found.items() if reason)


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)
