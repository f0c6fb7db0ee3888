"""Drawings of diagnostics: what they show is in their frames, their text is clean, and any frame is drawn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from diagnosis.trials import fits, independent
from synovia.diagnosis import (
    baujat,
    blup,
    bubble,
    compare,
    contrast,
    cumulative,
    influence,
    leave_one_out,
    profile,
    qq,
    radial,
    residuals,
)
from synovia.errors import SynthesisError
from synovia.plots import draw, to_png, to_svg
from synovia.plots.draw import DRAWINGS
from synovia.plots.style import figure_of, new_figure
from synovia.synthesis import meta

RESULTS: dict[str, Callable[[], Any]] = {
    "baujat": lambda: baujat(fits()["pairwise"]),
    "bubble": lambda: bubble(fits()["Knapp-Hartung"], "dose"),
    "contrasts": lambda: contrast(fits()["Knapp-Hartung"], {"dose": {"dose": 1}}),
    "cumulative": lambda: cumulative(fits()["pairwise"]),
    "influence": lambda: influence(fits()["Knapp-Hartung"]),
    "influence of groups": lambda: influence(fits()["three levels"], by="study"),
    "leave one out": lambda: leave_one_out(fits()["Knapp-Hartung"]),
    "predictions": lambda: blup(fits()["three levels"]),
    "profile": lambda: profile(fits()["pairwise"]),
    "profile of a correlation": lambda: profile(fits()["multivariate"], "rho[outcome]", steps=9),
    "quantiles": lambda: qq(fits()["pairwise"], repetitions=100),
    "radial": lambda: radial(fits()["pairwise"]),
    "residuals": lambda: residuals(fits()["pairwise"], "studentised"),
    "residuals of a regression": lambda: residuals(fits()["Knapp-Hartung"]),
}


def points(ax: Axes) -> np.ndarray:
    drawn = [c for c in ax.collections if isinstance(c, PathCollection)]
    return np.asarray(drawn[-1].get_offsets())


@pytest.mark.parametrize("name", RESULTS)
def test_text_is_clean(name: str, faults_of: Callable[[Figure], list[str]]) -> None:
    assert faults_of(figure_of(draw(RESULTS[name]()))) == []


@pytest.mark.parametrize("name", RESULTS)
def test_axes_given_are_axes_returned(name: str) -> None:
    ax = new_figure(500, 400).add_axes((0.1, 0.15, 0.8, 0.8))
    assert draw(RESULTS[name](), ax=ax) is ax


@pytest.mark.parametrize("name", ["baujat", "influence", "quantiles", "bubble"])
def test_the_same_result_gives_the_same_bytes(name: str) -> None:
    one, two = (figure_of(draw(RESULTS[name]())) for _ in range(2))
    assert to_svg(one) == to_svg(two)
    assert to_png(one) == to_png(two)


@pytest.mark.parametrize(
    ("name", "across", "up"),
    [
        ("baujat", "contribution", "influence"),
        ("bubble", "value", "estimate"),
        ("radial", "precision", "z"),
        ("quantiles", "theoretical", "z"),
        ("residuals of a regression", "fitted", "z"),
    ],
)
def test_points_are_the_frame(name: str, across: str, up: str) -> None:
    result = RESULTS[name]()
    assert points(draw(result)) == pytest.approx(result.tidy()[[across, up]].to_numpy(), rel=0)


def test_bubbles_have_areas_in_proportion_to_weights() -> None:
    ax = draw(RESULTS["bubble"]())
    sizes = next(c for c in ax.collections if isinstance(c, PathCollection)).get_sizes()
    weight = RESULTS["bubble"]().tidy()["weight"].to_numpy()
    assert sizes / sizes.max() == pytest.approx(weight / weight.max(), rel=1e-12)


def test_the_line_of_the_profile_is_where_the_interval_ends() -> None:
    found = RESULTS["profile"]()
    line = next(line for line in draw(found).get_lines() if np.ptp(np.asarray(line.get_ydata())) == 0)
    # half of qchisq(0.95, 1), to six decimals
    assert float(np.asarray(line.get_ydata())[0]) == pytest.approx(found.highest - 1.920729, abs=1e-6)


def titles_of(result: Any) -> list[str]:
    return [panel.get_title(loc="left") for panel in draw(result).child_axes if isinstance(panel, Axes)]


def test_the_panel_has_one_plot_for_each_measure() -> None:
    titles = titles_of(RESULTS["influence"]())
    assert titles[:3] == ["Studentised residual", "DFFITS", "Cook's distance"]
    assert titles[-2:] == ["DFBETAS, Intercept", "DFBETAS, dose"]
    grouped = titles_of(RESULTS["influence of groups"]())
    assert "DFFITS" not in grouped


def test_an_outlier_is_named() -> None:
    data = independent().copy()
    data.loc[3, "estimate"] = 9.0
    fit = meta(data, inference="z")
    for result in (
        baujat(fit),
        residuals(fit, "studentised"),
        radial(meta(data, random=None, inference="z")),
    ):
        assert "Author 3" in [text.get_text() for text in draw(result).texts]


def test_results_without_a_drawing_say_so() -> None:
    with pytest.raises(SynthesisError, match=r"no drawing of Comparison.*tidy"):
        draw(compare(fits()["Knapp-Hartung"], fits()["pairwise"]))


number = st.floats(allow_nan=True, allow_infinity=True)
columns = (
    *(
        "value",
        "estimate",
        "lower",
        "upper",
        "weight",
        "contribution",
        "influence",
        "precision",
        "z",
        "fitted",
    ),
    *("theoretical", "log_lik", "hat", "cooks_distance"),
)
row = st.fixed_dictionaries({"label": st.text(max_size=20)} | dict.fromkeys(columns, number))
NEEDS: dict[str, dict[str, Any]] = {"bubble": {"line": pd.DataFrame()}, "radial": {"slope": 0.3}}


SEVERAL = {
    "dose",
    "dose_network",
    "hasse",
    "league",
    "network_graph",
    "rankogram",
}  # drawn from several frames, tested on their own


# without shrinking, which takes minutes of drawing and says little more than the first example
@pytest.mark.parametrize("name", sorted(set(DRAWINGS) - SEVERAL))
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(rows=st.lists(row, max_size=5))
def test_any_frame_is_drawn(name: str, rows: list[dict[str, object]]) -> None:
    ax = DRAWINGS[name](pd.DataFrame(rows), **NEEDS.get(name, {}))
    assert to_svg(figure_of(ax)).startswith("<?xml")
