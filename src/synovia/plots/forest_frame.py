"""What surrounds the table of a forest plot, measured in points: title, heads, axis, key and notes."""

from synovia.plots.forest_layout import SIZE, SMALL, Design, Sheet
from synovia.plots.style import plain, wrap

__all__ = ["HEAD", "PAD", "foot_lines", "needed", "sides", "title_lines", "under_axis"]

PAD, HEAD = 12.0, 22.0


def sides(design: Design, sheet: Sheet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the two sides of the null mean, wrapped to the room they have."""
    left, right = (plain(text) for text in design.favours)
    room = (sheet.plot[1] - sheet.plot[0]) / 2 + 30
    return (
        wrap(f"← {left}", room, SMALL, most=2) if left else (),
        wrap(f"{right} →", room, SMALL, most=2) if right else (),
    )


def under_axis(design: Design, sheet: Sheet) -> float:
    """Height of ticks, favours and the label of the axis."""
    most = max(len(side) for side in sides(design, sheet))
    labels = len(wrap(design.scale_label, 330, SIZE, most=2)) if plain(design.scale_label) else 0
    return 17.0 + 10.0 * most + 12.0 * labels + 4.0


def foot_lines(sheet: Sheet) -> int:
    """Lines of the key and the notes."""
    return len(sheet.footnotes) + any(line.bias for line in sheet.lines)


def title_lines(design: Design, sheet: Sheet) -> tuple[str, ...]:
    """The title, wrapped to the width of the table."""
    return wrap(design.title, sheet.width, 10.5, bold=True, most=3) if plain(design.title) else ()


def needed(sheet: Sheet, design: Design) -> tuple[float, float]:
    """Width and height of the whole figure in points."""
    above = 15.0 * len(title_lines(design, sheet)) + 4.0 + HEAD
    below = under_axis(design, sheet) + 11.0 * foot_lines(sheet) + 4.0
    return sheet.width + 2 * PAD, above + sheet.body + below + 2 * PAD
