"""Drawings of the report: tidy frames made from the content, handed to ``synovia.plots``, returned as SVG."""

import math
import re

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synovia import plots, tables
from synovia.report.content import Answer, Content
from synovia.report.numerals import Reading, count, reading_of

__all__ = [
    "draw_flow",
    "draw_forest",
    "draw_funnel",
    "draw_map",
    "draw_timecourse",
    "flow_of",
    "forest_of",
    "funnel_of",
    "inline",
    "map_of",
    "timecourse_frame",
    "timecourse_labels",
    "timecourse_of",
]

_FLOW_BOXES = (
    "identified-databases",
    "identified-registers",
    "removed-duplicates",
    "removed-automatic",
    "removed-other",
    "screened",
    "excluded",
    "awaiting",
    "sought",
    "not-retrieved",
    "assessed",
    "excluded-full-text",
    "included-studies",
    "included-reports",
)
_OTHER_BOXES = {
    "identified-other": "identified-other",
    "other-sought": "other-sought",
    "other-not-retrieved": "other-not-retrieved",
    "other-assessed": "other-assessed",
    "other-excluded-full-text": "other-excluded",
}
_FALLEN = ("other-duplicates", "other-excluded", "other-awaiting", "other-same-report")


def inline(figure: Figure, name: str, title: str, description: str) -> Markup:
    """The figure as SVG inside the page; plots escapes every text it draws."""
    svg = plots.to_svg(figure, prefix=f"drawing-{name}", title=title, description=description, inline=True)
    return Markup(_name_once(svg))  # noqa: S704 - made by matplotlib, whose writer escapes texts


_NAME = re.compile(r' id="([^"]*)"(?=[^<>]*>)')


def _name_once(svg: str) -> str:
    """The drawing without the second and further uses of a name: names are unique in a page."""
    seen: set[str] = set()

    def keep(match: re.Match[str]) -> str:
        repeated = match.group(1) in seen
        seen.add(match.group(1))
        return "" if repeated else match.group()

    return _NAME.sub(keep, svg)


def _figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    if figure is None:
        raise RuntimeError("a new axes always has a figure")
    return figure


def _is_log(reading: Reading) -> bool:
    return bool(reading.name)


def _scale_label(answer: Answer) -> str:
    reading = reading_of(str(answer.estimate.get("measure", "")))
    if reading.name:
        return reading.name.capitalize()
    kind = "Difference" if answer.comparator else "Change"
    return f"{kind} in {answer.outcome}, {reading.unit}"


def _sides(answer: Answer) -> tuple[str, str]:
    """What the left and the right of no effect mean."""
    if not answer.comparator:
        return ("lower than before", "higher than before")
    pair = (f"favours {answer.treatment}", f"favours {answer.comparator}")
    return pair if answer.better == "lower" else (pair[1], pair[0])


def _summary(answer: Answer) -> pd.DataFrame:
    """The pooled result as one row of the forest; none for a single study."""
    if answer.estimate.get("status") != "pooled":
        return pd.DataFrame()
    names = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper")
    numbers = {name: answer.estimate.get(name, math.nan) for name in names}
    return pd.DataFrame([{"label": "Pooled", **numbers, "subgroup": "", "text": ""}])


def forest_of(answer: Answer) -> Figure | None:
    """Forest plot of one answer; None when it has no effects."""
    if answer.contributions.empty:
        return None
    reading = reading_of(str(answer.estimate.get("measure", "")))
    return plots.forest_figure(
        answer.contributions,
        _summary(answer),
        scale_label=_scale_label(answer),
        favours=_sides(answer),
        columns=("n", "effect", "weight"),
        log=_is_log(reading),
        mid=answer.mid.value if answer.mid and answer.mid.kind == "group" else None,
    )


def draw_forest(answer: Answer, name: str) -> Markup:
    """Forest plot of one answer inside the page; empty when it has no effects."""
    figure = forest_of(answer)
    if figure is None:
        return Markup()
    title = f"Forest plot: {answer.comparison}, {answer.outcome}, {answer.window}"
    told = f"{len(answer.contributions)} effects with their intervals; the numbers stand in the table below."
    return inline(figure, name, title, told)


def funnel_of(answer: Answer) -> Figure | None:
    """Funnel plot of one answer; None below three studies."""
    k = answer.estimate.get("k", 0)
    if answer.estimate.get("status") != "pooled" or not isinstance(k, int | float) or k < 3:
        return None
    centre = answer.estimate.get("estimate")
    reading = reading_of(str(answer.estimate.get("measure", "")))
    axes = plots.funnel(
        answer.contributions,
        centre=float(centre) if isinstance(centre, int | float) else 0.0,
        scale_label=_scale_label(answer),
        log=_is_log(reading),
    )
    return _figure_of(axes)


def draw_funnel(answer: Answer, name: str) -> Markup:
    """Funnel plot of one answer inside the page; empty below three studies."""
    figure = funnel_of(answer)
    if figure is None:
        return Markup()
    title = f"Funnel plot: {answer.comparison}, {answer.outcome}, {answer.window}"
    told = f"Effects of {count(answer.estimate.get('k'))} studies against their standard errors."
    return inline(figure, name, title, told)


