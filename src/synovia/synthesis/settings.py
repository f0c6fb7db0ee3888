"""What a person asks of a synthesis, checked at the door."""

from dataclasses import dataclass

from synovia.errors import SynthesisError
from synovia.kernel import CHOICES, INFERENCES

__all__ = ["Settings"]

WORDS = {"REML": "REML", "ML": "maximum likelihood", "DL": "DerSimonian-Laird", "PM": "Paule-Mandel"}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a synthesis is fitted.

    Attributes
    ----------
    formula : str
        ``estimate ~ moderators``.
    variance : str
        Column of sampling variances.
    random : str or None
        "effect" when every row has its own random effect, a column when rows of one value share it, None
        for a common effect.
    tau2 : str or float
        Estimator of the between-study variance, or its value on the scale of the estimate squared.
    inference : str
        How standard errors become intervals.
    level : float
        Confidence level.

    Raises
    ------
    SynthesisError
        When a setting does not exist; those that exist are listed.
    """

    formula: str
    variance: str
    random: str | None
    tau2: str | float
    inference: str
    level: float

    def __post_init__(self) -> None:
        if isinstance(self.tau2, str) and self.tau2 not in CHOICES:
            raise SynthesisError(f"Found tau2 {self.tau2!r}; wanted {', '.join(CHOICES)}, or a number.")
        if not isinstance(self.tau2, str) and self.random is None and self.tau2 != 0:
            raise SynthesisError(
                f"Found tau2 {self.tau2:g} with random=None; a common-effect model has no tau2. "
                "Leave tau2 out, or set random='effect'."
            )
        if self.inference not in INFERENCES:
            raise SynthesisError(
                f"Found inference {self.inference!r}; wanted one of {', '.join(INFERENCES)}."
            )
        if not 0 < self.level < 1:
            raise SynthesisError(
                f"Found level {self.level:g}; wanted a number between 0 and 1, such as 0.95."
            )

    @property
    def model(self) -> str:
        """The model in words."""
        if self.random is None:
            return "common effect"
        shared = "" if self.random == "effect" else f", one for each {self.random.removesuffix('_id')}"
        how = f"by {WORDS[self.tau2]}" if isinstance(self.tau2, str) else f"given as {self.tau2:g}"
        return f"random effects{shared}; tau2 {how}"
