"""A network whose effects come from the events themselves, not from the trials' estimates."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Convergence, Heterogeneity, Inapplicable
from synovia.kernel.solution import NO_FACTOR, ChiSquared, Solution, make_root
from synovia.synthesis.exact.assemble import test
from synovia.synthesis.exact.settings import CountSettings, infer
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.contribution import ContributionMethod, Contributions
from synovia.synthesis.network.count_arms import ArmCounts
from synovia.synthesis.network.fitting import make_fit, make_settings
from synovia.synthesis.network.importance import Importance
from synovia.synthesis.network.incoherence import Decomposition
from synovia.synthesis.network.interaction import RandomInteraction
from synovia.synthesis.network.league import League, league
from synovia.synthesis.network.loops import Loops
from synovia.synthesis.network.model import Network
from synovia.synthesis.network.net_heat import NetHeat
from synovia.synthesis.network.split import Split, SplitMethod
from synovia.synthesis.network.to_r import counts_to_r

__all__ = ["CountNetwork", "Pooled", "make_count_fit"]

Floats = NDArray[np.float64]

NO_TAU2 = Inapplicable("a common-effect network has no between-trial variance")
NO_LIMITS = Inapplicable("a common-effect network has no Q-profile interval")


@dataclass(frozen=True, slots=True, eq=False)
class CountNetwork(Network):
    """A network of odds ratios from events.

    Effects, comparisons, rankings and league tables are those of every network. What compares direct with
    indirect evidence is read from ``by_design``, where there is one.

    Attributes
    ----------
    frame : DataFrame or None
        study, treatment, events, n of the arms used.
    method : str
        "MH", "NCH" or "LRP", as netmeta calls them.
    by_design : Network or None
        The network of the pooled odds ratios of each design, a design in the place of a trial; None where
        nothing was pooled by design.
    again : callable or None
        (arms, reference) to the same model of other arms.
    """

    frame: pd.DataFrame | None = None
    method: str = "MH"
    by_design: Network | None = None
    again: Callable[[pd.DataFrame, str], "CountNetwork"] | None = None

    def fit_without(self, study: str, reference: str) -> Network:
        """The network without one trial."""
        if self.frame is None or self.again is None:
            raise SynthesisError("The arms of the network are not known; fit it again.")
        return self.again(self.frame[self.frame["study"] != study], reference)

    def importance(self) -> Importance:
        """What precision rests on each design's pooled odds ratios."""
        return self._require_designs().importance()

    def random_interaction(self) -> RandomInteraction | Inapplicable:
        """Nothing: pooled odds ratios of designs do not tell incoherence from heterogeneity."""
        return Inapplicable("a network of common effects has no variance between designs")

    def allow_incoherence(self) -> Network:
        """Nothing: a network of common effects has no variance between designs."""
        raise SynthesisError(
            "A network of common effects has no variance between designs; use network(data, measure='OR')."
        )

    def league(
        self,
        *,
        order: tuple[str, ...] | None = None,
        above: str | Network | None = None,
        ratio: bool | None = None,
        level: float | None = None,
        digits: int = 2,
    ) -> League:
        """Every comparison in one square, with the designs' pooled odds ratios above where there are any."""
        chosen = self.fit.settings.level if level is None else level
        shown = ("nothing" if self.by_design is None else "direct") if above is None else above
        net = self if self.by_design is None else self.by_design
        return league(net, order=order, above=shown, ratio=ratio, level=chosen, digits=digits)

    def decompose(self, tau2: str = "DL") -> Decomposition:
        """Q between designs, design by design."""
        return self._require_designs().decompose(tau2)

    def split(self, *, method: SplitMethod = "back-calculation", level: float | None = None) -> Split:
        """Direct against indirect evidence on every comparison."""
        chosen = self.fit.settings.level if level is None else level
        return self._require_designs().split(method=method, level=chosen)

    def contributions(self, *, method: ContributionMethod = "shortest path") -> Contributions:
        """Contribution of each direct comparison, and of each design."""
        return self._require_designs().contributions(method=method)

    def loops(self, *, level: float | None = None) -> Loops:
        """Direct odds ratios around closed loops."""
        chosen = self.fit.settings.level if level is None else level
        return self._require_designs().loops(level=chosen)

    def net_heat(self, *, tau2: float = 0.0) -> NetHeat:
        """Which designs drive incoherence."""
        return self._require_designs().net_heat(tau2=tau2)

    def to_r(self) -> str:
        """The network as a script for R's netmetabin that holds its data."""
        frame = self.frame if self.frame is not None else pd.DataFrame()
        return counts_to_r(frame, self.method, self.fit.method, self.reference)

    def _require_designs(self) -> Network:
        if self.by_design is None:
            raise SynthesisError(
                "A likelihood of the events has no direct estimates to compare; use mantel_haenszel_network, "
                "or network(data, measure='OR')."
            )
        return self.by_design


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Effects against the reference, and what belongs to them.

    Attributes
    ----------
    beta : ndarray of shape (p,)
    cov : ndarray of shape (p, p)
    tests : tuple of ChiSquared
    convergence : Convergence
    log_lik : float or None
        None where the method has no likelihood of its own.
    """

    beta: Floats
    cov: Floats
    tests: tuple[ChiSquared, ...]
    convergence: Convergence
    log_lik: float | None = None


def make_count_fit(counts: ArmCounts, pooled: Pooled, described: str, level: float) -> Fit:
    """The synthesis of a network of events, around the trials' own log odds ratios.

    Parameters
    ----------
    counts : ArmCounts
        What was read.
    pooled : Pooled
        Effects.
    described : str
        The model in words.
    level : float
        Confidence level.

    Notes
    -----
    Q is that of the trials' own log odds ratios around those of the network. A method without a likelihood of
    its own has the normal one of these.
    """
    design = counts.design
    asked = make_settings(design.contrasts, random=False, tau2="ML", inference="z", level=level)
    picture = make_fit(design, design.problem, asked, design.treatments[1:])
    problem, at = picture.problem, picture.point
    residuals = problem.y - problem.X @ pooled.beta
    rss = float((at.factor.half_solve(residuals[:, None]) ** 2).sum())
    lost = 0.5 * (rss - at.rss)
    log_lik = at.log_ml - lost if pooled.log_lik is None else pooled.log_lik
    unknown = np.full(problem.n, np.nan)
    solution = Solution(
        psi=np.empty(0),
        log_ml=log_lik,
        log_reml=at.log_reml - lost if pooled.log_lik is None else pooled.log_lik,
        beta=pooled.beta,
        cov=pooled.cov,
        rss=rss,
        residuals=residuals,
        root=make_root(pooled.cov),
        factor=NO_FACTOR,
        shares=unknown,
        leverage=unknown,
        tau2=NO_TAU2,
        tests=pooled.tests,
    )
    settings = CountSettings(
        formula="OR ~ treatment",
        variance="",
        random=None,
        tau2="ML",
        inference="z",
        level=level,
        described=described,
    )
    return replace(
        picture,
        settings=settings,
        point=solution,
        convergence=pooled.convergence,
        inference=infer(pooled.cov, settings, problem.n),
        heterogeneity=_measure(rss, problem.n - problem.p),
        warnings=design.contrasts.warnings,
    )


def _measure(q: float, df: int) -> Heterogeneity:
    if df < 1:
        none = Inapplicable("as many effects as comparisons leave no heterogeneity to measure")
        return Heterogeneity(none, 0, none, none, none, NO_LIMITS)
    i2 = 100 * max(0.0, 1 - df / q) if q > 0 else 0.0
    return Heterogeneity(q, df, test("Q", q, df).p_value, i2, q / df, NO_LIMITS)
