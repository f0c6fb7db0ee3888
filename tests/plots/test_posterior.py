"""Posteriors drawn from their frames."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from synovia.plots import draw
from synovia.plots.posterior import posterior, shrinkage
from synovia.synthesis import meta
from synovia.synthesis.bayes import HalfNormal, Posterior, bayes, prior_sensitivity


@pytest.fixture(scope="module")
def found() -> Posterior:
    trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    return bayes(meta(trials, inference="z"), HalfNormal(0.5))


def panels(ax: Axes) -> list[Axes]:
    return [child for child in ax.child_axes if isinstance(child, Axes)]


def test_one_panel_for_each_parameter_with_its_prior(found: Posterior) -> None:
    drawn = panels(draw(found))
    assert [panel.get_title(loc="left") for panel in drawn] == ["Intercept", "tau"]
    labels = [[text.get_text() for text in panel.get_legend().get_texts()] for panel in drawn]  # type: ignore[union-attr]
    assert labels == [["95 % interval", "posterior"], ["95 % interval", "posterior", "prior"]]
    line = drawn[1].get_lines()[0]
    assert np.asarray(line.get_ydata()) == pytest.approx(found.density("tau")["density"].to_numpy(), rel=0)


def test_shrinkage_shows_own_and_shrunken_estimates(found: Posterior) -> None:
    rows = found.shrinkage()
    ax = shrinkage(rows, mean=0.26)
    points = [
        np.asarray(line.get_xdata()) for line in ax.get_lines() if len(np.asarray(line.get_xdata())) == 3
    ]
    assert points[0] == pytest.approx(rows["observed"].to_numpy(), rel=0)
    assert points[1] == pytest.approx(rows["estimate"].to_numpy(), rel=0)


def test_sensitivity_is_a_row_for_each_prior(found: Posterior) -> None:
    swept = prior_sensitivity(found.fit, {"narrow": HalfNormal(0.1), "wide": HalfNormal(2.0)})
    texts = [text.get_text() for text in draw(swept).texts]
    assert "narrow" in texts
    assert "wide" in texts


def test_nothing_is_said_where_there_is_nothing() -> None:
    for ax in (posterior(pd.DataFrame()), shrinkage(pd.DataFrame())):
        assert ax.texts[0].get_text().startswith("There")


def test_the_callers_settings_stay(found: Posterior) -> None:
    before = dict(mpl.rcParams)
    draw(found)
    assert dict(mpl.rcParams) == before
