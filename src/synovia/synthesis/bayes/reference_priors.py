"""Priors of tau that look at the precision of the studies, under the names R's bayesmeta gives them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad

from synovia.synthesis.bayes.priors import Prior, Uniform

__all__ = [
    "NAMED",
    "BergerDeely",
    "Conventional",
    "DuMouchel",
    "Jeffreys",
    "SquareRoot",
    "UniformI2",
    "UniformShrinkage",
]

Floats = NDArray[np.float64]


def _log(tau: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(tau))


@dataclass(frozen=True, slots=True)
class Jeffreys:
    r""":math:`p(\tau) \propto \sqrt{\sum_i \left(\frac{\tau}{v_i + \tau^2}\right)^2}`; improper.

    Bodnar, Link & Elster (2016), Bayesian Analysis 11, 25-45. The posterior is proper from two studies on.
    """

    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = False

    def log_density(self, tau: Floats, v: Floats) -> Floats:
        """(m,) log density, up to a constant."""
        weight = 1 / (v + (tau * tau)[:, None])
        return np.asarray(_log(tau) + 0.5 * np.log((weight * weight).sum(axis=1)))


@dataclass(frozen=True, slots=True)
class SquareRoot:
    r""":math:`p(\tau) \propto \tau^{-1/2}`, uniform in the square root of tau; improper."""

    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = False

    def log_density(self, tau: Floats, v: Floats) -> Floats:  # noqa: ARG002 - needs no data
        """(m,) log density, up to a constant."""
        return -0.5 * _log(tau)


@dataclass(frozen=True, slots=True)
class BergerDeely:
    r""":math:`p(\tau) \propto \prod_i \left(\frac{\tau}{v_i + \tau^2}\right)^{1/k}`; improper.

    Berger & Deely (1988), JASA 83, 364-373.
    """

    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = False

    def log_density(self, tau: Floats, v: Floats) -> Floats:
        """(m,) log density, up to a constant."""
        return np.asarray(_log(tau) - np.log(v + (tau * tau)[:, None]).mean(axis=1))


@dataclass(frozen=True, slots=True)
class Conventional:
    r""":math:`p(\tau) \propto \prod_i \left(\frac{\tau}{(v_i + \tau^2)^{3/2}}\right)^{1/k}`; proper.

    Bayarri & García-Donato (2008), JASA 103, 981-988.
    """

    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def log_density(self, tau: Floats, v: Floats) -> Floats:
        """(m,) log density."""
        scale = float(np.exp(0.5 * np.log(v).mean()))
        whole = quad(
            lambda x: float(np.exp(2 * x - 1.5 * np.log(v / scale**2 + np.exp(2 * x)).mean())),
            -40,
            40,
            epsabs=0,
            epsrel=1e-11,
            limit=200,
            points=(-2.0, 0.0, 2.0),
        )[0]
        plain = _log(tau) - 1.5 * np.log(v + (tau * tau)[:, None]).mean(axis=1)
        return np.asarray(plain + np.log(scale) - np.log(whole))


def _harmonic(v: Floats) -> float:
    return float(1 / (1 / v).mean())


@dataclass(frozen=True, slots=True)
class DuMouchel:
    r""":math:`p(\tau) = s_0/(s_0 + \tau)^2` with :math:`s_0^2` the harmonic mean of the variances; proper.

    DuMouchel & Normand (2000), in Stangl & Berry, Meta-analysis in medicine and health policy, 127-178.
    """

    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def log_density(self, tau: Floats, v: Floats) -> Floats:
        """(m,) log density."""
        s = np.sqrt(_harmonic(v))
        return np.asarray(np.log(s) - 2 * np.log(s + tau))


@dataclass(frozen=True, slots=True)
class UniformShrinkage:
    r""":math:`p(\tau) = 2 s_0^2\tau/(s_0^2 + \tau^2)^2`: uniform in :math:`s_0^2/(s_0^2 + \tau^2)`; proper.

    Daniels (1999), Canadian Journal of Statistics 27, 567-578.
    """

    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def log_density(self, tau: Floats, v: Floats) -> Floats:
        """(m,) log density."""
        return _shrink(tau, _harmonic(v))


@dataclass(frozen=True, slots=True)
class UniformI2:
    r""":math:`p(\tau) = 2 s^2\tau/(s^2 + \tau^2)^2`: uniform in I² with typical variance s²; proper.

    Higgins & Thompson (2002), Statistics in Medicine 21, 1539-1558, for s².
    """

    limits: ClassVar[tuple[float, float]] = (0.0, np.inf)
    proper: ClassVar[bool] = True

    def log_density(self, tau: Floats, v: Floats) -> Floats:
        """(m,) log density."""
        w = 1 / v
        return _shrink(tau, float((v.size - 1) * w.sum() / (w.sum() ** 2 - (w * w).sum())))


def _shrink(tau: Floats, square: float) -> Floats:
    return np.asarray(np.log(2 * square) + _log(tau) - 2 * np.log(square + tau * tau))


NAMED: dict[str, Prior] = {
    "uniform": Uniform(),
    "sqrt": SquareRoot(),
    "Jeffreys": Jeffreys(),
    "BergerDeely": BergerDeely(),
    "conventional": Conventional(),
    "DuMouchel": DuMouchel(),
    "shrinkage": UniformShrinkage(),
    "I2": UniformI2(),
}
"""Priors that need no numbers, by name."""
