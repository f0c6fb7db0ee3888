"""The likelihood with one quantity held, and the climb to its highest point over all others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite
from synovia.kernel.gradient import apply_derivatives, gradient, information
from synovia.kernel.point import Point, point
from synovia.kernel.problem import Problem

__all__ = ["Surface", "find_curvature", "maximise"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

STEPS = 200  # of one climb; five to ten are usual
PROMISE = 1e-14  # gain in log-likelihood that the next step promises, below which the climb ends
ROUNDING = 1e-13  # relative error of a log-likelihood
ENOUGH = 1e-4  # share of the promised gain that a step must bring
SHORTEST = 1e-10  # share of a step below which no step moves
FLOOR = 1e-9  # least curvature, as a share of each parameter's own


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The likelihood over psi, with or without a contrast of the coefficients held.

    Attributes
    ----------
    problem : Problem
        What is fitted.
    restricted : bool
        Restricted likelihood, or the likelihood itself.
    contrast : ndarray of shape (p,) or None
        What is held of the coefficients.
    value : float
        Where it is held.
    """

    problem: Problem
    restricted: bool
    contrast: Floats | None = None
    value: float = 0.0

    def height(self, at: Point) -> float:
        """Log-likelihood at a point.

        Holding c'b at a value costs half its squared distance from the estimate in standard errors; under
        the restricted likelihood the coefficients that stay free are fewer by one.
        """
        top = at.log_reml if self.restricted else at.log_ml
        if self.contrast is None:
            return top
        c = self.contrast
        variance = float(c @ at.cov @ c)
        lost = (float(c @ at.beta) - self.value) ** 2 / variance
        if self.restricted:
            lost += float(np.log(2 * np.pi * variance))
        return top - lost / 2

    def slope(self, at: Point) -> Floats:
        """(parameters,) its gradient in psi."""
        if at.psi.size == 0:
            return np.empty(0)
        out = gradient(self.problem, at, restricted=self.restricted)
        if self.contrast is None:
            return out
        c = self.contrast
        variance = float(c @ at.cov @ c)
        pull = at.factor.solve(np.column_stack([self.problem.X @ (at.cov @ c), at.residuals]))
        gap = float(c @ at.beta) - self.value
        turned = apply_derivatives(self.problem, at.psi, pull)
        own = np.einsum("n,kn->k", pull[:, 0], turned[:, :, 0])
        cross = np.einsum("n,kn->k", pull[:, 0], turned[:, :, 1])
        # z = Omega⁻¹XMc: the variance moves by z'dz, the estimate by -z'd(Omega⁻¹r)
        out += gap / variance * cross + 0.5 * (gap / variance) ** 2 * own
        return out - 0.5 * own / variance if self.restricted else out


def find_curvature(problem: Problem, at: Point) -> Floats:
    """(parameters, parameters) expected information, kept away from singularity."""
    if at.psi.size == 0:
        return np.empty((0, 0))
    found = information(problem, at)
    own = np.diag(found)
    scale = np.sqrt(np.where(own > 0, own, 1))
    values, vectors = np.linalg.eigh(found / np.outer(scale, scale))
    return np.asarray((vectors * np.maximum(values, FLOOR)) @ vectors.T * np.outer(scale, scale))


def maximise(surface: Surface, start: Floats, held: Flags, curvature: Floats) -> tuple[float, Floats]:
    """The highest point over the parameters that are not held.

    Quasi-Newton steps within the limits of psi, beginning with a curvature that is known.

    Parameters
    ----------
    surface : Surface
        What is climbed.
    start : ndarray of shape (parameters,)
        Where the climb begins, the held parameters at their values.
    held : ndarray of bool of shape (parameters,)
        Which parameters stay.
    curvature : ndarray of shape (parameters, parameters)
        About minus the second derivatives.

    Returns
    -------
    float
        The log-likelihood there.
    ndarray of shape (parameters,)
        Psi there.

    Raises
    ------
    NotPositiveDefinite
        When there is no covariance at the start.
    """
    limits = np.array(surface.problem.bounds).reshape(-1, 2)
    psi, at, B = start, point(surface.problem, start), curvature.copy()
    height, slope = surface.height(at), surface.slope(at)
    for _ in range(STEPS):
        move = _find_free(psi, slope, limits) & ~held
        step = np.zeros(psi.size)
        step[move] = np.linalg.solve(B[np.ix_(move, move)], slope[move])
        if slope @ step < 2 * PROMISE:
            break
        found = _step(surface, (psi, height, slope), step, limits)
        if found is None:
            break
        moved, at, height = found
        beyond = surface.slope(at)
        _update(B, (moved - psi)[move], (slope - beyond)[move], move)
        psi, slope = moved, beyond
    return height, psi


def _find_free(psi: Floats, slope: Floats, limits: Floats) -> Flags:
    """Parameters that are not pressed against a limit."""
    pressed = ((psi <= limits[:, 0]) & (slope <= 0)) | ((psi >= limits[:, 1]) & (slope >= 0))
    return np.asarray(~pressed)


def _step(
    surface: Surface, here: tuple[Floats, float, Floats], step: Floats, limits: Floats
) -> tuple[Floats, Point, float] | None:
    """The first of ever shorter steps that climbs, or None."""
    psi, height, slope = here
    share = 1.0
    while share > SHORTEST:
        moved = np.clip(psi + share * step, limits[:, 0], limits[:, 1])
        try:
            at = point(surface.problem, moved)
        except NotPositiveDefinite:
            share /= 4
            continue
        top = surface.height(at)
        if top >= height + ENOUGH * float(slope @ (moved - psi)) - ROUNDING * (1 + abs(height)):
            return moved, at, top
        share /= 4
    return None


def _update(B: Floats, s: Floats, y: Floats, move: Flags) -> None:
    """Broyden, Fletcher, Goldfarb and Shanno's update of the curvature of the free parameters, in place."""
    places = np.ix_(move, move)
    part = B[places]
    turned = part @ s
    if float(s @ y) > 1e-3 * float(s @ turned):
        B[places] = part + np.outer(y, y) / float(s @ y) - np.outer(turned, turned) / float(s @ turned)
