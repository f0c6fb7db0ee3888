"""Every data set that ships loads, says where it comes from, and describes each of its columns."""

import re

import pandas as pd
import pytest

from parity.grid import BESIDE
from synovia.errors import InputError
from synovia.examples import example, examples

NAMES = list(examples()["name"])
CELL = (
    "estimate",
    "events_treatment",
    "mean_treatment",
    "correlation",
    "events",
)  # what an effect can be made from


def test_there_are_at_least_a_dozen() -> None:
    assert len(NAMES) >= 12
    assert sorted(set(NAMES)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_source_and_licence_are_said(name: str) -> None:
    found = example(name)
    assert re.search(r"\((19|20)\d\d\)", found.source)
    assert re.fullmatch(r"10\.\d{4,}/\S+", found.doi)
    assert f"metadat 1.2-0 (GPL 2 or later, data set dat.{name}" in found.licence
    assert found.title
    assert found.about
    assert found.shows


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_described_in_their_order(name: str) -> None:
    found = example(name)
    assert list(found.columns["column"]) == list(found.data.columns)
    assert found.columns["meaning"].str.len().min() > 1


@pytest.mark.parametrize("name", NAMES)
def test_rows_can_become_effects(name: str) -> None:
    data = example(name).data
    assert all(isinstance(study, str) for study in data["study_id"])
    assert set(CELL) & set(data.columns)
    assert not data[[column for column in data.columns if column in CELL]].isna().any(axis=None)


@pytest.mark.parametrize("name", NAMES)
def test_every_printed_number_has_its_place(name: str) -> None:
    printed = example(name).printed
    assert not printed.duplicated(["model", "quantity"]).any()
    assert all(len(place) > 10 for place in printed["place"])
    assert all(len(seen) > 10 for seen in printed["seen"])
    assert list(printed["value"]) == [float(text) for text in printed["printed"]]


def test_data_are_a_fresh_copy() -> None:
    data = example("bcg").data
    data["latitude"] = 0
    assert example("bcg").data["latitude"].min() == 13


def test_text_names_source_and_licence() -> None:
    text = str(example("bcg"))
    assert "https://doi.org/10.1001/jama.1994.03510330076038" in text
    assert "GPL" in text


def test_unknown_name_lists_the_known_and_the_closest() -> None:
    with pytest.raises(
        InputError, match=r"found example 'berkey'.*bcg, berkey1998.*Did you mean berkey1998\?"
    ):
        example("berkey")


RENAMED = {
    "bcg": {"events_treatment": "tpos", "events_comparator": "cpos", "latitude": "ablat"},
    "berkey1998": {"estimate": "yi", "variance": "vi"},
    "konstantopoulos2011": {"estimate": "yi", "variance": "vi", "district": "district"},
    "raudenbush1985": {"estimate": "yi", "variance": "vi", "weeks": "weeks"},
    "bangertdrowns2004": {"estimate": "yi", "variance": "vi", "metacognitive": "meta"},
    "hackshaw1998": {"estimate": "yi", "variance": "vi", "cases": "cases"},
    "hine1989": {"events_treatment": "ai", "n_comparator": "n2i"},
    "normand1999": {"mean_treatment": "m1i", "sd_comparator": "sd2i"},
    "nielweise2007": {"events_treatment": "ai", "n_comparator": "n2i"},
    "curtis1998": {"mean_treatment": "m1i", "sd_comparator": "sd2i", "study_id": "paper"},
    "molloy2014": {"correlation": "ri", "n": "ni"},
}


@pytest.mark.parametrize("name", RENAMED)
def test_numbers_are_those_of_the_reference(name: str) -> None:
    path = BESIDE / "data" / f"dat.{name}.csv"
    if not path.is_file():
        pytest.skip("the full reference data stand beside the repository only")
    theirs, ours = pd.read_csv(path), example(name).data
    for column, reference in RENAMED[name].items():
        found = ours[column].astype(float)
        # written with 15 digits here and with 17 there
        pd.testing.assert_series_equal(found, theirs[reference].astype(float), check_names=False, rtol=1e-14)
