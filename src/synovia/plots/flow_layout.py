"""A PRISMA 2020 flow diagram before it is drawn: boxes of wrapped text and arrows between them, in points."""

from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from synovia.errors import Fault, TableError
from synovia.plots.style import numbers_of, plain, texts_of, wrap

__all__ = ["BOXES", "SIZE", "Arrow", "Box", "Diagram", "arrange"]

SIZE = 8.5
_LEADING, _PAD, _MAIN, _SIDE, _GUTTER, _RISE, _BAND = 11.5, 8.0, 190.0, 180.0, 26.0, 22.0, 22.0

BOXES: dict[str, tuple[str, str]] = {
    "identified-databases": ("identified", "Databases"),
    "identified-registers": ("identified", "Registers"),
    "removed-duplicates": ("removed", "Duplicate records"),
    "removed-automatic": ("removed", "Records marked as ineligible by automation tools"),
    "removed-other": ("removed", "Records removed for other reasons"),
    "screened": ("screened", "Records screened"),
    "excluded": ("excluded", "Records excluded"),
    "awaiting": ("awaiting", "Records awaiting a decision"),
    "sought": ("sought", "Reports sought for retrieval"),
    "not-retrieved": ("not-retrieved", "Reports not retrieved"),
    "assessed": ("assessed", "Reports assessed for eligibility"),
    "excluded-full-text": ("excluded-full-text", "Reports excluded"),
    "identified-other": ("identified-other", "Records identified by other methods"),
    "other-sought": ("other-sought", "Reports sought for retrieval"),
    "other-not-retrieved": ("other-not-retrieved", "Reports not retrieved"),
    "other-assessed": ("other-assessed", "Reports assessed for eligibility"),
    "other-excluded": ("other-excluded", "Reports excluded"),
    "included-studies": ("included", "Studies included in the review"),
    "included-reports": ("included", "Reports of included studies"),
}
"""Every box identifier of the counts, the box it is printed in, and its words when the frame gives none."""

