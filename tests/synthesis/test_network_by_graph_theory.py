r"""Networks against the formulas of electrical networks, written out with pseudo-inverses of all pairs of arms.

Rücker (2012), Research Synthesis Methods 3, 312-324, with weights of trials of several arms from
Rücker & Schwarzer (2014), Statistics in Medicine 33, 4353-4369: no baseline, no block of a covariance, no design
matrix against a reference, none of the code under test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from synovia.synthesis.network import component_network, from_contrasts, hat_matrix, network
from synovia.synthesis.network.contribution import CONTRIBUTIONS, find_contributions

Floats = NDArray[np.float64]

CLOSED = 1e-9  # pseudo-inverses of matrices with up to 60 rows against block algebra
LARGE = 1e-7  # the same, where networks have variances that differ a thousandfold

SEEDS = range(6)


def make_random_arms(seed: int) -> pd.DataFrame:
    """A connected network of 4 to 8 treatments, trials of 2 to 5 arms."""
    rng = np.random.default_rng(seed)
    T = int(rng.integers(4, 9))
    names = [f"t{i}" for i in range(T)]
    sets = [[names[i], names[int(rng.integers(i))]] for i in range(1, T)]  # a tree connects all
    sizes = rng.integers(2, min(6, T + 1), size=int(rng.integers(8, 16))).tolist()
    sets += [rng.choice(names, size=size, replace=False).tolist() for size in sizes]
    rows = []
    for number, own in enumerate(sets):
        base, level = rng.uniform(0.15, 0.4), rng.normal(20, 2)
        for name in own:
            n = int(rng.integers(30, 300))
            risk = base + 0.03 * names.index(name) + rng.normal(0, 0.03)
            events = int(np.clip(round(n * risk), 2, n - 2))
            mean = level + names.index(name) + rng.normal(0, 0.8)
            rows.append(
                (f"s{number}", name, events, n, float(n * rng.uniform(0.5, 2)), mean, rng.uniform(2, 6))
            )
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n", "time", "mean", "sd"])


ARM: dict[str, Callable[[pd.DataFrame], tuple[Any, Any]]] = {
    "OR": lambda d: (np.log(d.events / (d.n - d.events)), 1 / d.events + 1 / (d.n - d.events)),
    "RR": lambda d: (np.log(d.events / d.n), 1 / d.events - 1 / d.n),
    "RD": lambda d: (d.events / d.n, d.events * (d.n - d.events) / d.n**3),
    "ASD": lambda d: (np.arcsin(np.sqrt(d.events / d.n)), 1 / (4 * d.n)),
    "IRR": lambda d: (np.log(d.events / d.time), 1 / d.events),
    "IRD": lambda d: (d.events / d.time, d.events / d.time**2),
    "MD": lambda d: (d["mean"], d.sd**2 / d.n),
    "ROM": lambda d: (np.log(d["mean"]), (d.sd / d["mean"]) ** 2 / d.n),
}


def list_pairs(arms: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Every pair of arms of every trial."""
    value, variance = ARM[measure](arms)
    told = arms.assign(value=value, variance=variance)
    rows = []
    for study, own in told.groupby("study", sort=False):
        for one, other in combinations(own.to_dict("records"), 2):
            rows.append(
                (study, one["treatment"], other["treatment"], one["value"] - other["value"],
                 np.sqrt(one["variance"] + other["variance"]))
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["study", "treatment_1", "treatment_2", "estimate", "std_error"])


@dataclass
class Circuit:
    """A network of all pairs."""

    names: list[str]
    B: Floats
    W: Floats
    y: Floats
    same: Floats
    df: int

    @property
    def inverse(self) -> Floats:
        return np.asarray(np.linalg.pinv(self.B.T @ self.W @ self.B, hermitian=True), dtype=np.float64)

    @property
    def hat(self) -> Floats:
        return self.B @ self.inverse @ self.B.T @ self.W

    @property
    def q(self) -> float:
        rest = self.y - self.hat @ self.y
        return float(rest @ self.W @ rest)

    @property
    def moments(self) -> float:
        """The method of moments of netmeta, for trials of any number of arms."""
        spread = (self.B @ self.B.T) * self.same / 2
        slope = float(np.trace((np.eye(self.y.size) - self.hat) @ spread @ self.W))
        return max(0.0, (self.q - self.df) / slope)


def build(pairs: pd.DataFrame, tau2: float) -> Circuit:
    names = sorted({*pairs["treatment_1"], *pairs["treatment_2"]})
    B = np.zeros((len(pairs), len(names)))
    for row, (one, other) in enumerate(zip(pairs["treatment_1"], pairs["treatment_2"], strict=True)):
        B[row, names.index(one)], B[row, names.index(other)] = 1.0, -1.0
    studies = pairs["study"].to_numpy()
    weights = np.zeros(len(pairs))
    df: int = 1 - len(names)
    for study in dict.fromkeys(pairs["study"]):
        rows = np.flatnonzero(studies == study)
        own = np.flatnonzero(np.abs(B[rows]).sum(axis=0))
        b = B[np.ix_(rows, own)]
        m = len(own)
        V = np.zeros((m, m))
        for row, edge in zip(rows.tolist(), b, strict=True):
            i, j = np.flatnonzero(edge)
            V[i, j] = V[j, i] = pairs["std_error"].iloc[row] ** 2 + tau2
        back = -(b.T @ b) @ V @ (b.T @ b) / (2 * m**2)
        L = np.linalg.pinv(back, hermitian=True)
        weights[rows] = [-L[tuple(np.flatnonzero(edge))] for edge in b]
        df += m - 1
    same = (studies[:, None] == studies[None, :]).astype(float)
    return Circuit(names, B, np.diag(weights), pairs["estimate"].to_numpy(), same, df)


