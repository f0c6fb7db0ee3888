"""The dose-response curve: what is drawn is the frame, and its text is clean."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from synovia.plots import draw, to_svg
from synovia.plots.dose import dose_curve
from synovia.plots.style import figure_of
from synovia.synthesis import DoseResponse, dose_response

TRIALS = pd.DataFrame(
    {
        "study_id": ["a", "a", "a", "b", "b", "b"],
        "dose": [0.0, 1, 2, 1, 2, 4],
        "estimate": [0.0, 0.2, 0.5, 0, 0.4, 0.7],
        "std_error": [0.0, 0.1, 0.1, 0, 0.1, 0.1],
        "type": "ir",
        "cases": [20, 25, 30, 20, 30, 40],
        "n": 500,
        "dose_unit": "particles",
    }
)


def fitted() -> DoseResponse:
    return dose_response(TRIALS, method="fixed")


def test_text_is_clean(faults_of: Callable[[Figure], list[str]]) -> None:
    ax = draw(fitted())
    assert faults_of(figure_of(ax)) == []
    assert ax.get_xlabel() == "Dose (particles)"
    assert ax.get_ylabel() == "Ratio against dose 0"


def test_points_and_line_are_the_frames() -> None:
    found = fitted()
    frames, ax = found.frames(), draw(found)
    drawn = next(c for c in ax.collections if isinstance(c, PathCollection)).get_offsets()
    assert np.asarray(drawn) == pytest.approx(frames["points"][["dose", "estimate"]].to_numpy())
    slope = found.fit.point.beta[0]
    moved = frames["points"]["estimate"].to_numpy() - found.design.y
    assert moved == pytest.approx(slope * found.design.reference)
    assert to_svg(figure_of(draw(found))) == to_svg(figure_of(draw(found)))


def test_empty_frames_say_so() -> None:
    ax = dose_curve(pd.DataFrame(), pd.DataFrame())
    assert "No data" in "".join(text.get_text() for text in ax.texts)
