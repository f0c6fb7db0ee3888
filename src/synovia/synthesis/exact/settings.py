"""What a person asks of a model for counts, and what the fit says it did."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inference
from synovia.synthesis.fit import Fit
from synovia.synthesis.settings import Settings

__all__ = ["CountSettings", "infer", "make_settings"]

Floats = NDArray[np.float64]


def _refuse(data: pd.DataFrame) -> Fit:
    raise SynthesisError(f"Found {len(data)} rows for a model that cannot be fitted again; fit it anew.")


@dataclass(frozen=True, slots=True)
class CountSettings(Settings):
    """Settings of a fit that is not Gaussian.

    Attributes
    ----------
    described : str
        The model in words.
    again : callable
        Fits the same model to other rows of the same table.
    """

    described: str = ""
    again: Callable[[pd.DataFrame], Fit] = _refuse

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise SynthesisError(
                f"Found level {self.level:g}; wanted a number between 0 and 1, such as 0.95."
            )
        if self.inference not in ("z", "t"):
            raise SynthesisError(
                f"Found inference {self.inference!r}; wanted 'z', or 't' with k - p degrees of freedom."
            )

    @property
    def counts(self) -> bool:
        """Always."""
        return True

    @property
    def model(self) -> str:
        """The model in words."""
        return self.described


def make_settings(
    described: str,
    again: Callable[[pd.DataFrame], Fit],
    *,
    formula: str = "effect ~ 1",
    random: str | None = None,
    inference: str = "z",
    level: float = 0.95,
) -> CountSettings:
    """Settings with the words of a model for counts."""
    return CountSettings(
        formula=formula,
        variance="",
        random=random,
        tau2="ML",
        inference=inference,
        level=level,
        described=described,
        again=again,
    )


def infer(cov: Floats, settings: Settings, n: int) -> Inference:
    """Normal, or t with n - p degrees of freedom.

    Raises
    ------
    SynthesisError
        When t is asked for and no degree of freedom is left.
    """
    if settings.inference == "z":
        return Inference(cov=cov, df=np.inf, factor=1.0, name="normal")
    df = n - cov.shape[0]
    if df < 1:
        raise SynthesisError(f"{n} studies for {cov.shape[0]} coefficients leave no degree of freedom for t.")
    return Inference(cov=cov, df=float(df), factor=1.0, name="t")
