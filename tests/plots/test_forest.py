import math
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from synovia.plots import forest, forest_figure, to_png, to_svg
from synovia.plots.forest_layout import Design, arrange

NAN = float("nan")
LABEL = "Mean difference in pain, 0–100"


def studies(k: int) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    estimate, error = rng.normal(-6, 6, k), rng.uniform(1.5, 6, k)
    weight = 100 / error**2 / np.sum(1 / error**2)
    return pd.DataFrame(
        {
            "label": [f"Author {i} {2000 + i % 25}" for i in range(k)],
            "estimate": estimate,
            "lower": estimate - 1.96 * error,
            "upper": estimate + 1.96 * error,
            "weight": weight,
            "n": rng.integers(15, 300, k).astype(float),
            "n_comparator": rng.integers(15, 300, k).astype(float),
        }
    )


def pooled(**changes: object) -> pd.DataFrame:
    row: dict[str, object] = {
        "label": "Pooled (random effects)",
        "estimate": -5.9,
        "lower": -8.1,
        "upper": -3.2,
        "prediction_lower": -14.0,
        "prediction_upper": 2.4,
        "subgroup": "",
        "text": "τ² = 8.3; I² = 64%; Q = 32.1, df 13, p = 0.002",
    }
    return pd.DataFrame([{**row, **changes}])


def squares(ax: Axes) -> PathCollection:
    return next(c for c in ax.collections if isinstance(c, PathCollection) and c.get_label() == "estimates")


