"""What a person asks of a time course."""

from dataclasses import dataclass, field

from synovia.synthesis.course.covariance import Repeats
from synovia.synthesis.settings import WORDS, Settings

__all__ = ["CourseSettings"]


@dataclass(frozen=True, slots=True)
class CourseSettings(Settings):
    """Settings of a time course.

    Attributes
    ----------
    repeats : Repeats
        How follow-ups of the same people are correlated.
    between : str or None
        How coefficients of the course vary between studies: UN, CS, DIAG, or None.
    """

    repeats: Repeats = field(default_factory=lambda: Repeats(0.5))
    between: str | None = "UN"

    @property
    def curved(self) -> bool:
        """The curve's coefficients vary."""
        return True

    @property
    def model(self) -> str:
        """The model in words."""
        if self.between is None:
            return f"time course, common effect; {self.repeats}"
        how = f"by {WORDS.get(self.tau2, self.tau2)}" if isinstance(self.tau2, str) else "given"
        return f"time course, random courses of studies ({self.between}), variances {how}; {self.repeats}"
