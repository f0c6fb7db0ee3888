"""Effect sizes against metafor 5.0-1, on the datasets its users know."""

import csv
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synovia.effects import (
    Counts,
    Effect,
    Means,
    back_transform_logit,
    freeman_tukey,
    log_odds_ratio,
    log_ratio_of_means,
    log_risk_ratio,
    logit_proportion,
    mean_change,
    mean_difference,
    risk_difference,
    standardised_mean_difference,
)
from synovia.effects.effect import Array
from synovia.extraction import sd_of_change

PARITY = Path(__file__).parents[2].parent / "shared" / "parity"
RTOL = 1e-10  # closed forms in double precision on either side; gamma functions differ in the last digits
Columns = dict[str, Array]

MEANS = {"MD": mean_difference, "SMD": standardised_mean_difference, "ROM": log_ratio_of_means}
MEAN_SETS = ("dat.normand1999", "dat.curtis1998", "dat.gibson2002")
COUNT_SETS = ("dat.bcg", "dat.hine1989", "dat.nielweise2007", "zerocells")
WAYS = ("", "_to_all", "_to_none", "_to_only0")


def case(file: str, case_id: str) -> dict[str, Any]:
    path = PARITY / file
    if not path.is_file():
        pytest.skip("reference values from R are not here")
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    found: dict[str, Any] = next(c for c in cases if c["id"] == case_id)
    return found


def columns(reference: dict[str, Any]) -> Columns:
    """The arrays of the R call by argument name."""
    with (PARITY / "data" / f"{reference['dataset']}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    named = re.findall(r"\b(\w+)=([\w.]+)\b", reference["r_call"])
    return {
        name: np.array([_number(row[column]) for row in rows])
        for name, column in named
        if rows and column in rows[0]
    }


def _number(text: str) -> float:
    return math.nan if text in ("", "NA") else float(text)


def expected(reference: dict[str, Any]) -> tuple[Array, Array]:
    yi, vi = (
        np.array([math.nan if x is None else float(x) for x in reference["results"][key]])
        for key in ("yi", "vi")
    )
    return np.where(np.isfinite(yi), yi, math.nan), np.where(np.isfinite(vi), vi, math.nan)


def agree(effect: Effect, reference: dict[str, Any]) -> None:
    yi, vi = expected(reference)
    told = np.isfinite(yi) & np.isfinite(vi)
    assert told.any()
    np.testing.assert_allclose(effect.estimate[told], yi[told], rtol=RTOL, atol=1e-14)
    np.testing.assert_allclose(effect.variance[told], vi[told], rtol=RTOL)
    assert np.isnan(effect.estimate[~told]).all()


def groups(data: Columns) -> tuple[Means, Means]:
    return Means(data["m1i"], data["sd1i"], data["n1i"]), Means(data["m2i"], data["sd2i"], data["n2i"])


def tables(data: Columns) -> tuple[Counts, Counts]:
    n1 = data["n1i"] if "n1i" in data else data["ai"] + data["bi"]
    n2 = data["n2i"] if "n2i" in data else data["ci"] + data["di"]
    return Counts(data["ai"], n1), Counts(data["ci"], n2)


@pytest.mark.parametrize("name", MEAN_SETS)
@pytest.mark.parametrize("measure", MEANS)
def test_means(measure: str, name: str) -> None:
    reference = case("01_escalc.json", f"escalc_{measure}_{name}")
    agree(MEANS[measure](*groups(columns(reference))), reference)


@pytest.mark.parametrize("name", MEAN_SETS)
def test_smd_is_the_large_sample_kind(name: str) -> None:
    reference = case("01_escalc.json", f"escalc_SMD_vtype_LS_{name}")
    agree(standardised_mean_difference(*groups(columns(reference))), reference)


@pytest.mark.parametrize("name", MEAN_SETS)
def test_ratio_of_means_without_bias_correction(name: str) -> None:
    reference = case("01_escalc.json", f"escalc_nobiascorr_ROM_{name}")
    agree(log_ratio_of_means(*groups(columns(reference)), correct=False), reference)


@pytest.mark.parametrize("name", COUNT_SETS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_counts(measure: str, way: str, name: str) -> None:
    reference = case("01_escalc.json", f"escalc_{measure}{way}_{name}")
    treatment, comparator = tables(columns(reference))
    to: Any = way.removeprefix("_to_") or "only0"
    if measure == "RD":
        agree(risk_difference(treatment, comparator, to=to), reference)
    elif measure == "OR":
        agree(log_odds_ratio(treatment, comparator, to=to, keep=True), reference)
    else:
        agree(log_risk_ratio(treatment, comparator, to=to, keep=True), reference)


def test_studies_without_events_are_dropped_as_drop00_does() -> None:
    reference = case("01_escalc.json", "escalc_OR_drop00_zerocells")
    agree(log_odds_ratio(*tables(columns(reference))), reference)


@pytest.mark.parametrize("name", ["dat.pritz1997", "proportions0"])
@pytest.mark.parametrize(("measure", "effect"), [("PLO", logit_proportion), ("PFT", freeman_tukey)])
def test_proportions(measure: str, effect: Callable[[Counts], Effect], name: str) -> None:
    reference = case("01_escalc.json", f"escalc_{measure}_{name}")
    data = columns(reference)
    agree(effect(Counts(data["xi"], data["ni"])), reference)


def test_change_from_two_sds_and_a_correlation() -> None:
    reference = case("01_escalc.json", "escalc_MC_prepost_morris")
    data = columns(reference)
    zipped = zip(data["sd2i"], data["sd1i"], data["ri"], strict=True)
    sds = np.array([sd_of_change(before, after, r).value for before, after, r in zipped])
    agree(mean_change(Means(data["m1i"] - data["m2i"], sds, data["ni"])), reference)


def test_mean_of_one_group() -> None:
    reference = case("01_escalc.json", "escalc_MN_normand")
    data = columns(reference)
    agree(mean_change(Means(data["mi"], data["sdi"], data["ni"]), measure="MN"), reference)


def test_logit_back_transformation() -> None:
    results = case("02_transf.json", "transf.ilogit_x")["results"]
    np.testing.assert_allclose(back_transform_logit(np.array(results["x"])), results["y"], rtol=1e-14)
