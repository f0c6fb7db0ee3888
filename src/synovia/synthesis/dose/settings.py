"""What a person asks of a dose-response synthesis."""

from dataclasses import dataclass

from synovia.errors import SynthesisError
from synovia.synthesis.random import RandomEffects
from synovia.synthesis.settings import Settings

__all__ = ["METHODS", "STRUCTURES", "DoseSettings"]

METHODS = {
    "REML": "REML",
    "ML": "maximum likelihood",
    "MM": "the method of moments",
    "fixed": "none",
}
"""How the between-study covariance of the coefficients is found."""

STRUCTURES = {"unstructured": "UN", "diagonal": "DIAG"}
"""Whether coefficients of a study correlate."""


@dataclass(frozen=True, slots=True)
class DoseSettings(Settings):
    """Settings of a dose-response synthesis.

    Attributes
    ----------
    stage : int
        1 when all doses are fitted at once, 2 when each study's curve is fitted first.
    """

    stage: int = 1

    def _check_tau2(self) -> None:
        if self.tau2 not in METHODS:
            raise SynthesisError(f"Found method {self.tau2!r}; wanted {', '.join(METHODS)}.")
        if self.stage not in (1, 2):
            raise SynthesisError(f"Found stage {self.stage!r}; wanted 1 or 2.")
        if self.tau2 == "MM" and self.stage == 1:
            raise SynthesisError(
                "method='MM' equates moments of the curves of studies; wanted stage=2, or method='REML'."
            )

    @property
    def effects(self) -> tuple[RandomEffects, ...]:
        """Refused: random coefficients belong to the curve, which no table of contrasts holds."""
        raise SynthesisError(
            "This fit belongs to a dose-response curve, whose random coefficients are no columns of a table. "
            "Call dose_response again on the studies you want."
        )

    @property
    def outer(self) -> str | None:
        """Studies."""
        return "study_id"

    @property
    def restricted(self) -> bool:
        """Whether the restricted likelihood was maximised."""
        return self.tau2 == "REML"

    @property
    def curved(self) -> bool:
        """The curve's coefficients vary."""
        return True

    @property
    def model(self) -> str:
        """The model in words."""
        stage = "one stage" if self.stage == 1 else "two stages"
        if self.random is None:
            return f"dose-response in {stage}, common curve"
        how = METHODS[self.tau2] if isinstance(self.tau2, str) else str(self.tau2)
        return f"dose-response in {stage}, curves of studies vary; covariance by {how}"
