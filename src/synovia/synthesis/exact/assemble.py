"""From a solution for counts to the one result shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from synovia.effects import Effect
from synovia.kernel import Convergence, Diagonal, Heterogeneity, Inapplicable, Problem, Term, point
from synovia.kernel.solution import ChiSquared, Solution
from synovia.kernel.traces import trace_projection
from synovia.synthesis.exact.counts import Studies
from synovia.synthesis.exact.settings import CountSettings, infer
from synovia.synthesis.fit import Fit
from synovia.synthesis.names import Names
from synovia.synthesis.regression import Design
from synovia.synthesis.rows import Rows

__all__ = ["CLOSED", "Shown", "assemble", "intercept", "measure", "show_studies", "test"]

Floats = NDArray[np.float64]

CLOSED = Convergence(0, 0.0, at_boundary=False, converged=True, message="closed form, no variance to find")


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Each study's own effect, as a forest plot draws it.

    Attributes
    ----------
    rows : Rows
        Effects and variances of the studies used.
    design : Design
        Moderators of the same rows.
    """

    rows: Rows
    design: Design

    def make_problem(self, *, random: bool) -> Problem:
        """The Gaussian picture of the same studies."""
        n = self.rows.y.size
        return Problem(self.rows.y, self.design.X, self.rows.V, (Term(np.arange(n)),) if random else ())


def intercept(n: int) -> Design:
    """A mean and nothing else."""
    return Design(np.ones((n, 1)), ("Intercept",))


def show_studies(studies: Studies, effect: Effect, design: Design | None = None) -> Shown:
    """The studies with their own effects, zero cells corrected for display.

    Parameters
    ----------
    studies : Studies
        What was read.
    effect : Effect
        Estimates and variances of the studies used.
    design : Design, optional
        Moderators; a mean alone without them.
    """
    V = Diagonal(effect.variance)
    rows = Rows(studies.data, studies.kept, studies.labels, effect.estimate, V, studies.warnings)
    return Shown(rows, intercept(effect.estimate.size) if design is None else design)


def test(name: str, statistic: float, df: int) -> ChiSquared:
    """A statistic with its upper tail; without degrees of freedom nothing is tested."""
    return ChiSquared(name, statistic, df, float(chdtrc(df, statistic)) if df > 0 else 1.0)


def measure(shown: Shown, fitted: Floats, tau2: float | None, keep: NDArray[np.bool_]) -> Heterogeneity:
    r"""Q of the studies' own effects around fitted ones, with I² and H².

    Parameters
    ----------
    shown : Shown
        Effects and variances.
    fitted : ndarray of shape (n,)
        What the model says of them.
    tau2 : float or None
        Between-study variance, None for a common effect.
    keep : ndarray of bool of shape (n,)
        Studies whose effect says something.

    Notes
    -----
    Common effect: :math:`H^2 = Q/(k - p)`. Otherwise :math:`H^2 = (\tau^2 + s^2)/s^2` with the typical
    variance s² of Higgins & Thompson (2002), Statistics in Medicine 21, 1539-1558.
    """
    problem = shown.make_problem(random=True)
    df = int(keep.sum()) - problem.p
    limits = Inapplicable("a model for counts has no Q-profile interval")
    if df < 1:
        none = Inapplicable("as many coefficients as studies leave no heterogeneity to measure")
        return Heterogeneity(none, max(df, 0), none, none, none, limits)
    residuals = (shown.rows.y - fitted)[keep]
    q = float((residuals**2 / shown.rows.V.diagonal[keep]).sum())
    if tau2 is None:
        h2, i2 = q / df, (100 * max(0.0, 1 - df / q) if q > 0 else 0.0)
    else:
        typical = (problem.n - problem.p) / trace_projection(problem, point(problem, problem.nothing))
        h2, i2 = tau2 / typical + 1, 100 * tau2 / (tau2 + typical)
    return Heterogeneity(q, df, float(chdtrc(df, q)), i2, h2, limits)


def assemble(
    shown: Shown,
    solution: Solution,
    settings: CountSettings,
    heterogeneity: Heterogeneity,
    convergence: Convergence = CLOSED,
    *,
    warnings: tuple[str, ...] = (),
) -> Fit:
    """The fit of a model for counts.

    Parameters
    ----------
    shown : Shown
        The studies' own effects.
    solution : Solution
        What the model found.
    settings : CountSettings
        What was asked.
    heterogeneity : Heterogeneity
        Differences between the studies.
    convergence : Convergence
        How the maximum was found.
    warnings : tuple of str
        What the fit says about itself.
    """
    n = shown.rows.y.size
    single = n == 1
    alone = ("There is a single study: nothing was pooled, the result is the study's own.",) if single else ()
    variances = ("tau2",) * solution.psi.size
    return Fit(
        problem=shown.make_problem(random=settings.random is not None),
        names=Names(shown.design.columns, shown.rows.used_labels, variances),
        settings=settings,
        point=solution,
        convergence=convergence,
        inference=infer(solution.cov, settings, n),
        heterogeneity=heterogeneity,
        design=shown.design,
        rows=shown.rows,
        status="single study" if single else "pooled",
        warnings=(*shown.rows.warnings, *shown.design.warnings, *alone, *warnings),
    )
