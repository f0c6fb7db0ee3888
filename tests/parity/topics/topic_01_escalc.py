"""Effect sizes: every call of escalc, through the table of measures."""

import re
from typing import Any

import numpy as np

from parity.grid import Case
from synovia.effects import effect_sizes

RTOL = 1e-9  # closed forms in double precision on either side; gamma and hypergeometric functions differ in the last digits

COUNTS = [{"events": "ai ci", "n": "n1i n2i"}, {"events": "ai ci", "nonevents": "bi di"}]
GROUPS = [{"mean": "m1i m2i", "sd": "sd1i sd2i", "n": "n1i n2i"}]
PAIRED = [{"mean": "m1i m2i", "sd": "sd1i sd2i", "n": "ni", "correlation": "ri"}]
TESTS = [{name: letter, "n": "n1i n2i"} for name, letter in (("t", "ti"), ("d", "di"), ("p", "pi"))]
FORMS: dict[str, list[dict[str, str]]] = {
    "tables": COUNTS,
    "means": [*GROUPS, *TESTS],
    "change": PAIRED,
    "single": [{"mean": "mi", "sd": "sdi", "n": "ni"}],
    "correlation": [{"correlation": "ri", "n": "ni"}],
    "partial": [{"t": "ti", "n": "ni", "predictors": "mi"}],
    "semipartial": [{"t": "ti", "n": "ni", "predictors": "mi", "r2": "r2i"}],
    "share": [{"r2": "r2i", "n": "ni", "predictors": "mi"}],
    "proportion": [{"events": "xi", "n": "ni"}],
    "rates": [{"events": "x1i x2i", "time": "t1i t2i"}],
    "rate": [{"events": "xi", "time": "ti"}],
    "alpha": [{"alpha": "ai", "items": "mi", "n": "ni"}],
    "pairs": [{"pairs": "ai bi ci di"}],
    "genotypes": [{"genotypes": "ai bi ci"}],
    "spread": [{"sd": "sd1i sd2i", "n": "n1i n2i"}],
    "spread of change": [{"sd": "sd1i sd2i", "n": "ni", "correlation": "ri"}],
    "single sd": [{"sd": "sdi", "n": "ni"}],
}
FORM_OF = {
    "tables": "OR RR RD PETO AS PHI ZPHI YUQ YUY RTET ZTET PBIT OR2D OR2DN OR2DL",
    "means": "MD SMD SMDH SMD1 SMD1H ROM CVR CLESN AUCN D2OR D2ORN D2ORL RPB ZPB RBIS ZBIS",
    "change": "MC SMCC SMCR SMCRH SMCRP SMCRPH ROMC CVRC CLESCN AUCCN",
    "single": "MN SMN MNLN CVLN",
    "single sd": "SDLN",
    "correlation": "COR UCOR ZCOR",
    "partial": "PCOR ZPCOR",
    "semipartial": "SPCOR ZSPCOR",
    "share": "R2 ZR2",
    "proportion": "PR PLN PLO PRZ PAS PFT",
    "rates": "IRR IRD IRSD",
    "rate": "IR IRLN IRS IRFT",
    "alpha": "ARAW AHW ABT",
    "pairs": "MPRD MPRR MPOR MPORC MPPETO",
    "genotypes": "REH",
    "spread": "VR",
    "spread of change": "VRC",
}


def check(case: Case) -> None:
    measure = option(case.call, "measure")
    form = next(form for form, measures in FORM_OF.items() if measure in measures.split())
    result = effect_sizes(case.tables[0], measure, **chosen(case.call), **columns(case.call, form))
    estimates = numbers(case.results["yi"])
    agree(np.asarray(result["estimate"]), estimates)
    # R may give a variance to a study without an estimate; such a row is missing here, for it cannot be used.
    agree(np.asarray(result["variance"]), np.where(np.isnan(estimates), np.nan, numbers(case.results["vi"])))


def option(call: str, name: str) -> str:
    found = re.search(rf'\b{name}="?([\w.]+)"?', call)
    return found.group(1) if found else ""


def chosen(call: str) -> dict[str, Any]:
    """The settings of the call, in our words; R names the occasion that is the unit first."""
    settings: dict[str, Any] = {"unit": "after"}
    for ours, theirs in (("to", "to"), ("variance", "vtype")):
        if option(call, theirs):
            settings[ours] = option(call, theirs)
    if option(call, "add"):
        settings["add"] = float(option(call, "add"))
    settings["drop00"] = option(call, "drop00") == "TRUE"
    settings["correct"] = "none" if option(call, "correct") == "FALSE" else "exact"
    return settings


def columns(call: str, form: str) -> dict[str, Any]:
    given = dict(re.findall(r"\b(\w+)=([\w.]+)\b", call))
    needs = next(
        needs for needs in FORMS[form] if all(x in given for xs in needs.values() for x in xs.split())
    )
    named = {name: tuple(given[letter] for letter in letters.split()) for name, letters in needs.items()}
    return {name: column if len(column) > 1 else column[0] for name, column in named.items()}


def numbers(values: list[Any]) -> np.ndarray:
    found = np.array([np.nan if x is None else float(x) for x in values])
    return np.where(np.isfinite(found), found, np.nan)


def agree(ours: np.ndarray, theirs: np.ndarray) -> None:
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=1e-14)