_LEAST = {"Identification": 74.0, "Screening": 32.0, "Included": 58.0}
_HEADS = {"identified": "Records identified from:", "removed": "Records removed before screening:"}
_ROWS: tuple[tuple[tuple[tuple[str, ...], ...], str], ...] = (
    ((("identified",), ("removed",), ("identified-other",), ()), "Identification"),
    ((("screened",), ("excluded", "awaiting"), (), ()), "Screening"),
    ((("sought",), ("not-retrieved",), ("other-sought",), ("other-not-retrieved",)), "Screening"),
    ((("assessed",), ("excluded-full-text",), ("other-assessed",), ("other-excluded",)), "Screening"),
    ((("included",), (), (), ()), "Included"),
)


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its lines of text, the quiet ones marked, and its place in points from the upper left."""

    name: str
    lines: tuple[tuple[str, bool], ...]
    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Height of its middle."""
        return self.top + self.height / 2

    @property
    def centre(self) -> float:
        """Place of its middle across."""
        return self.left + self.width / 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """Corners of an arrow, the head at the last one."""

    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """Boxes, arrows, phases (name, top, bottom), heads of columns (words, left, width), and the size."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    phases: tuple[tuple[str, float, float], ...]
    heads: tuple[tuple[str, float, float], ...]
    width: float
    height: float


def _refuse_unknown(counts: pd.DataFrame) -> None:
    faults = [
        Fault(
            found=repr(name),
            wanted="one of " + ", ".join(BOXES),
            column="box",
            advice="Name the box of the PRISMA 2020 diagram that the count belongs in.",
        )
        for name in texts_of(counts, "box")
        if name not in BOXES
    ]
    if faults:
        raise TableError(faults)


def _count_text(count: float) -> str:
    return f"(n = {count:,.10g})" if abs(count) < float("inf") else "(n not reported)"


def _wrapped(text: str, width: float) -> list[str]:
    """Lines of the text, a count in brackets never broken."""
    whole = plain(text).replace("(n = ", "(n\u00a0=\u00a0")
    return [line.replace("\u00a0", " ") for line in wrap(whole, width, SIZE)]


def _entry(words: str, count: float, detail: str, width: float) -> list[tuple[str, bool]]:
    """Lines of one count: its words with the number, and its quieter details below."""
    lines = [(line, False) for line in _wrapped(f"{words} {_count_text(count)}", width)]
    for part in filter(None, map(plain, detail.splitlines())):
        lines += [(line, True) for line in _wrapped(part, width - 10)]
    return lines


def _texts(counts: pd.DataFrame, widths: dict[str, float]) -> dict[str, list[tuple[str, bool]]]:
    """Lines of every box that has a count."""
    found: dict[str, list[tuple[str, bool]]] = {}
    details = [str(d) if isinstance(d, str) else "" for d in counts.get("detail", [""] * len(counts))]
    cells = zip(
        texts_of(counts, "box"), texts_of(counts, "label"), numbers_of(counts, "count"), details, strict=True
    )
    given = {name: (label, count, detail) for name, label, count, detail in cells}
    for name, (box, words) in BOXES.items():
        if name in given:
            label, count, detail = given[name]
            if box in _HEADS and box not in found:
                found[box] = [(_HEADS[box], False)]
            found.setdefault(box, []).extend(_entry(label or words, count, detail, widths[box]))
    return found


def _stack(names: tuple[str, ...], texts: dict[str, list[tuple[str, bool]]]) -> float:
    """Height that the boxes of one cell need, one under the other."""
    heights = [_height(texts[name]) for name in names if name in texts]
    return sum(heights) + 8.0 * max(len(heights) - 1, 0)


def _height(lines: list[tuple[str, bool]]) -> float:
    return _LEADING * len(lines) + 2 * _PAD


def _lefts(texts: dict[str, list[tuple[str, bool]]]) -> tuple[list[float], float]:
    """Left edge of every column and the right edge of the last one in use."""
    widths = (_MAIN, _SIDE, _MAIN, _SIDE)
    used = [any(name in texts for cells, _ in _ROWS for name in cells[place]) for place in range(4)]
    x, lefts = _BAND + 12.0, []
    for place, width in enumerate(widths):
        lefts.append(x)
        x += (width + _GUTTER) if used[place] else 0.0
    return lefts, x - _GUTTER


def _cell_boxes(
    names: tuple[str, ...],
    texts: dict[str, list[tuple[str, bool]]],
    place: tuple[float, float, float],
    tall: float,
) -> list[Box]:
    """Boxes of one cell; a single box is as tall as its row, several share the height of the cell."""
    left, top, width = place
    here = [name for name in names if name in texts]
    boxes = []
    for name in here:
        height = tall if len(here) == 1 else _height(texts[name])
        boxes.append(Box(name, tuple(texts[name]), left, top, width, height))
        top += height + 8.0
    return boxes


def _main_arrows(boxes: dict[str, Box], names: tuple[str, ...]) -> list[Arrow]:
    """Arrows straight down a column, from each box to the next one there is."""
    here = [boxes[name] for name in names if name in boxes]
    return [
        Arrow(((upper.centre, upper.top + upper.height), (upper.centre, lower.top)))
        for upper, lower in pairwise(here)
    ]


_SIDES = (
    ("identified", "removed"),
    ("screened", "excluded"),
    ("screened", "awaiting"),
    ("sought", "not-retrieved"),
    ("assessed", "excluded-full-text"),
    ("other-sought", "other-not-retrieved"),
    ("other-assessed", "other-excluded"),
)


def _side_arrows(boxes: dict[str, Box]) -> list[Arrow]:
    """Arrows straight across, to what left the review at each step."""
    return [
        Arrow(
            (
                (boxes[main].left + boxes[main].width, boxes[side].middle),
                (boxes[side].left, boxes[side].middle),
            )
        )
        for main, side in _SIDES
        if main in boxes and side in boxes
    ]


def _joining_arrow(boxes: dict[str, Box]) -> list[Arrow]:
    """From the last box of the other methods down and across to the included studies."""
    last = [boxes[name] for name in ("identified-other", "other-sought", "other-assessed") if name in boxes][
        -1:
    ]
    if not last or "included" not in boxes:
        return []
    goal = boxes["included"]
    corner = (last[0].centre, goal.middle)
    return [
        Arrow(((last[0].centre, last[0].top + last[0].height), corner, (goal.left + goal.width, goal.middle)))
    ]


def _place_rows(
    texts: dict[str, list[tuple[str, bool]]], lefts: list[float], top: float
) -> tuple[list[Box], list[tuple[str, float, float]], float]:
    """Boxes row by row, and the phase every row belongs to."""
    boxes: list[Box] = []
    phases: list[tuple[str, float, float]] = []
    for cells, phase in _ROWS:
        tall = max(_stack(names, texts) for names in cells)
        if not tall:
            continue
        tall = max(tall, _LEAST[phase])
        for names, left, width in zip(cells, lefts, (_MAIN, _SIDE, _MAIN, _SIDE), strict=True):
            boxes += _cell_boxes(names, texts, (left, top, width), tall)
        begun = phases.pop()[1] if phases and phases[-1][0] == phase else top
        phases.append((phase, begun, top + tall))
        top += tall + _RISE
    return boxes, phases, top - _RISE


def arrange(counts: pd.DataFrame) -> Diagram:
    """Boxes and arrows of the diagram.

    Parameters
    ----------
    counts : DataFrame
        As :func:`synovia.plots.flow` takes them; not empty.

    Raises
    ------
    TableError
        When a row names no box of the diagram.
    """
    _refuse_unknown(counts)
    columns = {name: place for cells, _ in _ROWS for place, names in enumerate(cells) for name in names}
    widths = {name: (_MAIN, _SIDE, _MAIN, _SIDE)[place] - 2 * _PAD for name, place in columns.items()}
    texts = _texts(counts, widths)
    lefts, right = _lefts(texts)
    other = any(columns[name] > 1 for name in texts)
    top = 34.0 if other else 12.0
    boxes, phases, bottom = _place_rows(texts, lefts, top)
    by_name = {box.name: box for box in boxes}
    arrows = [
        *_main_arrows(by_name, ("identified", "screened", "sought", "assessed", "included")),
        *_main_arrows(by_name, ("identified-other", "other-sought", "other-assessed")),
        *_side_arrows(by_name),
        *_joining_arrow(by_name),
    ]
    heads = [("Other methods", lefts[2], right - lefts[2])] if other else []
    if other and lefts[2] > lefts[0]:
        heads.insert(0, ("Databases and registers", lefts[0], lefts[2] - _GUTTER - lefts[0]))
    size = (right + 12.0, bottom + 12.0)
    return Diagram(tuple(boxes), tuple(arrows), tuple(phases), tuple(heads), *size)
