"""Drawings of direct and indirect evidence, heat and flow."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, Rectangle

from synovia.plots.draw import draw
from synovia.plots.evidence_flow import evidence_flow
from synovia.plots.net_heat import net_heat
from synovia.plots.split import split
from synovia.synthesis.network import NetworkDesign, from_contrasts
from synovia.synthesis.network.contribution import find_contributions
from synovia.synthesis.network.net_heat import find_net_heat
from synovia.synthesis.network.split import split_evidence


def make_design(
    second: tuple[str, ...] = ("A", "A", "B", "C", "D"), first: tuple[str, ...] = ("B", "C", "C", "D", "E")
) -> NetworkDesign:
    rows = {
        "study": list("12345"),
        "treatment_1": list(first),
        "treatment_2": list(second),
        "estimate": [1.0, 2.0, 1.5, 0.3, 0.1],
        "std_error": [0.3, 0.4, 0.3, 0.5, 0.4],
    }
    return from_contrasts(pd.DataFrame(rows))


def test_split_draws_three_lines_for_each_mixed_comparison() -> None:
    found = split_evidence(make_design())
    texts = [text.get_text() for text in draw(found, scale_label="Mean difference").texts]
    assert [texts.count(kind) for kind in ("Direct", "Indirect", "Network")] == [3, 3, 3]
    assert any(text.startswith("A vs B (p = ") for text in texts)


def test_net_heat_is_red_where_detaching_helps() -> None:
    rows = pd.DataFrame(
        {
            "design": ["A:B", "A:B", "A:C", "A:C"],
            "detached": ["A:B", "A:C"] * 2,
            "heat": [2.0, 1.0, 0.0, -1.0],
            "influence": [0.25, 1.0, 0.0, 0.5],
        }
    )
    patches = [patch for patch in net_heat(rows).patches if isinstance(patch, Rectangle)]
    cells, squares = patches[::2], patches[1::2]
    red, green, blue = to_rgb(cells[0].get_facecolor())
    assert red > max(green, blue)
    assert to_rgb(cells[2].get_facecolor()) == pytest.approx((1, 1, 1), abs=0.01)  # 256 colours
    assert to_rgb(cells[3].get_facecolor())[2] > to_rgb(cells[3].get_facecolor())[0]
    assert [square.get_width() for square in squares] == pytest.approx([0.45, 0.9, 0.0, 0.9 * np.sqrt(0.5)])


def test_net_heat_of_a_network() -> None:
    ax = draw(find_net_heat(make_design()))
    assert sorted(label.get_text() for label in ax.get_xticklabels()) == ["A:B", "A:C", "B:C"]


def test_flow_draws_an_arrow_for_each_direct_comparison() -> None:
    flow = find_contributions(make_design()).flow("B", "E")
    ax, flows = draw(flow), flow.tidy()
    assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == len(flows)
    texts = [text.get_text() for text in ax.texts]
    assert set("ABCDE") <= set(texts)
    assert f"{flows['contribution'].iloc[0]:.0f} %" in texts


def test_what_cannot_be_tested_is_a_sentence() -> None:
    star = make_design(("A",) * 5, ("B", "C", "B", "D", "E"))
    for ax in (draw(split_evidence(star)), draw(find_net_heat(star))):
        assert "does not mean that it is absent" in ax.texts[0].get_text()
    assert split(pd.DataFrame()).texts[0].get_text().startswith("Incoherence cannot be tested")
    assert (
        "No data" in evidence_flow(pd.DataFrame({"source": [], "target": [], "flow": []})).texts[0].get_text()
    )