def flow_of(counts: pd.DataFrame) -> Figure:
    """PRISMA 2020 flow diagram of the counts of :func:`synovia.report.prisma.flow_counts`."""
    told = counts.set_index("box")
    rows = [
        {"box": name, "count": told["count"][name], "detail": told["detail"][name]} for name in _FLOW_BOXES
    ]
    rows = [row for row in rows if row["box"] != "awaiting" or row["count"]]
    if told["count"]["identified-other"]:
        rows += [
            {"box": box, "count": told["count"][name], "detail": _other_detail(told, name)}
            for name, box in _OTHER_BOXES.items()
        ]
    waiting = int(told["count"]["reports-awaiting"] + told["count"]["other-reports-awaiting"])
    for row in rows:
        if row["box"] == "assessed" and waiting:
            row["detail"] = f"Reports awaiting a decision: {waiting}"
    return plots.flow_figure(pd.DataFrame(rows))


def draw_flow(counts: pd.DataFrame) -> Markup:
    """PRISMA 2020 flow diagram inside the page."""
    return inline(
        flow_of(counts), "flow", "PRISMA 2020 flow diagram", "The table beside it has every number."
    )


def _other_detail(told: pd.DataFrame, name: str) -> str:
    if name != "identified-other":
        return str(told["detail"][name])
    fallen = [f"{told['label'][box]}: {told['count'][box]}" for box in _FALLEN if told["count"][box]]
    return "\n".join([str(told["detail"][name]), *(["Not sought:", *fallen] if fallen else [])])


def map_of(content: Content) -> Figure | None:
    """Evidence map of the findings in words: cargo against outcome domain; None when there are none."""
    findings = content.table(tables.FINDINGS)
    shown = findings[findings["setting"] != "human"]
    if shown.empty:
        return None
    preparations = content.table(tables.PREPARATIONS)
    cargo = dict(zip(preparations["study_id"], preparations["cargo_type"], strict=True))
    rows = [cargo.get(study) or "cargo not stated" for study in shown["study_id"]]
    columns = [
        f"{domain} ({setting})" for domain, setting in zip(shown["domain"], shown["setting"], strict=True)
    ]
    cells = pd.DataFrame({"row": rows, "column": columns, "direction": list(shown["direction"]), "n": 1.0})
    order = sorted(
        dict.fromkeys(columns), key=lambda text: ("(in vivo)" not in text, -columns.count(text), text)
    )
    return plots.evidence_map_figure(cells, columns=order)


def draw_map(content: Content) -> Markup:
    """Evidence map inside the page; empty when there are no findings."""
    figure = map_of(content)
    told = "Studies by cargo and outcome; the table below has each finding."
    return Markup() if figure is None else inline(figure, "map", "Evidence map", told)


def timecourse_frame(content: Content, outcome: str, statistic: str) -> pd.DataFrame:
    """Arms over time on 0-100, as the figure takes them.

    Parameters
    ----------
    content : Content
        Whose ``arm_data`` is read.
    outcome : str
        Outcome id.
    statistic : str
        ``mean`` or ``mean change``.

    Returns
    -------
    DataFrame
        ``study_id, label, arm, treatment, weeks, mean, lower, upper, n``: of each study the instrument
        with the most times, the first of them on a tie, and only arms seen at two times or more.
        Limits are the mean plus and minus 1.96 standard errors.
    """
    data = content.table(tables.ARM_DATA)
    rows = data[(data["outcome"] == outcome) & (data["statistic"] == statistic) & data["weeks"].notna()]
    names = dict(zip(*(content.table(tables.STUDIES)[name] for name in ("study_id", "label")), strict=True))
    kept = [_one_measure(group) for _, group in rows.groupby("study_id", sort=False)]
    found = pd.concat(kept, ignore_index=True) if kept else rows
    half = 1.96 * found["sd"] / found["n"] ** 0.5
    frame = pd.DataFrame(
        {
            "study_id": found["study_id"],
            "label": [names.get(study, study) for study in found["study_id"]],
            "arm": found["arm_id"],
            "treatment": [content.treatments.get(name, name) for name in found["treatment"]],
            "weeks": found["weeks"],
            "mean": found["mean"],
            "lower": found["mean"] - half,
            "upper": found["mean"] + half,
            "n": found["n"],
        }
    )
    return _seen_twice(frame)


def _one_measure(group: pd.DataFrame) -> pd.DataFrame:
    times = group.groupby("measure", sort=False)["weeks"].nunique()
    return group[group["measure"] == times.idxmax()]


def _seen_twice(frame: pd.DataFrame) -> pd.DataFrame:
    times = frame.groupby(["study_id", "arm"])["weeks"].transform("nunique")
    return frame[times > 1].reset_index(drop=True)


def timecourse_labels(outcome: str) -> tuple[tuple[str, str], ...]:
    """The two time courses of an outcome: statistic, and what its axis says."""
    return (
        ("mean", f"{outcome.capitalize()}, 0–100, higher is worse"),
        ("mean change", f"Change in {outcome} from the start, points on 0–100"),
    )


def timecourse_of(content: Content, outcome: str, statistic: str, label: str) -> Figure | None:
    """Means of arms over time, one panel a study; None when no study has them."""
    frame = timecourse_frame(content, outcome, statistic)
    return None if frame.empty else plots.timecourse_figure(frame, 3, scale_label=label)


def draw_timecourse(content: Content, outcome: str, statistic: str, label: str) -> Markup:
    """Means of arms over time inside the page; empty when no study has them."""
    figure = timecourse_of(content, outcome, statistic, label)
    if figure is None:
        return Markup()
    name = "timecourse-" + statistic.replace(" ", "-")
    return inline(
        figure, name, f"Time course: {label}", "One panel a study; the numbers stand in the appendix."
    )
