"""Priors of coefficients: normal, mixtures of normals, and what remains of earlier evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel.coefficient_prior import Gaussian
from synovia.synthesis.bayes.priors import require_positive

__all__ = ["CoefficientPrior", "Mixture", "Normal", "PowerPrior", "build_gaussians"]

Floats = NDArray[np.float64]

MOST = 64  # components of the joint prior


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal prior of one coefficient.

    Attributes
    ----------
    mean, sd : float
        On the scale of the coefficient.
    """

    mean: float
    sd: float
    limits: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    proper: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_positive(sd=self.sd)

    @property
    def parts(self) -> "tuple[tuple[float, Normal | None], ...]":
        """Weights and components."""
        return ((1.0, self),)

    def log_density(self, value: Floats, v: Floats) -> Floats:  # noqa: ARG002 - needs no data
        """(m,) log density, for a parameter of the scale of a location-scale model."""
        z = (value - self.mean) / self.sd
        return np.asarray(-0.5 * z * z - np.log(self.sd) - 0.5 * np.log(2 * np.pi))


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of normal priors, such as earlier evidence made robust by a wide component.

    Schmidli et al. (2014), Biometrics 70, 1023-1032.

    Attributes
    ----------
    weights : tuple of float
        Above 0; divided by their sum.
    components : tuple of Normal

    Examples
    --------
    >>> from synovia.synthesis.bayes import Mixture, Normal
    >>> Mixture((0.8, 0.2), (Normal(-0.5, 0.1), Normal(0.0, 2.0))).parts[0][0]
    0.8
    """

    weights: tuple[float, ...]
    components: tuple[Normal, ...]

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.components) or not self.weights:
            raise SynthesisError(
                f"Found {len(self.weights)} weights for {len(self.components)} components of a mixture; "
                "wanted one each."
            )
        for weight in self.weights:
            require_positive(weight=weight)

    @property
    def parts(self) -> tuple[tuple[float, Normal | None], ...]:
        """Weights and components."""
        total = sum(self.weights)
        return tuple((w / total, c) for w, c in zip(self.weights, self.components, strict=True))


@dataclass(frozen=True, slots=True)
class PowerPrior:
    r"""Earlier evidence, counted as a share of what it is: its likelihood to the power a.

    .. math:: p(\beta) \propto L_{earlier}(\beta)^a, \qquad \beta \sim N(m, s^2/a)

    0 forgets it, 1 counts it in full. Ibrahim & Chen (2000), Statistical Science 15, 46-60.

    Attributes
    ----------
    mean, sd : float
        The earlier estimate and its standard error, including what may differ between then and now.
    power : float
        a, from 0 to 1.
    """

    mean: float
    sd: float
    power: float

    def __post_init__(self) -> None:
        require_positive(sd=self.sd)
        if not 0 <= self.power <= 1:
            raise SynthesisError(f"Found power={self.power:g}; wanted a number from 0 to 1.")

    @property
    def parts(self) -> tuple[tuple[float, Normal | None], ...]:
        """Weights and components; no component where nothing is borrowed."""
        return ((1.0, Normal(self.mean, self.sd / self.power**0.5) if self.power > 0 else None),)


CoefficientPrior = Normal | Mixture | PowerPrior


def build_gaussians(
    priors: Mapping[str, CoefficientPrior] | CoefficientPrior | None, names: Sequence[str]
) -> tuple[list[Gaussian] | None, bool]:
    """Components of the joint prior of all coefficients, and whether it is proper.

    Parameters
    ----------
    priors : mapping, prior or None
        By coefficient; one alone where there is one coefficient; None for flat.
    names : sequence of str
        Names of the coefficients.

    Raises
    ------
    SynthesisError
        When a name is not a coefficient, or the mixtures multiply to too many components.
    """
    if priors is None:
        return None, False
    by_name = _by_name(priors, names)
    parts = [by_name[name].parts if name in by_name else ((1.0, None),) for name in names]
    joint = list(product(*parts))
    if len(joint) > MOST:
        raise SynthesisError(
            f"The mixture priors multiply to {len(joint)} components; wanted at most {MOST}."
        )
    proper = all(part is not None for choice in joint for _, part in choice)
    return [_join(choice) for choice in joint], proper


def _by_name(
    priors: Mapping[str, CoefficientPrior] | CoefficientPrior, names: Sequence[str]
) -> Mapping[str, CoefficientPrior]:
    if not isinstance(priors, Mapping):
        if len(names) != 1:
            raise SynthesisError(
                f"Found one prior for {len(names)} coefficients; name them: "
                f"beta={{{names[0]!r}: Normal(0, 1)}}. They are {', '.join(names)}."
            )
        return {names[0]: priors}
    unknown = [name for name in priors if name not in names]
    if unknown:
        raise SynthesisError(f"Found a prior for {unknown[0]!r}; the coefficients are {', '.join(names)}.")
    return priors


def _join(choice: tuple[tuple[float, Normal | None], ...]) -> Gaussian:
    precision = np.diag([0.0 if part is None else part.sd**-2 for _, part in choice])
    mean = np.array([0.0 if part is None else part.mean for _, part in choice])
    return Gaussian(float(np.log([weight for weight, _ in choice]).sum()), mean, precision)
