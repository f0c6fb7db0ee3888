"""Simulated problems, and their likelihood with whole matrices: slow, short, a reference for what is fast."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synovia.kernel import Blocks, Diagonal, Problem, RandomTerm, Term
from synovia.kernel.solver import split

Floats = NDArray[np.float64]


def make_dense(problem: Problem, psi: Sequence[float] | Floats) -> Floats:
    """Omega as one (n, n) matrix."""
    omega = np.zeros((problem.n, problem.n))
    rows, columns, values = problem.V.entries()
    omega[rows, columns] = values
    for term, part in zip(problem.terms, split(problem.terms, np.asarray(psi, dtype=float)), strict=True):
        omega += make_dense_term(term, part)
    return omega


def make_dense_term(term: RandomTerm, psi: Floats) -> Floats:
    """Z (I x G) Z' of one term, entry by entry."""
    if not isinstance(term, Term):
        return np.diag(term.row_variances(psi))
    inner = term.structure.covariance(psi)
    loadings = np.eye(inner.shape[0])[term.codes] if term.loadings is None else term.loadings
    return np.asarray((loadings @ inner @ loadings.T) * (term.groups[:, None] == term.groups[None, :]))


def dense_point(
    problem: Problem, psi: Sequence[float] | Floats
) -> tuple[float, float, Floats, Floats, float]:
    """log_ml, log_reml, beta, cov, rss by explicit inverses."""
    inverse = np.linalg.inv(make_dense(problem, psi))
    design, n, p = problem.X, problem.n, problem.p
    gain = design.T @ inverse @ design
    beta = np.linalg.solve(gain, design.T @ inverse @ problem.y)
    residuals = problem.y - design @ beta
    rss = float(residuals @ inverse @ residuals)
    det = -np.linalg.slogdet(inverse)[1]
    ml = -0.5 * (n * np.log(2 * np.pi) + det + rss)
    extra = np.linalg.slogdet(gain)[1] - np.linalg.slogdet(design.T @ design)[1]
    reml = -0.5 * ((n - p) * np.log(2 * np.pi) + det + rss + extra)
    return float(ml), float(reml), np.asarray(beta), np.asarray(np.linalg.inv(gain)), rss


def simulate(seed: int, sizes: tuple[int, ...], *, random: str = "effect", p: int = 1) -> Problem:
    """A problem of any block structure, tau 0.6 between blocks; rows of a block lie anywhere."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    index = np.split(rng.permutation(n), np.cumsum(sizes)[:-1])
    blocks, y, label = [], np.empty(n), np.empty(n, dtype=np.intp)
    for number, rows in enumerate(index):
        draws = rng.normal(size=(rows.size, rows.size + 3))
        blocks.append(draws @ draws.T / (rows.size + 3) * rng.uniform(0.02, 0.3))
        noise = np.linalg.cholesky(blocks[-1]) @ rng.normal(size=rows.size)
        y[rows], label[rows] = 0.3 + 0.6 * rng.normal() + noise, number
    known = Diagonal([block[0, 0] for block in blocks]) if max(sizes) == 1 else Blocks(blocks, index)
    if isinstance(known, Diagonal):
        y, label = y[np.concatenate(index)], np.arange(n)
    groups = {"none": None, "effect": np.arange(n), "block": label, "pairs": label // 2}[random]
    design = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    return Problem(y, design, known, () if groups is None else (Term(groups),))
