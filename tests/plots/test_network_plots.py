"""Drawings of networks: clean text, numbers of the frames, hostile names, nothing to draw."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from network_trials import make_arms
from synovia.plots import draw, funnel
from synovia.plots.hasse import hasse
from synovia.plots.league import league
from synovia.plots.network_graph import network_graph
from synovia.plots.rankogram import rankogram
from synovia.plots.style import figure_of, new_figure
from synovia.synthesis.network import Network, network
from synovia.synthesis.network.funnel import adjust_comparisons

HOSTILE = ["", "$\\alpha$ & <b>", "a\nb\x00", "W" * 60, "Ångström, naïve"]


@pytest.fixture
def net() -> Network:
    return network(make_arms(), measure="MD")


def test_text_is_clean(net: Network, faults_of: Callable[[Figure], list[str]]) -> None:
    for result in (net, net.rank(better="higher"), net.league(), net.league(above="nothing")):
        assert faults_of(figure_of(draw(result))) == []


def test_circles_grow_with_participants_and_lines_with_trials(net: Network) -> None:
    ax = draw(net)
    frames = net.frames()
    circles = next(c for c in ax.collections if isinstance(c, PathCollection))
    sizes = frames["nodes"].n.to_numpy()
    assert sizes.sum() == make_arms().n.sum()
    areas = np.asarray(circles.get_sizes())
    assert areas / areas.max() == pytest.approx(sizes / sizes.max())
    widths = np.array([line.get_linewidth() for line in ax.lines])
    counts = frames["edges"].k.to_numpy()
    assert widths / widths.max() == pytest.approx(counts / counts.max())
    shaded = [patch for patch in ax.patches if isinstance(patch, Polygon)]
    assert len(shaded) == 3
    assert sorted(len(patch.get_xy()) - 1 for patch in shaded) == [3, 3, 4]


def test_trials_stand_in_for_participants_that_are_not_known() -> None:
    pairs = pd.DataFrame(
        {"study": ["a", "b"], "treatment_1": ["B", "C"], "treatment_2": ["A", "A"], "estimate": [1.0, 2.0],
         "std_error": [0.5, 0.5]}
    )  # fmt: skip
    nodes = network(pairs, random=False).frames()["nodes"]
    assert nodes.to_numpy().tolist() == [["A", 2.0], ["B", 1.0], ["C", 1.0]]


def test_bars_are_the_probabilities_of_the_ranks(net: Network) -> None:
    ranks = net.rank(better="higher", draws=2000)
    ax = draw(ranks)
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert [bar.get_height() / 0.86 for bar in bars] == pytest.approx(ranks.frame().probability.tolist())


def test_cells_are_green_where_the_interval_excludes_the_null(net: Network) -> None:
    table = net.league()
    ax = draw(table)
    told = table.tidy()
    clear = int(((told.lower > 0) | (told.upper < 0)).sum())
    colours = [to_rgb(patch.get_facecolor()) for patch in ax.patches]
    green = [c for c in colours if c[1] > c[0] + 0.03 and c[1] > c[2] + 0.03]
    assert len(green) == clear > 0


def test_comparison_adjusted_effects_are_centred(net: Network) -> None:
    rows = adjust_comparisons(net, ["A", "D", "B", "C"])
    assert len(rows) == 19
    weights = 1 / rows.std_error**2
    means = (weights * rows.estimate).groupby(rows.comparison).sum()
    assert means.to_numpy() == pytest.approx(np.zeros(6), abs=1e-9)
    assert not funnel(rows, centre=0.0).get_title()


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_any_frame_is_drawn(count: int, faults_of: Callable[[Figure], list[str]]) -> None:
    names = HOSTILE[:count]
    nodes = pd.DataFrame({"label": names, "n": [float("nan"), -1.0, 0.0, 5.0, 1e9][:count]})
    edges = pd.DataFrame(
        {"treatment_1": names[:1], "treatment_2": names[1:2] or names[:1], "k": [1.0][: len(names[:1])]}
    )
    cells = pd.DataFrame([[name] * count for name in names], index=names, columns=names)
    none = pd.DataFrame({"treatment_1": [], "treatment_2": [], "evidence": [], "lower": [], "upper": []})
    ranks = pd.DataFrame(
        {"treatment": names, "rank": [1.0] * count, "probability": [1.0] * count, "cumulative": [1.0] * count}
    )
    axes = (network_graph(nodes, edges), league(cells, none, caption="x" * 300), rankogram(ranks))
    for ax in axes:
        assert faults_of(figure_of(ax)) == []


def test_axes_given_are_those_returned(net: Network) -> None:
    for result in (net, net.rank(better="lower"), net.league()):
        ax = new_figure(500, 400).add_axes((0.2, 0.2, 0.7, 0.7))
        assert draw(result, ax=ax) is ax


def test_hasse_diagrams_hold_hostile_names_and_say_when_there_is_nothing(
    faults_of: Callable[[Figure], list[str]],
) -> None:
    rows = pd.DataFrame({"treatment": HOSTILE, "layer": [1, 1, 2, 3, 3]})
    lines = pd.DataFrame({"upper": [HOSTILE[1], HOSTILE[1]], "lower": [HOSTILE[2], HOSTILE[3]]})
    ax = hasse(rows, lines)
    assert faults_of(figure_of(ax)) == []
    assert [np.size(line.get_xdata()) for line in ax.lines] == [2, 3]
    (sentence,) = hasse(pd.DataFrame(), pd.DataFrame()).texts
    assert sentence.get_text().startswith("No data")


def test_lines_of_a_hasse_diagram_cross_no_treatment() -> None:
    rows = pd.DataFrame({"treatment": ["top", "middle", "bottom"], "layer": [1, 2, 3]})
    lines = pd.DataFrame({"upper": ["top", "top", "middle"], "lower": ["middle", "bottom", "bottom"]})
    ax = hasse(rows, lines)
    at = {text.get_text(): text.get_position()[0] for text in ax.texts}
    around = np.asarray(ax.lines[1].get_xdata(), dtype=float)
    assert abs(float(around[1]) - at["middle"]) > 30  # half the width of its box in points
