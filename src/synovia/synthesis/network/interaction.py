"""The design-by-treatment interaction: designs with effects of their own, fixed or random."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from synovia.errors import SynthesisError
from synovia.kernel import (
    CHOICES,
    Correlated,
    Inapplicable,
    Matrix,
    Problem,
    Scalar,
    Structure,
    Term,
    reml,
)
from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.design import NetworkDesign, make_heterogeneity
from synovia.synthesis.network.disagreement import disagree
from synovia.synthesis.network.evidence import Designs, Trials, gather, pool_designs

__all__ = [
    "UNTESTABLE",
    "Interaction",
    "RandomInteraction",
    "compare_designs",
    "find_interaction",
    "find_random_interaction",
    "let_designs_vary",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

UNTESTABLE = (
    "no closed loop of different designs, so that incoherence cannot be tested; this does not mean that it "
    "is absent"
)
CONFOUNDED = "no design has two trials, so that heterogeneity cannot be told from incoherence"


@dataclass(frozen=True, slots=True)
class Interaction:
    """Test of the design-by-treatment interaction with random effects of trials.

    Attributes
    ----------
    q : float
        Chi-squared.
    df : int
        Its degrees of freedom.
    p_value : float
        Upper tail.
    tau2 : float
        Variance between trials of one design.
    estimator : str
        How it was estimated.
    """

    q: float
    df: int
    p_value: float
    tau2: float
    estimator: str


@dataclass(frozen=True, slots=True)
class RandomInteraction:
    """Designs whose effects vary about those of the network.

    Attributes
    ----------
    tau2 : float
        Variance between trials of one design.
    omega2 : float
        Variance between designs, the incoherence.
    statistic : float
        Twice the restricted log-likelihood that omega2 adds.
    p_value : float
        Of omega2 = 0; half of chi-squared on one degree of freedom, as 0 lies on the boundary.
    effects : DataFrame
        treatment, estimate, std_error: against the reference, allowing for both variances.
    """

    def tidy(self) -> pd.DataFrame:
        """One row: tau2, tau, omega2, omega, share (omega2 of both variances), statistic, p_value."""
        total = self.tau2 + self.omega2
        row = {
            "tau2": self.tau2,
            "tau": np.sqrt(self.tau2),
            "omega2": self.omega2,
            "omega": np.sqrt(self.omega2),
            "share": self.omega2 / total if total > 0 else np.nan,
            "statistic": self.statistic,
            "p_value": self.p_value,
        }
        return pd.DataFrame([row])

    tau2: float
    omega2: float
    statistic: float
    p_value: float
    effects: pd.DataFrame


def find_interaction(design: NetworkDesign, tau2: str = "DL") -> Interaction | Inapplicable:
    r"""Test whether designs disagree beyond what trials of one design do.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    tau2 : str
        Estimator of the variance within designs: "DL", "REML", "ML", "PM".

    Returns
    -------
    Interaction or Inapplicable
        Inapplicable where no closed loop is made by different designs, or no design has two trials.

    Notes
    -----
    At the variance within designs, :math:`\hat\tau^2_w`, estimated with effects of their own for all designs,

    .. math:: Q_{inc} = Q_{net}(\hat\tau^2_w) - Q_{designs}(\hat\tau^2_w) \sim \chi^2,

    which is the Wald test of all interactions. Higgins et al. (2012), Research Synthesis Methods 3, 98-110;
    White et al. (2012), Research Synthesis Methods 3, 111-125; Jackson, White & Riley (2012), Statistics in
    Medicine 31, 3805-3820.
    """
    stacks = gather(design.contrasts).stacks
    return compare_designs(design, tau2, stacks, [pool_designs(stack) for stack in stacks])


def compare_designs(
    design: NetworkDesign, tau2: str, stacks: Sequence[Trials], own: Sequence[Designs]
) -> Interaction | Inapplicable:
    """As ``find_interaction``, from trials and designs at a common effect that are known already."""
    if tau2 not in CHOICES:
        raise SynthesisError(
            f"There is no estimator {tau2!r} of tau2; those there are: {', '.join(CHOICES)}."
        )
    columns = sum(len(part.arms) * (part.arms.shape[1] - 1) for part in own)
    df = columns - design.problem.p
    if df == 0:
        return Inapplicable(UNTESTABLE)
    if design.problem.n == columns:
        return Inapplicable(CONFOUNDED)
    if tau2 == "DL":
        variance = _solve_moments(stacks, own, design.problem.n - columns)
    else:
        free = _free_designs(design, (make_heterogeneity(design.contrasts),))
        variance = float(CHOICES[tau2](free).psi[0])
    q = sum(float(part.q.sum()) for part in disagree(gather(design.contrasts, variance)))
    return Interaction(q, df, float(chdtrc(df, q)), variance, tau2)


def _solve_moments(stacks: Sequence[Trials], own: Sequence[Designs], df: int) -> float:
    """Tau2 that makes Q within designs what it is expected to be.

    A trial's random effects have covariance tau2 / 2 times the identity over its arms, so that
    E(Q) = df + tau2 / 2 times the sum over trials of tr(L) - tr(L C L), C the covariance of their design.
    """
    slope = 0.0
    for stack, part in zip(stacks, own, strict=True):
        cov = part.cov[np.unique(stack.arms, axis=0, return_inverse=True)[1].reshape(-1)]
        slope += float(np.trace(stack.laplacian, axis1=1, axis2=2).sum())
        slope -= float(np.einsum("gij,gjk,gki->", stack.laplacian, cov, stack.laplacian))
    return max(0.0, (sum(float(part.q.sum()) for part in own) - df) / (slope / 2))


def _free_designs(design: NetworkDesign, terms: tuple[Term, ...]) -> Problem:
    """The same trials with effects of its own for each design."""
    number, loadings = _place_in_designs(design.contrasts)
    designs, width = int(number.max()) + 1, loadings.shape[1]
    X = np.zeros((design.problem.n, designs, width))
    X[np.arange(design.problem.n), number] = loadings
    flat = X.reshape(design.problem.n, designs * width)
    return Problem(design.problem.y, flat[:, flat.any(axis=0)], design.problem.V, terms)


def _place_in_designs(contrasts: Contrasts) -> tuple[Integers, Floats]:
    """(n,) design of each comparison, and (n, q) arm minus baseline, against the first arm of the design."""
    starts = np.flatnonzero(np.r_[True, np.diff(contrasts.study) != 0])
    known: dict[tuple[int, ...], int] = {}
    number, rows = np.empty(contrasts.n, dtype=np.intp), np.zeros((contrasts.n, len(contrasts.treatments)))
    for low, high in zip(starts.tolist(), [*starts[1:].tolist(), contrasts.n], strict=True):
        arms = sorted((int(contrasts.baseline[low]), *contrasts.arm[low:high].tolist()))
        number[low:high] = known.setdefault(tuple(arms), len(known))
        place = {arm: i for i, arm in enumerate(arms)}
        for row in range(low, high):
            rows[row, place[int(contrasts.arm[row])]] += 1.0
            rows[row, place[int(contrasts.baseline[row])]] -= 1.0
    return number, rows[:, 1 : max(len(arms) for arms in known)]


def find_random_interaction(design: NetworkDesign) -> RandomInteraction | Inapplicable:
    r"""Designs with random effects of their own, by restricted likelihood.

    Parameters
    ----------
    design : NetworkDesign
        The network.

    Returns
    -------
    RandomInteraction or Inapplicable
        Inapplicable where the data cannot tell incoherence from heterogeneity.

    Notes
    -----
    .. math:: y_i = X_i\beta + \omega_{d(i)} + u_i + e_i, \quad
        \omega_d \sim N(0, \omega^2 (I + J)/2), \quad u_i \sim N(0, \tau^2 (I + J)/2)

    Jackson, Barrett, Rice, White & Higgins (2014), Statistics in Medicine 33, 3639-3654.
    """
    problem = let_designs_vary(design)
    if isinstance(problem, Inapplicable):
        return problem
    coherent, found = reml(problem.replace_terms(problem.terms[:1])), reml(problem)
    omega2 = float(found.psi[1])
    statistic = max(0.0, float(2 * (found.point.log_reml - coherent.point.log_reml))) if omega2 > 0 else 0.0
    return RandomInteraction(
        tau2=float(found.psi[0]),
        omega2=omega2,
        statistic=statistic,
        p_value=float(chdtrc(1, statistic)) / 2 if statistic > 0 else 1.0,
        effects=pd.DataFrame(
            {
                "treatment": list(design.treatments[1:]),
                "estimate": found.point.beta,
                "std_error": np.sqrt(np.diag(found.point.cov)),
            }
        ),
    )


def let_designs_vary(design: NetworkDesign) -> Problem | Inapplicable:
    """The problem of a network whose trials and designs vary, where the data can tell the two."""
    number, loadings = _place_in_designs(design.contrasts)
    terms = (make_heterogeneity(design.contrasts),)
    free = _free_designs(design, terms)
    if free.p == design.problem.p:
        return Inapplicable(UNTESTABLE)
    if free.n == free.p:
        return Inapplicable(CONFOUNDED)
    q = loadings.shape[1]
    structure: Structure = Scalar() if q == 1 else Correlated(Matrix((np.eye(q) + 1) / 2))
    own = Term(number, structure, loadings)
    return Problem(design.problem.y, design.problem.X, design.problem.V, (*terms, own))
