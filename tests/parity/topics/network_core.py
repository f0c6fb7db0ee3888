"""Networks against R's netmeta: estimates, rankings, league tables, flows."""

import re
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from synovia.kernel import CHOICES, Correlated, Diagonal, Matrix, Problem, Term, point
from synovia.synthesis.network import Network, network
from synovia.synthesis.network.direct import direct_evidence, hat_matrix, laplacian
from synovia.synthesis.network.ranking import p_scores, rank

AT_THEIRS = 1e-9  # two orders of the same sums
CLOSED = 1e-8
SEARCHED = 1e-5
DRAWN = 4 * 0.0035  # the mean of 20,000 draws of a number between 0 and 1 has an error of at most 0.0035

DISPUTED = {
    "tau2": re.compile("netmeta_(REML|ML)_(Senn2013|smokingcessation)"),
    "SUCRA": re.compile("netrank_SUCRA_nsim1e5_(parkinson|Franchini2012)"),
}
"""Parts of cases that R and Synovia answer differently; disagreements.toml says why."""

COLUMNS = {
    "study": "studlab", "treatment_1": "treat1", "treatment_2": "treat2", "estimate": "TE", "std_error": "seTE",
}  # fmt: skip
REFERENCES = re.compile(r'reference\.group="(\w+)"')


def read_network(case: Case, *, random: bool = True, tau2: Any = "DL") -> Network:
    """The network of a case."""
    data = case.tables[0]
    return network(data.astype({"studlab": str}), columns=COLUMNS, random=random, tau2=tau2)


def read_matrix(found: Any) -> pd.DataFrame:
    """A matrix of R."""
    rows, columns = (list(map(str, found[side])) for side in ("rows", "cols"))
    return pd.DataFrame(found["data"], index=rows, columns=columns)


def spread(net: Network, column: str) -> pd.DataFrame:
    """A column of all pairs as a matrix, row minus column."""
    names, flipped = list(net.treatments), {"lower": "upper", "upper": "lower"}
    if column.startswith("prediction"):
        flipped = {f"prediction_{one}": f"prediction_{two}" for one, two in flipped.items()}
    out = pd.DataFrame(np.nan, index=names, columns=names)
    listed = net.pairs()
    sign = -1 if column == "estimate" or column in flipped else 1
    for one, two, value, other in zip(
        listed["treatment_1"],
        listed["treatment_2"],
        listed[column],
        listed[flipped.get(column, column)],
        strict=True,
    ):
        out.loc[one, two], out.loc[two, one] = value, sign * other
    return out


def compare_matrices(ours: pd.DataFrame, theirs: Any, close: float) -> None:
    """Off the diagonal, in R's order; what R leaves empty is left."""
    expected = read_matrix(theirs).apply(pd.to_numeric, errors="coerce")
    got = ours.loc[expected.index, expected.columns].to_numpy()
    want = expected.to_numpy(dtype=float)
    told = np.isfinite(want) & ~np.eye(len(want), dtype=bool)
    assert got[told] == pytest.approx(want[told], rel=close, abs=close)


def check_fit(case: Case) -> None:
    """Every number of netmeta: at R's tau2, then end to end."""
    theirs = case.results
    if "TE.random" not in theirs:
        check_ignored_option(case)
        return
    check_at_theirs(case)
    check_likelihood(case)
    if DISPUTED["tau2"].fullmatch(case.id):
        check_tau2_without_covariance(case)
    else:
        check_tau2(case)


def check_at_theirs(case: Case) -> None:
    """Everything at R's tau2."""
    theirs = case.results
    common = read_network(case, random=False)
    at_theirs = read_network(case, tau2=float(theirs["tau2"]))
    for net, kind in ((common, "common"), (at_theirs, "random")):
        compare_kind(net, theirs, kind, AT_THEIRS)
    compare_predictions(at_theirs, theirs)
    compare_facts(common, theirs)


def check_ignored_option(case: Case) -> None:
    """netmeta takes no ``method.random.ci``: the limits are normal, as in the case without it."""
    net = read_network(case, tau2=float(case.results["tau"]) ** 2)
    compare_matrices(spread(net, "std_error"), case.results["seTE.random"], CLOSED)
    for side in ("lower", "upper"):
        compare_matrices(spread(net, side), case.results[f"{side}.random"], CLOSED)


def compare_kind(net: Network, theirs: Any, kind: str, close: float) -> None:
    """Estimates, errors, limits, tests and direct evidence."""
    names = {"TE": "estimate", "seTE": "std_error", "lower": "lower", "upper": "upper"}
    for name, column in names.items():
        compare_matrices(spread(net, column), theirs[f"{name}.{kind}"], close)
    # a p-value moves with the square of its statistic
    compare_matrices(spread(net, "p_value"), theirs[f"pval.{kind}"], 1e-7)
    compare_direct(net, theirs, kind, close)


