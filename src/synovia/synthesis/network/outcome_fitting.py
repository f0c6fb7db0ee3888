"""From networks of several outcomes to a synthesis of the kernel."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synovia.errors import SynthesisError, TooFewStudies
from synovia.synthesis.choosing import choose_psi
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.outcome_design import OutcomeDesign
from synovia.synthesis.posing import make_posed_fit
from synovia.synthesis.random import RandomEffects
from synovia.synthesis.rows import Rows
from synovia.synthesis.settings import WORDS, Settings

__all__ = ["OutcomeSettings", "fit_outcomes"]

ESTIMATORS = ("REML", "ML")


@dataclass(frozen=True, slots=True)
class OutcomeSettings(Settings):
    """Settings of networks of several outcomes.

    Attributes
    ----------
    structure : str or None
        How the effects of a trial on the outcomes vary together: UN, HCS, CS, DIAG, or None.
    """

    structure: str | None = "UN"

    @property
    def effects(self) -> tuple[RandomEffects, ...]:
        """The random effects of trials of several arms cannot be read from a table."""
        raise SynthesisError(
            "Networks of several outcomes are fitted from their trials; call outcome_network again."
        )

    @property
    def outer(self) -> str | None:
        """Trials are what is independent."""
        return "study"

    @property
    def model(self) -> str:
        """The model in words."""
        if self.structure is None:
            return "networks of several outcomes, common effects"
        how = f"by {WORDS[self.tau2]}" if isinstance(self.tau2, str) else "given"
        return f"networks of several outcomes, random effects of trials ({self.structure}); variances {how}"


def fit_outcomes(design: OutcomeDesign, settings: OutcomeSettings) -> Fit:
    """Fit the networks of several outcomes.

    Parameters
    ----------
    design : OutcomeDesign
        Comparisons, mean and random effects.
    settings : OutcomeSettings
        Estimator and interval.

    Raises
    ------
    SynthesisError
        When tau2 is neither an estimator of several variances nor values by name.
    TooFewStudies
        When nothing tells the variance of an outcome; it is named.
    """
    problem = design.problem
    variances = _name_variances(design)
    _require_estimator(settings)
    _require_room(design, settings)
    coefficients = tuple(
        f"{outcome}: {name}"
        for outcome, own in zip(design.outcomes, design.designs, strict=True)
        for name in own.treatments[1:]
    )
    rows = _make_rows(design)
    choice = choose_psi(problem, settings, variances, rows)
    return make_posed_fit(problem, rows, choice, settings, (coefficients, variances))


def _name_variances(design: OutcomeDesign) -> tuple[str, ...]:
    """Names of variances and correlations, with the outcomes instead of numbers."""
    return () if design.base is None else tuple(_name(name, design.outcomes) for name in design.base.names)


def _name(name: str, outcomes: tuple[str, ...]) -> str:
    head, _, inside = name.partition("[")
    numbers = [int(number) - 1 for number in re.findall(r"\d+", inside)]
    return f"{head}[{', '.join(outcomes[number] for number in numbers)}]" if numbers else head


def _require_estimator(settings: OutcomeSettings) -> None:
    if settings.structure is None or isinstance(settings.tau2, Mapping) or settings.tau2 in ESTIMATORS:
        return
    raise SynthesisError(
        f"Found tau2 {settings.tau2!r}; several outcomes want 'REML', 'ML', or values by name, such as "
        "{'tau2[pain]': 0.1}."
    )


def _require_room(design: OutcomeDesign, settings: OutcomeSettings) -> None:
    """Every variance that is searched needs comparisons that no effect takes up."""
    if design.base is None or isinstance(settings.tau2, Mapping):
        return
    free = [own.problem.n - own.problem.p for own in design.designs]
    if settings.structure == "CS" and sum(free) > 0:
        return
    bare = [name for name, left in zip(design.outcomes, free, strict=True) if left == 0]
    if bare:
        raise TooFewStudies(
            f"As many effects as comparisons of {', '.join(bare)} leave nothing to estimate its variance "
            "between trials from; choose structure 'CS', which has one variance for all outcomes, a common "
            "effect (structure=None), or leave the outcome out."
        )


def _make_rows(design: OutcomeDesign) -> Rows:
    frames = [
        own.rows.assign(outcome=name) for name, own in zip(design.outcomes, design.designs, strict=True)
    ]
    data = pd.concat(frames, ignore_index=True)
    names = data["study"] + ": " + data["outcome"] + ", " + data["treatment"] + " - " + data["baseline"]
    said = [
        f"{name}: {text}"
        for name, own in zip(design.outcomes, design.designs, strict=True)
        for text in own.contrasts.warnings
    ]
    every = np.ones(len(data), dtype=bool)
    return Rows(data, every, tuple(names), design.problem.y, design.problem.V, tuple(said))
