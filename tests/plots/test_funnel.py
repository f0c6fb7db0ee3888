from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from synovia.plots import funnel, to_png, to_svg
from synovia.plots.style import figure_of


def studies(k: int) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    error = rng.uniform(1, 8, k)
    estimate = -5 + rng.normal(0, 0.5, k) * error
    return pd.DataFrame(
        {"label": [f"Author {i}" for i in range(k)], "estimate": estimate, "std_error": error}
    )


def names(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def points(ax: Axes) -> np.ndarray:
    drawn = next(c for c in ax.collections if isinstance(c, PathCollection) and c.get_label() == "studies")
    return np.asarray(drawn.get_offsets())


def test_points_are_the_frame() -> None:
    rows = studies(12)
    assert points(funnel(rows, centre=-5)) == pytest.approx(rows[["estimate", "std_error"]].to_numpy(), rel=0)


def test_the_most_precise_study_is_on_top() -> None:
    low, high = funnel(studies(12), centre=-5).get_ylim()
    assert low > high == 0


def test_dashed_lines_are_1_96_standard_errors_from_the_centre() -> None:
    ax = funnel(studies(12), centre=-5)
    cone = ax.get_lines()[1]
    xs, ys = np.asarray(cone.get_xdata()), np.asarray(cone.get_ydata())
    assert (xs[2] + 5) / ys[2] == pytest.approx(1.959964, abs=1e-6)  # qnorm(0.975) to six decimals
    assert xs[1] == -5


def test_contours_lie_about_the_null_at_their_levels() -> None:
    ax = funnel(studies(12), centre=-5, null=1.0, contours=(0.90, 0.95))
    depth = ax.get_ylim()[0]
    reach = sorted(c.get_datalim(ax.transData).x1 - 1.0 for c in ax.collections if c.get_label() != "studies")
    assert np.array(reach) / depth == pytest.approx([1.644854, 1.959964], abs=1e-6)  # qnorm to six decimals


def test_only_outliers_are_named() -> None:
    rows = studies(12)
    assert names(funnel(rows, centre=-5)) == []
    rows.loc[4, ["estimate", "std_error"]] = [9.0, 2.0]
    assert names(funnel(rows, centre=-5)) == ["Author 4"]


def test_at_most_five_are_named_the_farthest_first() -> None:
    rows = studies(30).assign(std_error=np.linspace(1, 8, 30), estimate=np.linspace(40, 9, 30))
    seen = names(funnel(rows, centre=-5))
    assert 1 <= len(seen) <= 5
    assert "Author 0" in seen


def test_rows_without_a_standard_error_are_left_out() -> None:
    rows = studies(4)
    rows.loc[[0, 1], "std_error"] = [0.0, float("nan")]
    assert len(points(funnel(rows, centre=-5))) == 2


def test_no_rows_is_said_in_a_sentence() -> None:
    assert names(funnel(pd.DataFrame(), centre=0)) == [
        "No data: no study has an effect with its standard error."
    ]


def test_text_is_clean(faults_of: Callable[[Figure], list[str]]) -> None:
    rows = studies(20)
    rows.loc[3, "label"] = "A very long name of a study that goes on and on and on $x$"
    rows.loc[3, "estimate"] = -60.0
    assert faults_of(figure_of(funnel(rows, centre=-5, scale_label="Mean difference, 0–100"))) == []


def test_the_same_frame_gives_the_same_bytes() -> None:
    one, two = (figure_of(funnel(studies(9), centre=-5)) for _ in range(2))
    assert to_svg(one) == to_svg(two)
    assert to_png(one) == to_png(two)


number = st.floats(allow_nan=True, allow_infinity=True)
row = st.fixed_dictionaries({"label": st.text(max_size=30), "estimate": number, "std_error": number})


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=6), st.floats(-1e6, 1e6), st.booleans())
def test_any_frame_is_drawn(rows: list[dict[str, object]], centre: float, log: bool) -> None:
    assert to_svg(figure_of(funnel(pd.DataFrame(rows), centre=centre, log=log))).startswith("<?xml")