@pytest.mark.parametrize("measure", list(ARM))
@pytest.mark.parametrize("seed", SEEDS)
def test_effects_errors_and_q_of_every_measure(seed: int, measure: str) -> None:
    arms = make_random_arms(seed)
    tau2 = 0.03 if measure not in ("RD", "IRD", "ASD") else 0.0004
    for given in (0.0, tau2):
        net = network(arms, measure=measure, random=given > 0, tau2=given or "REML")
        circuit = build(list_pairs(arms, measure), given)
        x = circuit.inverse @ circuit.B.T @ circuit.W @ circuit.y
        order = [net.treatments.index(name) for name in circuit.names]
        estimate, error = (square[np.ix_(order, order)] for square in net.differences())
        assert estimate == pytest.approx(x[:, None] - x[None, :], rel=LARGE, abs=LARGE)
        v = np.diag(circuit.inverse)
        resistance = v[:, None] + v[None, :] - 2 * circuit.inverse
        np.fill_diagonal(resistance, 0.0)
        assert error == pytest.approx(np.sqrt(resistance), rel=LARGE, abs=LARGE)
    common = build(list_pairs(arms, measure), 0.0)
    facts = network(arms, measure=measure, tau2="DL").glance().iloc[0]
    assert facts["q"] == pytest.approx(common.q, rel=LARGE)
    assert facts["q_df"] == common.df
    assert facts["tau2"] == pytest.approx(common.moments, rel=LARGE, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_paule_and_mandel_put_q_on_its_degrees_of_freedom(seed: int) -> None:
    arms = make_random_arms(seed)
    net = network(arms, measure="MD", tau2="PM")
    circuit = build(list_pairs(arms, "MD"), float(net.fit.point.psi[0]))
    assert circuit.q == pytest.approx(circuit.df, rel=1e-6)  # a root search stops there
    assert net.spread > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hat_matrix_of_pairs_adds_up_to_that_of_edges(seed: int) -> None:
    pairs = list_pairs(make_random_arms(seed), "OR")
    net = network(pairs, tau2=0.05)
    circuit, found = build(pairs, 0.05), hat_matrix(net)
    weights: dict[tuple[str, str], Floats] = {}
    for row, edge in enumerate(circuit.B):
        i, j = np.flatnonzero(edge)
        sign = edge[i]
        key = (circuit.names[i], circuit.names[j])
        weights.setdefault(key, np.zeros(len(pairs)))
        weights[key][row] = sign
    for name in found.index:
        one, other = str(name).split(":")
        ends = np.zeros(len(circuit.names))
        ends[circuit.names.index(one)], ends[circuit.names.index(other)] = 1.0, -1.0
        pull = ends @ circuit.inverse @ circuit.B.T @ circuit.W
        for key, signs in weights.items():
            assert found.loc[name, ":".join(key)] == pytest.approx(
                float(pull @ signs), rel=CLOSED, abs=CLOSED
            )


def test_contributions_of_a_square_with_a_diagonal() -> None:
    r"""Five comparisons of equal weight: by Kirchhoff, 5/8 of A:B flows directly, 1/4 over C, 1/8 over C and D."""
    rows = {
        "study": list("12345"),
        "treatment_1": list("AABBC"),
        "treatment_2": list("BCCDD"),
        "estimate": [0.0] * 5,
        "std_error": [1.0] * 5,
    }
    design = from_contrasts(pd.DataFrame(rows))
    for method in CONTRIBUTIONS:
        shares = find_contributions(design, method=method).matrix()
        wanted = {"A:B": 5 / 8, "A:C": 1 / 8 + 1 / 24, "B:C": 1 / 8, "B:D": 1 / 24, "C:D": 1 / 24}
        assert (shares.loc["A:B"] / 100).to_dict() == pytest.approx(wanted, rel=CLOSED)
        across = (shares.loc["A:D"] / 100).to_dict()
        assert across == pytest.approx(
            {"A:B": 0.25, "A:C": 0.25, "B:C": 0.0, "B:D": 0.25, "C:D": 0.25}, abs=CLOSED
        )
    streams = find_contributions(design).streams("A", "B").set_index("stream")["flow"].to_dict()
    assert streams == pytest.approx({"A → B": 5 / 8, "A → C → B": 1 / 4, "A → C → D → B": 1 / 8})
    measured = find_contributions(design).measures().set_index("comparison").loc["A:B"]
    assert measured["mean_path"] == pytest.approx(5 / 8 + 2 / 4 + 3 / 8)
    assert measured["minimal_parallelism"] == pytest.approx(8 / 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_standardised_differences_share_one_standard_deviation(seed: int) -> None:
    arms = make_random_arms(seed)
    net = network(arms, measure="SMD", random=False)
    rows = net.design.rows.assign(study_rows=range(net.design.problem.n))
    omega = np.zeros((net.design.problem.n,) * 2)
    i, j, values = net.design.problem.V.entries()
    omega[i, j] = values
    for study, own in arms.groupby("study", sort=False):
        df, total = (own["n"] - 1).sum(), own["n"].sum()
        s = np.sqrt(((own["n"] - 1) * own["sd"] ** 2).sum() / df)
        told = own.set_index("treatment")
        mine = rows[rows["study"] == study]
        J = 1 - 3 / (4 * df - 1)
        base = told.loc[mine["baseline"].iloc[0]]
        g = np.array([J * (told.loc[name, "mean"] - base["mean"]) / s for name in mine["treatment"]])
        # the exact factor differs from this approximation by less than 1 in 10,000 above 20 degrees of freedom
        assert mine["estimate"].to_numpy() == pytest.approx(g, rel=1e-4)
        exact = mine["estimate"].to_numpy()
        n = told.loc[mine["treatment"], "n"].to_numpy()
        wanted = np.diag(1 / n) + 1 / base["n"] + np.outer(exact, exact) / (2 * total)
        places = mine["study_rows"].to_numpy()
        assert omega[np.ix_(places, places)] == pytest.approx(wanted, rel=CLOSED)


PARTS = ("none", "a", "b", "a + b", "a + c", "b + c", "a + b + c", "d", "c + d")


def make_parts(seed: int) -> tuple[pd.DataFrame, str | None]:
    """Some trials of a random network whose treatments are sums; seeds differ in how many parts it falls into."""
    rng = np.random.default_rng(100 + seed)
    arms = make_random_arms(seed)
    names = sorted(arms["treatment"].unique())
    called = dict(zip(names, rng.permutation(PARTS).tolist(), strict=False))
    kept = arms["study"].isin(rng.permutation(arms["study"].unique())[: 6 + seed])
    pairs = list_pairs(arms[kept].replace(called), "MD")
    return pairs, "none" if (pairs[["treatment_1", "treatment_2"]] == "none").any(axis=None) else None


def find_additive(circuit: Circuit) -> tuple[list[str], Floats]:
    components = sorted({part for name in circuit.names for part in name.split(" + ")} - {"none"})
    C = np.array([[part in name.split(" + ") for part in components] for name in circuit.names], dtype=float)
    return components, circuit.B @ C


def invert(circuit: Circuit, X: Floats) -> Floats:
    return np.asarray(np.linalg.pinv(X.T @ circuit.W @ X, hermitian=True, rcond=1e-11), dtype=np.float64)


@pytest.mark.parametrize("seed", SEEDS)
def test_components_are_the_pseudo_inverse_of_the_additive_circuit(seed: int) -> None:
    pairs, inactive = make_parts(seed)
    circuit = build(pairs, 0.0)
    components, X = find_additive(circuit)
    back = invert(circuit, X)
    beta = back @ X.T @ circuit.W @ circuit.y
    net = component_network(pairs, inactive=inactive, random=False)
    assert net.components == tuple(components)
    known = np.abs(np.linalg.pinv(X) @ X - np.eye(len(components))).max(axis=1) < 1e-9
    tidy = net.tidy()
    assert tidy["identified"].to_numpy().tolist() == known.tolist()
    assert tidy["estimate"].to_numpy()[known] == pytest.approx(beta[known], rel=LARGE)
    assert tidy["std_error"].to_numpy()[known] == pytest.approx(np.sqrt(np.diag(back))[known], rel=LARGE)


@pytest.mark.parametrize("seed", SEEDS)
def test_additivity_and_moments_are_those_of_the_additive_circuit(seed: int) -> None:
    pairs, inactive = make_parts(seed)
    circuit = build(pairs, 0.0)
    _, X = find_additive(circuit)
    hat = X @ invert(circuit, X) @ X.T @ circuit.W
    rest = circuit.y - hat @ circuit.y
    q, rank = float(rest @ circuit.W @ rest), int(np.linalg.matrix_rank(X))
    trials = circuit.df - 1 + len(circuit.names)
    whole = trials - int(np.linalg.matrix_rank(circuit.B))
    tests = component_network(pairs, inactive=inactive, random=False).test_additivity()
    assert tests["q"].to_numpy()[:2] == pytest.approx([q, circuit.q], rel=LARGE, abs=1e-9)
    assert tests["df"].to_numpy()[:2] == pytest.approx([trials - rank, whole])
    spread = (circuit.B @ circuit.B.T) * circuit.same / 2
    slope = float(np.trace((np.eye(len(pairs)) - hat) @ spread @ circuit.W))
    moments = component_network(pairs, inactive=inactive, tau2="DL").tau2
    assert moments == pytest.approx(max(0.0, (q - trials + rank) / slope), rel=LARGE, abs=1e-12)