def words(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def grouped(k: int) -> pd.DataFrame:
    names = np.where(np.arange(k) < k // 2, "Leukocyte-poor platelet-rich plasma", "Leukocyte-rich")
    return studies(k).assign(subgroup=names)


def test_squares_stand_at_the_estimates_in_the_order_of_the_frame() -> None:
    rows = studies(9)
    places = np.asarray(squares(forest(rows, pooled(), scale_label=LABEL)).get_offsets())
    assert places[:, 0] == pytest.approx(rows["estimate"].to_numpy(), rel=0, abs=0)
    assert (np.diff(places[:, 1]) > 0).all()


def test_areas_of_squares_are_in_proportion_to_the_weights() -> None:
    rows = studies(4).assign(weight=[40.0, 30.0, 20.0, 10.0])
    areas = np.asarray(squares(forest(rows, pooled(), scale_label=LABEL)).get_sizes())
    assert areas / areas[0] == pytest.approx([1.0, 0.75, 0.5, 0.25])  # rounding of square and root only


def test_intervals_are_the_rows_limits() -> None:
    rows = studies(5)
    ax = forest(rows, pooled(), scale_label=LABEL)
    bars = next(c for c in ax.collections if isinstance(c, LineCollection) and c.get_label() == "intervals")
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    assert ends == pytest.approx(rows[["lower", "upper"]].to_numpy(), rel=0, abs=0)


def test_diamond_spans_the_pooled_interval() -> None:
    ax = forest(studies(5), pooled(), scale_label=LABEL)
    diamond = next(p for p in ax.patches if isinstance(p, Polygon) and p.get_gid() == "pooled")
    assert diamond.get_xy()[:4, 0].tolist() == [-8.1, -5.9, -3.2, -5.9]


def test_prediction_interval_is_a_bar_only_where_there_is_one() -> None:
    with_one = forest(studies(5), pooled(), scale_label=LABEL)
    without = forest(studies(5), pooled(prediction_lower=NAN, prediction_upper=NAN), scale_label=LABEL)
    bar = next(p for p in with_one.patches if p.get_gid() == "prediction")
    assert bar.get_window_extent().transformed(with_one.transData.inverted()).x0 == pytest.approx(-14.0)
    assert "Prediction interval" in words(with_one)
    assert "Prediction interval" not in words(without)


def test_numbers_are_printed_as_they_are() -> None:
    rows = pd.DataFrame(
        {
            "label": ["A"], "estimate": [-1.25], "lower": [-2.5], "upper": [0.001], "weight": [12.34],
            "n": [30.0], "n_comparator": [28.0],
        }
    )  # fmt: skip
    seen = words(forest(rows, pd.DataFrame(), scale_label=LABEL))
    assert {"−1.25 [−2.50, 0.00]", "12.3%", "30 / 28"} <= set(seen)


def test_ratios_are_printed_on_the_ratio_scale() -> None:
    rows = pd.DataFrame(
        {"label": ["A"], "estimate": [math.log(0.5)], "lower": [math.log(0.25)], "upper": [0.0]}
    )
    ax = forest(rows, pd.DataFrame(), scale_label="Risk ratio", log=True)
    assert "0.50 [0.25, 1.00]" in words(ax)
    labels = dict(zip([t.get_text() for t in ax.get_xticklabels()], ax.get_xticks(), strict=True))
    assert labels["0.5"] == pytest.approx(math.log(0.5))


def test_a_wild_study_does_not_squash_the_others() -> None:
    rows = studies(12)
    calm = arrange(rows, pooled(), Design(LABEL)).limits
    rows.loc[3, ["estimate", "lower", "upper"]] = [900.0, -3000.0, 4800.0]
    wild = arrange(rows, pooled(), Design(LABEL)).limits
    assert wild[1] - wild[0] < 2 * (calm[1] - calm[0])


def test_an_arrow_stands_where_an_interval_leaves_the_axis() -> None:
    rows = studies(12)
    rows.loc[3, ["lower", "upper"]] = [-3000.0, 4800.0]
    heads = [line.get_marker() for line in forest(rows, pooled(), scale_label=LABEL).get_lines()]
    assert heads.count("<") == 1
    assert heads.count(">") == 1


def test_a_mid_is_shaded_about_the_null_and_said_below() -> None:
    ax = forest(studies(5), pooled(), scale_label=LABEL, mid=9.0)
    band = ax.patches[0].get_window_extent().transformed(ax.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-9.0, 9.0))
    assert "Shaded: smaller than the minimal important difference (9)." in words(ax)


def test_risk_of_bias_has_a_column_only_when_somebody_judged() -> None:
    rows = studies(3)
    assert "RoB" not in words(forest(rows, pooled(), scale_label=LABEL))
    assert "RoB" not in words(forest(rows.assign(risk_of_bias=""), pooled(), scale_label=LABEL))
    judged = words(forest(rows.assign(risk_of_bias=["low", "", "high"]), pooled(), scale_label=LABEL))
    assert "RoB" in judged
    assert judged.count("+") == 2  # the study and the key
    assert judged.count("×") == 2


def test_subgroups_are_headed_and_followed_by_their_summary() -> None:
    summaries = pd.concat([pooled(label="Subtotal", subgroup="Leukocyte-rich", text=""), pooled()])
    sheet = arrange(grouped(6), summaries, Design(LABEL))
    kinds = [line.kind for line in sheet.lines if line.kind != "gap"]
    assert kinds == ["heading"] + ["study"] * 3 + ["heading"] + ["study"] * 3 + [
        "summary", "prediction", "summary", "prediction", "text",
    ]  # fmt: skip


def test_notes_are_numbered_once_each() -> None:
    rows = studies(3).assign(note=["SD from SE", "", "SD from SE"])
    seen = words(forest(rows, pooled(), scale_label=LABEL))
    assert seen.count("¹ SD from SE") == 1
    assert sum(text.endswith("¹") for text in seen) == 2


def test_a_study_without_numbers_keeps_its_row() -> None:
    rows = studies(3)
    rows.loc[1, ["estimate", "lower", "upper", "weight"]] = NAN
    assert "not estimable" in words(forest(rows, pooled(), scale_label=LABEL))


def test_columns_can_be_left_out() -> None:
    seen = words(forest(studies(3), pooled(), scale_label=LABEL, columns=("effect",)))
    assert "Weight" not in seen
    assert "Effect [95% CI]" in seen


def test_no_studies_is_said_in_a_sentence() -> None:
    assert words(forest(pd.DataFrame(), pd.DataFrame(), scale_label=LABEL)) == [
        "No data: no study reports this outcome for this comparison."
    ]


def test_given_axes_are_used_and_hold_the_whole_plot(faults_of: Callable[[Figure], list[str]]) -> None:
    figure = Figure(figsize=(12, 4))
    left, right = figure.subplots(1, 2)
    assert forest(studies(5), pooled(), scale_label=LABEL, ax=left) is left
    assert forest(studies(8), pooled(), scale_label=LABEL, ax=right) is right
    assert faults_of(figure) == []


WILD = {
    "label": "van der Weegen-Papanagiotou and colleagues 2015 (multicentre, per protocol, three injections)"
}


@pytest.mark.parametrize("k", [1, 2, 14, 40])
@pytest.mark.parametrize("dress", ["plain", "full", "long"])
def test_text_neither_overlaps_nor_leaves_the_paper(
    k: int, dress: str, faults_of: Callable[[Figure], list[str]]
) -> None:
    rows = studies(k)
    if dress == "full":
        rows = grouped(k).assign(
            risk_of_bias="some concerns", note=[f"Note {i}: SD from SE." for i in range(k)]
        )
    if dress == "long":
        rows.loc[0, "label"] = WILD["label"] * 2
        rows.loc[0, ["estimate", "lower", "upper"]] = [-81234.5, -9e5, 9e5]
    figure = forest_figure(rows, pooled(), scale_label=LABEL, title="PRP versus saline: pain " * 6, mid=9.0)
    assert faults_of(figure) == []


def test_height_grows_with_the_number_of_studies() -> None:
    heights = [forest_figure(studies(k), pooled(), scale_label=LABEL).get_figheight() for k in (1, 10, 60)]
    assert heights == sorted(set(heights))


def test_the_same_frame_gives_the_same_bytes() -> None:
    one, two = (forest_figure(grouped(6), pooled(), scale_label=LABEL, mid=9.0) for _ in range(2))
    assert to_svg(one) == to_svg(two)
    assert to_png(one) == to_png(two)


def test_text_of_others_is_text() -> None:
    rows = studies(2).assign(label=["<script>alert(1)</script>", "$x^2$ & $\\frac{1}{2}$"])
    svg = to_svg(forest_figure(rows, pooled(), scale_label="$y$"))
    assert "<script" not in svg
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in svg
    assert "$x^2$ &amp; $\\frac{1}{2}$" in re.sub(r"\s+", " ", svg)


def test_inputs_are_not_changed() -> None:
    rows, summaries = studies(4), pooled()
    before = rows.copy(), summaries.copy()
    forest(rows, summaries, scale_label=LABEL)
    pd.testing.assert_frame_equal(rows, before[0])
    pd.testing.assert_frame_equal(summaries, before[1])


number = st.floats(allow_nan=True, allow_infinity=True)
row = st.fixed_dictionaries(
    {
        "label": st.text(max_size=60), "estimate": number, "lower": number, "upper": number, "weight": number,
        "n": number, "subgroup": st.sampled_from(["", "a", "$b"]), "note": st.text(max_size=20),
        "risk_of_bias": st.sampled_from(["", "low", "nonsense"]),
    }
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=6), st.lists(row, max_size=2), st.booleans())
def test_any_frame_is_drawn(rows: list[dict[str, object]], sums: list[dict[str, object]], log: bool) -> None:
    figure = forest_figure(pd.DataFrame(rows), pd.DataFrame(sums), scale_label="x", log=log, mid=1.0)
    assert to_svg(figure) == to_svg(figure)
