"""A fitted network: its comparisons, tables and drawings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, Problem
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.connection import Connection, connect
from synovia.synthesis.network.contribution import ContributionMethod, Contributions, find_contributions
from synovia.synthesis.network.deletion import Deletions, delete_each, keep_trials
from synovia.synthesis.network.design import NetworkDesign, make_network_design
from synovia.synthesis.network.estimates import Estimates
from synovia.synthesis.network.fitting import make_fit, make_settings
from synovia.synthesis.network.importance import Importance, find_importance
from synovia.synthesis.network.incoherence import Decomposition, decompose
from synovia.synthesis.network.interaction import (
    RandomInteraction,
    find_random_interaction,
    let_designs_vary,
)
from synovia.synthesis.network.league import League, league
from synovia.synthesis.network.loops import Loops, find_loops
from synovia.synthesis.network.net_heat import NetHeat, find_net_heat
from synovia.synthesis.network.page import measure_network, write_network_page
from synovia.synthesis.network.ranking import DRAWS, SEED, Better, Ranking, rank
from synovia.synthesis.network.regression import Moderated
from synovia.synthesis.network.settings import NetworkSettings
from synovia.synthesis.network.split import Split, SplitMethod, split_evidence
from synovia.synthesis.network.to_r import network_to_r
from synovia.synthesis.summary import Summary

__all__ = ["Network", "add_reference", "read_effects"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Network(Estimates):
    """A network meta-analysis.

    Attributes
    ----------
    design : NetworkDesign
        Treatments, trials and how they are connected.
    fit : Fit
        The synthesis: its coefficients are the effects against the reference.
    estimates : ndarray of shape (T,)
        Effect of each treatment against the reference, 0 for the reference itself.
    covariance : ndarray of shape (T, T)
        Their covariance; the row and column of the reference are 0.
    moderated : Moderated or None
        Moderators of a network meta-regression; estimates hold at their means.
    """

    def league(
        self,
        *,
        order: tuple[str, ...] | None = None,
        above: "str | Network" = "direct",
        ratio: bool | None = None,
        level: float | None = None,
        digits: int = 2,
    ) -> League:
        """Every comparison in one square; see ``synovia.synthesis.network.league``."""
        return league(self, order=order, above=above, ratio=ratio, level=level, digits=digits)

    def rank(self, *, better: Better, mid: float = 0.0, draws: int = DRAWS, seed: int = SEED) -> Ranking:
        """P-scores and the probability of every rank; see ``synovia.synthesis.network.ranking``."""
        return rank(self, better=better, mid=mid, draws=draws, seed=seed)

    def decompose(self, tau2: str = "DL") -> Decomposition:
        """Q within and between designs; see ``synovia.synthesis.network.incoherence``."""
        return decompose(self.design, tau2)

    def split(self, *, method: SplitMethod = "back-calculation", level: float | None = None) -> Split:
        """Direct against indirect evidence on every comparison; see ``synovia.synthesis.network.split``."""
        chosen = self.fit.settings.level if level is None else level
        return split_evidence(self.design, self.spread, level=chosen, method=method)

    def contributions(self, *, method: ContributionMethod = "shortest path") -> Contributions:
        """Contribution of each direct comparison; see ``synovia.synthesis.network.contribution``."""
        return find_contributions(self.design, self.spread, method=method)

    def loops(self, *, level: float | None = None) -> Loops:
        """Direct estimates around closed loops; see ``synovia.synthesis.network.loops``."""
        chosen = self.fit.settings.level if level is None else level
        return find_loops(self.design, self.spread, level=chosen)

    def net_heat(self, *, tau2: float = 0.0) -> NetHeat:
        """Which designs drive incoherence; see ``synovia.synthesis.network.net_heat``.

        At a common effect, unless the variance within designs is given: ``decompose().interaction.tau2``.
        """
        return find_net_heat(self.design, tau2)

    def random_interaction(self) -> RandomInteraction | Inapplicable:
        """Variance between designs; see ``synovia.synthesis.network.interaction``."""
        return find_random_interaction(self.design)

    def allow_incoherence(self) -> "Network":
        """The network whose trials and designs vary: effects, ranks and predictions allow for incoherence.

        Raises
        ------
        SynthesisError
            When the variance between designs cannot be told; the reason is said.
        """
        self._require_plain("Random effects of designs")
        problem = let_designs_vary(self.design)
        if isinstance(problem, Inapplicable):
            raise SynthesisError(f"A variance between designs cannot be estimated: {problem.reason}.")
        settings = replace(self._ask(self.design, random=True), tau2="REML", designs=True)
        return self._fit(self.design, problem, settings)

    def connection(self) -> Connection:
        """Distances, designs and the Laplacian of counts; see ``synovia.synthesis.network.connection``."""
        return connect(self.design.contrasts)

    def importance(self) -> Importance:
        """What precision rests on each trial; see ``synovia.synthesis.network.importance``."""
        return find_importance(self.design, self.spread)

    def leave_one_out(self, reference: str | None = None) -> Deletions:
        """The effects without each trial, tau2 chosen anew; see ``synovia.synthesis.network.deletion``."""
        against = self.reference if reference is None else reference
        self._require_plain("Networks without a trial")
        self.design.find_treatment(against)
        return delete_each(self, self.fit_without, against)

    def fit_without(self, study: str, reference: str) -> "Network":
        """The network without one trial, as far as it connects to the reference."""
        kept = keep_trials(self.design.contrasts, study, reference)
        random = self.fit.settings.random is not None
        design = make_network_design(kept, reference, random=random)
        return self._fit(design, design.problem, self._ask(design, random=random))

    def _ask(self, design: NetworkDesign, *, random: bool) -> NetworkSettings:
        asked = self.fit.settings
        return make_settings(
            design.contrasts,
            random=random,
            tau2=asked.tau2,
            inference=asked.inference,
            level=asked.level,
        )

    def _fit(self, design: NetworkDesign, problem: Problem, settings: NetworkSettings) -> "Network":
        fit = make_fit(design, problem, settings, design.treatments[1:])
        return Network(design, fit, *add_reference(fit.point.beta, fit.inference.cov))

    def _require_plain(self, what: str) -> None:
        if self.moderated is not None or len(self.fit.problem.terms) > 1:
            raise SynthesisError(
                f"{what} are those of a network without moderators and classes; fit it without them."
            )

    def slopes(self) -> pd.DataFrame:
        """How a moderator changes each treatment against the reference.

        Returns
        -------
        DataFrame
            moderator, treatment, estimate (per unit of the moderator), std_error, lower, upper, level.

        Raises
        ------
        SynthesisError
            When the network has no moderators.
        """
        if self.moderated is None:
            raise SynthesisError("The network has no moderators; fit it with formula='~ moderator'.")
        return self.moderated.list_slopes(self.fit)

    def at(self, **moderators: object) -> "Network":
        """The network at given moderators: the same fit, read elsewhere.

        Parameters
        ----------
        **moderators
            A value for each column that the formula names.

        Raises
        ------
        SynthesisError
            When the network has no moderators, or one is not given.
        """
        if self.moderated is None:
            raise SynthesisError("The network has no moderators; fit it with formula='~ moderator'.")
        return read_effects(self.design, self.fit, self.moderated, moderators)

    def glance(self) -> pd.DataFrame:
        """One row of facts about the whole network.

        Returns
        -------
        DataFrame
            treatments, trials, comparisons (pairs of treatments that some trial compares), pairwise (all
            within-trial comparisons), designs, tau2, tau, i2 (percent, from Q) and h, each with test-based
            _lower and _upper (Higgins & Thompson 2002), q, q_df, q_p_value, log_lik, method, converged,
            warnings.
        """
        return measure_network(self)

    def summary(self) -> Summary:
        """The network on a page: ``as_text``, ``as_html``, ``as_latex``."""
        return write_network_page(self)

    def to_r(self) -> str:
        """The network as a script for R's netmeta that holds its data."""
        return network_to_r(self)

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    @property
    def drawing(self) -> str:
        """Name of its drawing."""
        return "network_graph"

    def frames(self) -> dict[str, Any]:
        """What the network graph is made from: participants (else trials), comparisons, multi-arm trials."""
        names, arms = self.design.contrasts.treatments, self.design.arms
        told = self.design.contrasts.participants
        trials = {name: sum(self.treatments[arm] == name for own in arms for arm in own) for name in names}
        sizes = told if told is not None else trials
        groups = [tuple(self.treatments[arm] for arm in own) for own in arms if len(own) > 2]
        return {
            "nodes": pd.DataFrame({"label": list(names), "n": [float(sizes[name]) for name in names]}),
            "edges": self.design.edges,
            "groups": pd.DataFrame({"treatments": list(dict.fromkeys(groups))}),
        }


def add_reference(beta: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """Effects against the reference and their covariance, with zeros for the reference itself."""
    size = beta.size + 1
    estimates, covariance = np.zeros(size), np.zeros((size, size))
    estimates[1:], covariance[1:, 1:] = beta, cov
    return estimates, covariance


def read_effects(
    design: NetworkDesign, fit: Fit, moderated: Moderated, at: Mapping[str, object] | None
) -> Network:
    """A network meta-regression, read at given moderators; at their means without."""
    return Network(design, fit, *add_reference(*moderated.read(fit, at)), moderated=moderated)
