"""What every test of a drawing asks: does text run into text, or off the paper?"""

from collections.abc import Callable, Iterator

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

Boxes = list[tuple[str, Bbox]]


def _texts(figure: Figure) -> list[Text]:
    found: list[Text] = figure.findobj(Text)
    return found


def text_boxes(figure: Figure) -> Boxes:
    """Every visible text of a figure with its place in pixels."""
    figure.draw_without_rendering()
    seen = [text for text in _texts(figure) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in seen if _shown(text)]


def _shown(text: Text) -> bool:
    """Tick labels that an axis keeps but does not draw have no figure-wide visibility of their own."""
    axes = text.axes
    if axes is None or axes.axison:
        return True
    return text in axes.texts


def _area(one: Bbox, other: Bbox) -> float:
    shared = Bbox.intersection(one, other)
    return 0.0 if shared is None else float(shared.width * shared.height)


@pytest.fixture
def faults_of() -> Callable[[Figure], list[str]]:
    """What is wrong with the text of a figure: a sentence for each clipped text and each overlap."""

    def find(figure: Figure) -> list[str]:
        boxes = text_boxes(figure)
        paper = figure.bbox.padded(1)
        # Boxes hold the line's ascent and descent, so neighbours may share up to a fifth of the smaller one.
        off = [f"{t!r} leaves the paper" for t, b in boxes if not (paper.x0 <= b.x0 and b.x1 <= paper.x1)]
        off += [f"{t!r} leaves the paper" for t, b in boxes if not (paper.y0 <= b.y0 and b.y1 <= paper.y1)]
        clash = [
            f"{t!r} runs into {u!r}"
            for i, (t, b) in enumerate(boxes)
            for u, c in boxes[i + 1 :]
            if _area(b, c) > 0.2 * min(b.width * b.height, c.width * c.height)
        ]
        return off + clash

    return find


@pytest.fixture(autouse=True)
def _settings_left_alone() -> Iterator[None]:
    """No drawing may change the settings of the person who asked for it."""
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
