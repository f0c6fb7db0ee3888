"""What a person asks of a synthesis, checked at the door."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from synovia.errors import SynthesisError
from synovia.kernel import CHOICES, INFERENCES
from synovia.kernel.floors import FLOORS
from synovia.synthesis.random import Inner, Intercepts, RandomEffects, Slopes, read_random
from synovia.synthesis.weighting import GeneralisedQ

__all__ = ["CLUSTERED", "Random", "Settings", "Tau2"]

Random = str | RandomEffects | Sequence[RandomEffects] | None
Tau2 = str | float | Mapping[str, float] | GeneralisedQ

WORDS = {
    "REML": "REML", "ML": "maximum likelihood", "DL": "DerSimonian-Laird",
    "DL2": "two-step DerSimonian-Laird", "DLIT": "iterated DerSimonian-Laird", "HE": "Hedges",
    "CA2": "two-step Hedges", "HS": "Hunter-Schmidt", "HSk": "Hunter-Schmidt, corrected",
    "SJ": "Sidik-Jonkman",
    "SJIT": "iterated Sidik-Jonkman", "EB": "empirical Bayes", "PM": "Paule-Mandel",
    "PMM": "median-unbiased Paule-Mandel",
}  # fmt: skip
CLUSTERED = ("CR0", "CR1", "CR1p", "CR1S", "CR2", "CR3")
KENWARD_ROGER = "kenward-roger"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a synthesis is fitted.

    Attributes
    ----------
    formula : str
        ``estimate ~ moderators``.
    variance : str
        Column of sampling variances.
    random : str, random effects or None
        "effect" when every row has its own random effect, a column when rows of one value share it,
        "study/effect" and so on, objects, or None for a common effect.
    tau2 : str, float, mapping or GeneralisedQ
        Estimator of the between-study variances, or the variance itself on the scale of the estimate squared;
        a mapping holds those it names and leaves the others to REML.
    inference : str
        How standard errors become intervals.
    level : float
        Confidence level.
    cluster : str or None
        Column of clusters for the cluster-robust kinds of inference.
    scale : str or None
        Formula of the log of tau2, ``~ moderators``, in a location-scale model.
    known : mapping of str to DataFrame, or None
        Correlation matrices of the columns named in ``known(...)``.
    weights : str or None
        Column of the analyst's own weights for the coefficients, "equal", or None for inverse variances.

    Raises
    ------
    SynthesisError
        When a setting does not exist or contradicts another; those that exist are listed.
    """

    formula: str
    variance: str
    random: Random
    tau2: Tau2
    inference: str
    level: float
    cluster: str | None = None
    scale: str | None = None
    known: Mapping[str, pd.DataFrame] | None = None
    weights: str | None = None

    def __post_init__(self) -> None:
        self._check_tau2()
        self._check_inference()
        if self.scale is not None and self.random != "effect":
            raise SynthesisError(
                f"Found scale {self.scale!r} with random={self.random!r}; a location-scale model has "
                "random='effect'."
            )
        if not 0 < self.level < 1:
            raise SynthesisError(
                f"Found level {self.level:g}; wanted a number between 0 and 1, such as 0.95."
            )
        read_random(self.random, self.known)

    def _check_tau2(self) -> None:
        if isinstance(self.tau2, str):
            if self.tau2 not in CHOICES:
                raise SynthesisError(f"Found tau2 {self.tau2!r}; wanted {', '.join(CHOICES)}, or a number.")
        elif self.random is None and self.tau2 != 0:
            raise SynthesisError(
                f"Found tau2 {self.tau2} with random=None; a common-effect model has no tau2. "
                "Leave tau2 out, or set random='effect'."
            )

    def _check_inference(self) -> None:
        kinds = (*INFERENCES, *FLOORS, *CLUSTERED, KENWARD_ROGER)
        if self.inference not in kinds:
            raise SynthesisError(f"Found inference {self.inference!r}; wanted one of {', '.join(kinds)}.")
        if self.inference in CLUSTERED and self.cluster is None:
            raise SynthesisError(
                f"inference={self.inference!r} needs cluster=, the column whose values are independent of "
                "each other, such as cluster='study'."
            )
        if self.cluster is not None and self.inference not in CLUSTERED:
            raise SynthesisError(
                f"Found cluster {self.cluster!r} with inference={self.inference!r}; clusters are used by "
                f"{', '.join(CLUSTERED)}. Set inference='CR2', or leave cluster out."
            )

    @property
    def effects(self) -> tuple[RandomEffects, ...]:
        """The random effects, read."""
        return read_random(self.random, self.known)

    @property
    def outer(self) -> str | None:
        """The outermost column of the random effects: what a study is when there is no study_id."""
        for effect in self.effects:
            if isinstance(effect, Intercepts) and effect.columns[0] != "effect":
                return effect.columns[0]
            if isinstance(effect, Inner | Slopes):
                return effect.within
        return None

    @property
    def counts(self) -> bool:
        """Whether counts were modelled, and not estimates with their variances."""
        return False

    @property
    def curved(self) -> bool:
        """Whether random effects are coefficients of a curve, and no columns of a table."""
        return False

    @property
    def restricted(self) -> bool:
        """Whether the restricted likelihood was maximised."""
        return self.tau2 == "REML" or isinstance(self.tau2, Mapping)

    @property
    def model(self) -> str:
        """The model in words."""
        return self._model + ("" if self.weights is None else f"; weights {self.weights}")

    @property
    def _model(self) -> str:
        if self.random is None:
            return "common effect"
        if self.scale is not None:
            return f"location-scale, log tau2 {self.scale}; by {self._way}"
        effects = self.effects
        if len(effects) == 1 and isinstance(effects[0], Intercepts):
            own = effects[0].label
            shared = "" if own == "effect" else f", one for each {own.removesuffix('_id')}"
            return f"random effects{shared}; tau2 {self._how}"
        return f"random effects {', '.join(effect.label for effect in effects)}; variances {self._how}"

    @property
    def _how(self) -> str:
        if isinstance(self.tau2, str):
            return f"by {self._way}"
        if isinstance(self.tau2, Mapping):
            held = ", ".join(
                f"{name} = {value:g}" for name, value in self.tau2.items() if math.isfinite(value)
            )
            return f"by REML with {held}"
        if isinstance(self.tau2, GeneralisedQ):
            return f"by {self.tau2}"
        return f"given as {self.tau2:g}"

    @property
    def _way(self) -> str:
        return WORDS.get(self.tau2, self.tau2) if isinstance(self.tau2, str) else "REML"