def compare_direct(net: Network, theirs: Any, kind: str, close: float) -> None:
    """Direct estimates, their errors and their shares."""
    found = direct_evidence(net)
    estimate, error = (read_matrix(theirs[f"{name}.direct.{kind}"]) for name in ("TE", "seTE"))
    shares = theirs.get(f"prop.direct.{kind}") or {}
    for row in found.to_dict("records"):
        one, two = str(row["treatment_1"]), str(row["treatment_2"])
        assert row["estimate"] == pytest.approx(
            float(np.asarray(estimate.loc[one, two])), rel=close, abs=close
        )
        assert row["std_error"] == pytest.approx(float(np.asarray(error.loc[one, two])), rel=close)
        named = shares.get(f"{one}:{two}", shares.get(f"{two}:{one}"))
        if named is not None:
            assert row["share"] == pytest.approx(named, rel=1e-8, abs=1e-9)


def compare_predictions(net: Network, theirs: Any) -> None:
    """Prediction intervals."""
    for side in ("lower", "upper"):
        compare_matrices(spread(net, f"prediction_{side}"), theirs[f"{side}.predict"], AT_THEIRS)


def compare_facts(net: Network, theirs: Any) -> None:
    """Sizes, Q and I2."""
    facts: Any = net.glance().iloc[0]
    sizes = {"trials": "k", "pairwise": "m", "treatments": "n", "designs": "d", "q_df": "df.Q"}
    for name, of_theirs in sizes.items():
        assert facts[name] == theirs[of_theirs], name
    assert facts["q"] == pytest.approx(theirs["Q"], rel=AT_THEIRS)
    assert facts["q_p_value"] == pytest.approx(theirs["pval.Q"], rel=1e-7)
    assert facts["i2"] == pytest.approx(100 * theirs["I2"], rel=AT_THEIRS)
    limits = {"i2_lower": "lower.I2", "i2_upper": "upper.I2"}
    for name, of_theirs in limits.items():
        assert facts[name] == pytest.approx(100 * theirs[of_theirs], rel=AT_THEIRS, abs=AT_THEIRS), name


def check_likelihood(case: Case) -> None:
    """At our tau2 the model is at least as likely as at R's."""
    way = case.id.split("_")[1]
    if way == "DL":
        return
    net = read_network(case, tau2=way)
    at = point(net.fit.problem, [float(case.results["tau2"])])
    ours, theirs = (x.log_reml if way == "REML" else x.log_ml for x in (net.fit.point, at))
    assert ours >= theirs - 1e-8


def check_tau2(case: Case) -> None:
    """Tau2 end to end."""
    way = case.id.split("_")[1]
    close = CLOSED if way == "DL" else SEARCHED
    tau2 = read_network(case, tau2=way).fit.point.psi[0]
    assert tau2 == pytest.approx(case.results["tau2"], rel=close, abs=1e-8)


def check_tau2_without_covariance(case: Case) -> None:
    """R's tau2 is that of comparisons with one arm of each trial, taken for independent."""
    way = case.id.split("_")[1]
    data = case.tables[0].astype({"studlab": str})
    arms = {str(study): sorted({*own.treat1, *own.treat2}) for study, own in data.groupby("studlab")}
    several = [study for study, names in arms.items() if len(names) > 2]
    found = []
    for chosen in product(*(arms[study] for study in several)):
        kept = {study: names[0] for study, names in arms.items()} | dict(zip(several, chosen, strict=True))
        found.append(find_tau2_without_covariance(data, kept, way))
    assert min(abs(tau2 / case.results["tau2"] - 1) for tau2 in found) < SEARCHED


def find_tau2_without_covariance(data: pd.DataFrame, baselines: dict[str, str], way: str) -> float:
    """Tau2 of the comparisons with the baselines, their sampling errors taken for independent."""
    baseline = data["studlab"].map(baselines)
    kept = (data["treat1"] == baseline) | (data["treat2"] == baseline)
    data, baseline = data.loc[kept], baseline.loc[kept]
    sign = np.where(data["treat2"] == baseline, 1.0, -1.0)
    arm = data["treat1"].where(sign > 0, data["treat2"])
    names = sorted({*arm, *baseline})[1:]
    design = np.array(
        [(arm == name).to_numpy(float) - (baseline == name).to_numpy(float) for name in names]
    ).T
    position = data.groupby("studlab").cumcount().to_numpy()
    halves = Correlated(Matrix((np.eye(position.max() + 1) + 1) / 2))
    term = Term(data["studlab"].to_numpy(), halves, position)
    problem = Problem(sign * data["TE"], design, Diagonal(data["seTE"] ** 2), (term,))
    return float(CHOICES[way](problem).psi[0])


