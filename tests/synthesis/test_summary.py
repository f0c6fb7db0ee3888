"""Summaries, pinned. ``python tests/synthesis/test_summary.py`` writes them again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synovia.synthesis import Fit, Summary, meta

GOLDEN = Path(__file__).with_name("golden")
TRIALS = pd.DataFrame(
    {
        "label": ["Ahn & Özil 2001", "B_2002", "C 2003 <b>", "D 2004", "E 2005", "F 2006"],
        "estimate": [-12.0, -4.0, -9.0, 1.0, -20.0, np.nan],
        "variance": [9.0, 4.0, 16.0, 6.0, 12.0, 3.0],
        "dose": [3.0, 1.0, 2.0, 1.0, 4.0, 2.0],
    }
)


def fits() -> dict[str, Fit]:
    return {
        "pooled": meta(TRIALS),
        "regression": meta(TRIALS, "estimate ~ dose", inference="z"),
        "single": meta(TRIALS.iloc[[0]]),
        "common": meta(TRIALS, random=None, inference="t", level=0.9),
    }


def pages() -> dict[str, str]:
    texts = {f"{name}.txt": fit.summary().as_text() for name, fit in fits().items()}
    pooled = fits()["pooled"].summary()
    return texts | {"pooled.html": pooled.as_html(), "pooled.tex": pooled.as_latex()}


@pytest.mark.parametrize("name", list(pages()))
def test_summary_is_as_pinned(name: str) -> None:
    assert pages()[name] + "\n" == (GOLDEN / name).read_text(encoding="utf-8")


def test_nothing_of_the_data_becomes_markup() -> None:
    hostile = Summary("<script>", ("", "&"), (("<b>", "<"),), (("a", "<i>"),), ("<u>",))
    page = hostile.as_html()
    for tag in ("<script>", "<b>", "<i>", "<u>"):
        assert tag not in page
    assert r"\textbackslash{}input\{x\}" in Summary(r"\input{x}", ("",), (), (), ()).as_latex()


def write() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, text in pages().items():
        (GOLDEN / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
