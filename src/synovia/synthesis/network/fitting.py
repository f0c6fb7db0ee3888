"""From the comparisons of a network to a synthesis of the kernel."""

from typing import Protocol

import numpy as np

from synovia.errors import SynthesisError
from synovia.kernel import Problem
from synovia.synthesis.choosing import choose_psi
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.settings import NetworkSettings
from synovia.synthesis.posing import make_posed_fit
from synovia.synthesis.random import Inner
from synovia.synthesis.rows import Rows
from synovia.synthesis.settings import CLUSTERED, Tau2
from synovia.synthesis.summary import count

__all__ = ["make_fit", "make_settings"]


class Compared(Protocol):
    """Any design over the comparisons of trials."""

    @property
    def contrasts(self) -> Contrasts:
        """Its comparisons."""
        ...


def make_settings(
    contrasts: Contrasts, *, random: bool, tau2: Tau2, inference: str, level: float
) -> NetworkSettings:
    """What was asked of the comparisons of a network."""
    effects = Inner("position", "study", "CS", 0.5) if random else None
    single = bool((contrasts.position == 0).all())
    return NetworkSettings(
        formula="estimate ~ treatment",
        variance="variance",
        random="study" if single and random else effects,
        tau2=tau2,
        inference=inference,
        level=level,
        cluster="study" if inference in CLUSTERED else None,
    )


def make_fit(
    design: Compared, problem: Problem, settings: NetworkSettings, coefficients: tuple[str, ...]
) -> Fit:
    """The synthesis of a problem that the comparisons of a network pose.

    Parameters
    ----------
    design : NetworkDesign or ComponentDesign
        Where the rows come from.
    problem : Problem
        Their mean and random effects.
    settings : NetworkSettings
        Estimator and interval.
    coefficients : tuple of str
        Names of the columns of the mean.
    """
    variances = settings.variances
    _require_room(problem, settings)
    rows = _make_rows(design)
    choice = choose_psi(problem, settings, variances, rows)
    return make_posed_fit(problem, rows, choice, settings, (coefficients, variances))


def _require_room(problem: Problem, settings: NetworkSettings) -> None:
    if problem.terms and problem.n == problem.p and isinstance(settings.tau2, str):
        raise SynthesisError(
            f"Nothing is left to estimate tau2 from ({count(problem.n, 'comparison')} for "
            f"{count(problem.p, 'effect')}): no comparison was made twice and there is no loop. Fit a "
            "common-effect network (random=False) or give tau2."
        )


def _make_rows(design: Compared) -> Rows:
    contrasts = design.contrasts
    names = tuple(
        f"{contrasts.studies[study]}: {contrasts.treatments[arm]} - {contrasts.treatments[baseline]}"
        for study, arm, baseline in zip(
            contrasts.study.tolist(), contrasts.arm.tolist(), contrasts.baseline.tolist(), strict=True
        )
    )
    data = contrasts.frame
    data["position"] = contrasts.position
    every = np.ones(contrasts.n, dtype=bool)
    return Rows(data, every, names, contrasts.y, contrasts.V, contrasts.warnings)