def check_ranking(case: Case) -> None:
    """P-scores, or SUCRA from 20,000 draws of R; in draws of our own SUCRA is the P-score."""
    better: Any = "higher" if "_bad_" in case.id else "lower"
    if "SUCRA" in case.id:
        if not DISPUTED["SUCRA"].fullmatch(case.id):
            check_areas(case)
        found = rank(read_network(case), better=better, draws=20_000)
        areas = np.cumsum(found.probabilities, axis=1)[:, :-1].mean(axis=1)
        assert areas == pytest.approx(found.scores, abs=DRAWN)
        return
    for kind, random in (("common", False), ("random", True)):
        scores = p_scores(read_network(case, random=random), better=better)
        for name, value in case.results[f"Pscore.{kind}"].items():
            assert scores[name] == pytest.approx(value, rel=AT_THEIRS, abs=1e-12)


def check_areas(case: Case) -> None:
    """SUCRA from draws of R against the P-scores they estimate."""
    for kind, random in (("common", False), ("random", True)):
        scores = p_scores(read_network(case, random=random), better="lower")
        for name, value in case.results[f"SUCRA.{kind}"].items():
            assert scores[name] == pytest.approx(value, abs=DRAWN)


def check_league(case: Case) -> None:
    """Cells of the league table, printed to four decimals."""
    for kind, random in (("common", False), ("random", True)):
        shown = read_matrix(case.results[kind])
        names = [str(shown.iloc[i, i]) for i in range(len(shown))]
        net = read_network(case, random=random)
        ours = net.league(order=tuple(names), ratio=False, digits=4)
        compare_cells(case, ours, shown)


def compare_cells(case: Case, ours: Any, shown: pd.DataFrame) -> None:
    """Numbers of the cells."""
    ratio = re.search(r'sm="(OR|RR|IRR)"', case.call) is not None
    numbers = np.stack([ours.estimate, ours.lower, ours.upper])
    numbers = np.exp(numbers) if ratio else numbers
    for i, cells in enumerate(shown.to_numpy().tolist()):
        for j, cell in enumerate(cells):
            if i == j:
                continue
            if cell in (".", None):
                assert np.isnan(numbers[0, i, j])
                continue
            found = [float(x) for x in re.findall(r"-?\d+\.\d+|-?\d+", cell)]
            # printed to four decimals
            assert numbers[:, i, j] == pytest.approx(found, abs=0.5001e-4), cell


def check_connection(case: Case) -> None:
    """Distances and the Laplacian of counts."""
    net, theirs = read_network(case, random=False), case.results
    assert theirs["n.subnets"] == 1
    ours = net.connection()
    for found, name in ((ours.distances(), "D"), (ours.laplacian(), "L")):
        expected = read_matrix(theirs[name])
        assert (found.loc[expected.index, expected.columns].to_numpy() == expected.to_numpy()).all()


def check_hat(case: Case) -> None:
    """The hat matrix of Davies and others."""
    for kind, random in (("common", False), ("random", True)):
        ours, theirs = hat_matrix(read_network(case, random=random)), read_matrix(case.results[kind])
        assert set(theirs.index) <= set(ours.index)
        got = ours.loc[theirs.index, theirs.columns].to_numpy()
        assert got == pytest.approx(theirs.to_numpy(dtype=float), rel=CLOSED, abs=CLOSED)


def check_detail(case: Case) -> None:
    """Fitted values, weights of comparisons."""
    net, theirs = read_network(case), case.results
    estimates = spread(net, "estimate")
    fitted = [estimates.loc[a, b] for a, b in zip(theirs["treat1"], theirs["treat2"], strict=True)]
    assert fitted == pytest.approx(theirs["TE.nma.random"], rel=CLOSED)
    for kind, random in (("common", False), ("random", True)):
        weights = laplacian(read_network(case, random=random))
        place = {name: i for i, name in enumerate(net.treatments)}
        total = np.zeros_like(weights)
        for a, b, w in zip(theirs["treat1"], theirs["treat2"], theirs[f"w.{kind}"], strict=True):
            total[place[a], place[b]] += w
        assert -np.triu(weights, 1) == pytest.approx(np.triu(total + total.T, 1), rel=CLOSED, abs=1e-9)


CHECKS = {
    "netmeta_smoking_detail": check_detail,
    "netmeta_": check_fit,
    "netrank_": check_ranking,
    "netleague_": check_league,
    "netconnection_": check_connection,
    "hatmatrix_": check_hat,
}


PARTS = {"tau2": check_tau2, "SUCRA": check_areas}
COVERS = "|".join(f"{prefix}.*" for prefix in CHECKS)


def check(case: Case) -> None:
    """One case of the core."""
    next(run for prefix, run in CHECKS.items() if case.id.startswith(prefix))(case)
