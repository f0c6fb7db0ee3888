"""Networks against R's netmeta: incoherence and contributions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from synovia.kernel import CHOICES
from synovia.synthesis.network import from_contrasts
from synovia.synthesis.network.contrasts import alphabetical
from synovia.synthesis.network.contribution import find_contributions
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.incoherence import decompose
from synovia.synthesis.network.interaction import Interaction
from synovia.synthesis.network.split import split_evidence

CLOSED = 1e-8  # closed forms, a moment estimate of tau2 included
SMALL = 1e-10  # where R leaves rounding instead of 0
TAIL = 1e-7  # a p-value moves with the square of its statistic

KINDS = (("direct", "direct"), ("indirect", "indirect"), ("compare", "difference"))
MIRRORED = {"lower": "upper", "upper": "lower"}


def read_design(case: Case) -> NetworkDesign:
    """The network of a case."""
    text = dict.fromkeys(("studlab", "treat1", "treat2"), str)
    return from_contrasts(
        case.tables[0].astype(text),
        study="studlab",
        treatment_1="treat1",
        treatment_2="treat2",
        estimate="TE",
        std_error="seTE",
    )


def read_models(design: NetworkDesign) -> dict[str, float]:
    """Tau2 of both models of netmeta, whose default is a moment estimate."""
    return {"common": 0.0, "random": float(CHOICES["DL"](design.problem).psi[0])}


def sort_name(name: str) -> str:
    """A comparison or design with its treatments in alphabetical order."""
    return ":".join(sorted(name.split(":"), key=alphabetical))


def agree(ours: Any, theirs: Any, close: float = CLOSED) -> None:
    """Equal, NaN where R has none."""
    expected = pd.to_numeric(pd.Series(theirs, dtype=object), errors="coerce").to_numpy(dtype=float)
    assert np.asarray(ours, dtype=float) == pytest.approx(expected, rel=close, abs=SMALL, nan_ok=True)


def check_decomposition(case: Case) -> None:
    """Q within and between designs, each design detached, the interaction with random effects."""
    found, theirs = decompose(read_design(case)), case.results
    parts = found.tidy().iloc[:3]
    for column, name in (("q", "Q"), ("df", "df"), ("p_value", "pval")):
        agree(parts[column], theirs["Q.decomp"][name], TAIL if name == "pval" else CLOSED)
    designs = found.designs.set_index("design")
    within = designs.loc[[sort_name(name) for name in theirs["Q.het.design"]["design"]]]
    agree(within["q_within"], theirs["Q.het.design"]["Q"])
    agree(within["df_within"], theirs["Q.het.design"]["df"])
    detached = designs.loc[[sort_name(name) for name in theirs["Q.inc.detach"]["design"]]]
    for column, name in (("q_detached", "Q"), ("df_detached", "df"), ("p_detached", "pval")):
        agree(detached[column], theirs["Q.inc.detach"][name], TAIL if name == "pval" else CLOSED)
    compare_interaction(found.interaction, theirs["Q.inc.random"])


def compare_interaction(found: Any, theirs: Any) -> None:
    """The test with random effects within designs."""
    assert isinstance(found, Interaction)
    agree([found.q], theirs["Q"])
    agree([found.df], theirs["df"])
    agree([found.p_value], theirs["pval"], TAIL)
    agree([np.sqrt(found.tau2)], theirs["tau.within"])


def check_split(case: Case) -> None:
    """Direct and indirect estimates of every comparison, and what lies between them."""
    design, theirs = read_design(case), case.results
    for model, tau2 in read_models(design).items():
        table = split_evidence(design, tau2).tidy()
        table.index = pd.Index(table["treatment_1"] + ":" + table["treatment_2"])
        rows = table.loc[[sort_name(name) for name in theirs["comparison"]]]
        turned = np.array([name != sort_name(name) for name in theirs["comparison"]])
        agree(rows["k"], theirs["k"])
        agree(rows["direct_share"], theirs[f"prop.{model}"])
        agree(np.where(turned, -1, 1) * rows["network"], theirs[model]["TE"])
        for name, column in KINDS:
            compare_estimates(rows, column, turned, theirs[f"{name}.{model}"])
        agree(rows["p_value"], theirs[f"compare.{model}"]["p"], TAIL)


def compare_estimates(rows: pd.DataFrame, column: str, turned: Any, theirs: Any) -> None:
    """An estimate with its error and limits; R turns some comparisons round."""
    agree(np.where(turned, -1, 1) * rows[column], theirs["TE"])
    agree(rows[f"{column}_std_error"], theirs["seTE"])
    for side, other in MIRRORED.items():
        limits = np.where(turned, -rows[f"{column}_{other}"], rows[f"{column}_{side}"])
        agree(limits, theirs[side])


def check_contributions(case: Case) -> None:
    """Contributions by shortest paths."""
    design = read_design(case)
    for model, tau2 in read_models(design).items():
        theirs = case.results[model]
        ours = find_contributions(design, tau2).matrix()
        chosen = ours.loc[sort_names(theirs["rows"]), sort_names(theirs["cols"])]
        expected = np.array(theirs["data"], dtype=float)
        assert chosen.to_numpy() / 100 == pytest.approx(expected, rel=CLOSED, abs=SMALL)


def sort_names(names: Sequence[str]) -> list[str]:
    """``sort_name`` of each."""
    return [sort_name(str(name)) for name in names]


def check_measures(case: Case) -> None:
    """Share of direct evidence, mean length of paths, minimal parallelism."""
    design, theirs = read_design(case), case.results
    tau2 = read_models(design)["random" if theirs["random"] else "common"]
    split = split_evidence(design, tau2).tidy()
    measured = find_contributions(design, tau2).measures().set_index("comparison")
    share = split["direct_share"].set_axis(measured.index)
    for name, ours in (
        ("proportion", share),
        ("meanpath", measured["mean_path"]),
        ("minpar", measured["minimal_parallelism"]),
    ):
        agree(ours.loc[sort_names(list(theirs[name]))], list(theirs[name].values()))


CHECKS = {
    "decomp.design_": check_decomposition,
    "netsplit_": check_split,
    "netcontrib_": check_contributions,
    "netmeasures_": check_measures,
}


COVERS = "|".join(f"{prefix}.*" for prefix in CHECKS)


def check(case: Case) -> None:
    """One case of incoherence or contribution."""
    next(run for prefix, run in CHECKS.items() if case.id.startswith(prefix))(case)
