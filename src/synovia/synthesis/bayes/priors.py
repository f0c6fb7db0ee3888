"""Priors of heterogeneity: densities of tau, the standard deviation between studies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import norm, t

from synovia.errors import SynthesisError

__all__ = [
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "InverseGamma",
    "LogNormal",
    "LogT",
    "Prior",
    "Uniform",
    "require_positive",
]

Floats = NDArray[np.float64]


class Prior(Protocol):
    """What a prior of one parameter must say.

    A prior of a variance is a density of its square root tau, on the scale of the estimates.
    """

    @property
    def limits(self) -> tuple[float, float]:
        """Where the density is above 0."""
        ...

    @property
    def proper(self) -> bool:
        """Whether its integral is 1."""
        ...

    def log_density(self, tau: Floats, v: Floats) -> Floats:
        """(m,) log density at tau (m,), for estimates with sampling variances v (n,)."""
        ...


def require_positive(**values: float) -> None:
    """Refuse parameters of a prior that are not finite numbers above 0.

    Raises
    ------
    SynthesisError
        Naming the parameter.
    """
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise SynthesisError(f"Found {name}={value:g} of a prior; wanted a finite number above 0.")


def _quiet(density: Callable[[Floats], Floats], tau: Floats) -> Floats:
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        values = density(tau)
    return np.asarray(np.where(np.isnan(values), -np.inf, values))


@dataclass(frozen=True, slots=True)
class HalfNormal:
    r""":math:`p(\tau) = \frac{2}{s\sqrt{2\pi}} e^{-\tau^2/2s^2}`: the recommended default in small syntheses.

    For log odds ratios a scale of 0.5 allows moderate, 1 large heterogeneity. Röver et al. (2021), Research
    Synthesis Methods 12, 448-474.

    Attributes
    ----------
    scale : float
        s, on the scale of the estimates.

    Examples
    --------
    >>> HalfNormal(0.5).log_density(np.array([0.0]), np.ones(2)).round(3).tolist()
    [0.467]
    """

    scale: float
    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_positive(scale=self.scale)

    def log_density(self, tau: Floats, v: Floats) -> Floats:  # noqa: ARG002 - needs no data
        """(m,) log density."""
        constant = 0.5 * np.log(2 / np.pi) - np.log(self.scale)
        return _quiet(lambda at: constant - 0.5 * (at / self.scale) ** 2, tau)


@dataclass(frozen=True, slots=True)
class HalfT:
    r""":math:`p(\tau) = 2\,t_\nu(\tau/s)/s`: half of Student's t with a scale.

    Gelman (2006), Bayesian Analysis 1, 515-534.

    Attributes
    ----------
    scale : float
        s, on the scale of the estimates.
    df : float
        Degrees of freedom; 1 gives the half-Cauchy.
    """

    scale: float
    df: float
    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_positive(scale=self.scale, df=self.df)

    def log_density(self, tau: Floats, v: Floats) -> Floats:  # noqa: ARG002 - needs no data
        """(m,) log density."""
        df = self.df
        constant = np.log(2 / self.scale) + gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi)
        return _quiet(lambda at: constant - 0.5 * (df + 1) * np.log1p((at / self.scale) ** 2 / df), tau)


@dataclass(frozen=True, slots=True)
class HalfCauchy:
    r""":math:`p(\tau) = \frac{2}{\pi s (1 + \tau^2/s^2)}`: heavy-tailed.

    Gelman (2006), Bayesian Analysis 1, 515-534; Polson & Scott (2012), Bayesian Analysis 7, 887-902.

    Attributes
    ----------
    scale : float
        s, the median of tau.
    """

    scale: float
    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_positive(scale=self.scale)

    def log_density(self, tau: Floats, v: Floats) -> Floats:
        """(m,) log density."""
        return HalfT(self.scale, 1.0).log_density(tau, v)


@dataclass(frozen=True, slots=True)
class Uniform:
    r""":math:`p(\tau) \propto 1` between limits; without an upper limit it is improper.

    With no upper limit the posterior is proper from three studies on (Gelman 2006).

    Attributes
    ----------
    lower, upper : float
        Limits of tau, or of a correlation.
    """

    lower: float = 0.0
    upper: float = np.inf

    def __post_init__(self) -> None:
        if not self.lower < self.upper or np.isinf(self.lower):
            raise SynthesisError(
                f"Found limits {self.lower:g} and {self.upper:g} of a uniform prior; wanted lower < upper."
            )
        if self.lower > 0 and np.isinf(self.upper):
            raise SynthesisError(
                f"Found a uniform prior from {self.lower:g} upwards without an upper limit; "
                f"wanted both limits, such as Uniform(0, {self.lower:g})."
            )

    @property
    def limits(self) -> tuple[float, float]:
        """The limits given."""
        return (self.lower, self.upper)

    @property
    def proper(self) -> bool:
        """Whether there is an upper limit."""
        return bool(np.isfinite(self.upper))

    def log_density(self, tau: Floats, v: Floats) -> Floats:  # noqa: ARG002 - needs no data
        """(m,) log density; 0 where improper."""
        inside = (tau >= self.lower) & (tau <= self.upper)
        height = -np.log(self.upper - self.lower) if self.proper else 0.0
        return np.where(inside, height, -np.inf)


def _log_of(on: str, tau: Floats) -> tuple[Floats, Floats]:
    """Log of tau or of its square, and the log of the slope of that logarithm in tau."""
    x = np.log(tau)
    return (x, -x) if on == "tau" else (2 * x, np.log(2) - x)


def _check_on(on: str) -> None:
    if on not in ("tau", "tau2"):
        raise SynthesisError(f"Found on={on!r}; wanted 'tau' or 'tau2', what the prior describes.")


@dataclass(frozen=True, slots=True)
class LogNormal:
    r""":math:`\log\tau^2 \sim N(m, s^2)`, or :math:`\log\tau` with ``on="tau"``.

    Attributes
    ----------
    mean, sd : float
        m and s.
    on : {"tau2", "tau"}
        Which of the two.
    """

    mean: float
    sd: float
    on: str = "tau2"
    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_positive(sd=self.sd)
        _check_on(self.on)

    def log_density(self, tau: Floats, v: Floats) -> Floats:  # noqa: ARG002 - needs no data
        """(m,) log density of tau."""

        def density(at: Floats) -> Floats:
            x, slope = _log_of(self.on, at)
            return np.asarray(norm.logpdf(x, self.mean, self.sd) + slope)

        return _quiet(density, tau)


@dataclass(frozen=True, slots=True)
class LogT:
    r""":math:`(\log\tau^2 - m)/s \sim t_\nu`, the form of Rhodes et al. (2015).

    Attributes
    ----------
    location, scale : float
        m and s.
    df : float
        Degrees of freedom.
    on : {"tau2", "tau"}
        What the prior describes.
    """

    location: float
    scale: float
    df: float = 5.0
    on: str = "tau2"
    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_positive(scale=self.scale, df=self.df)
        _check_on(self.on)

    def log_density(self, tau: Floats, v: Floats) -> Floats:  # noqa: ARG002 - needs no data
        """(m,) log density of tau."""

        def density(at: Floats) -> Floats:
            x, slope = _log_of(self.on, at)
            return np.asarray(t.logpdf(x, self.df, self.location, self.scale) + slope)

        return _quiet(density, tau)


@dataclass(frozen=True, slots=True)
class InverseGamma:
    r""":math:`p(\tau^2) = \frac{b^a}{\Gamma(a)} (\tau^2)^{-a-1} e^{-b/\tau^2}`.

    Near-zero shapes and scales are not vague for tau: they pull it towards 0 or away from it (Gelman 2006).

    Attributes
    ----------
    shape, scale : float
        a and b.
    on : {"tau2", "tau"}
        What the prior describes.
    """

    shape: float
    scale: float
    on: str = "tau2"
    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_positive(shape=self.shape, scale=self.scale)
        _check_on(self.on)

    def log_density(self, tau: Floats, v: Floats) -> Floats:  # noqa: ARG002 - needs no data
        """(m,) log density of tau."""
        constant = self.shape * np.log(self.scale) - gammaln(self.shape)

        def density(at: Floats) -> Floats:
            x, slope = _log_of(self.on, at)
            return np.asarray(constant - self.shape * x - self.scale * np.exp(-x) + slope)

        return _quiet(density, tau)
