"""Designs against the network: what each differs by, and what detaching it takes from Q."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.synthesis.network.evidence import Designs, Evidence, pool_designs

__all__ = ["Disagreement", "disagree"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

ALONE = 1e-9  # share of a design's variance left by the rest: rounding leaves about 1e-14 where there is none


@dataclass(frozen=True, slots=True, eq=False)
class Disagreement:
    """Designs of m arms against the network.

    Attributes
    ----------
    designs : Designs
        What their trials say.
    residual : ndarray of shape (d, m)
        Own estimates minus those of the network, against the first arm.
    q : ndarray of shape (d,)
        Share of each design in the Q between designs.
    lowered : ndarray of shape (d,)
        How much Q between designs falls when a design is detached.
    df : ndarray of int of shape (d,)
        How many of its contrasts the other designs estimate too.
    gain : ndarray of shape (d, m, m)
        What turns the residual into the shift of the network when the design is detached: with its arms U,
        effects change by -C[:, U] gain residual.
    """

    designs: Designs
    residual: Floats
    q: Floats
    lowered: Floats
    df: Integers
    gain: Floats


def disagree(evidence: Evidence) -> tuple[Disagreement, ...]:
    """Every design against the network, by number of arms."""
    return tuple(_compare(evidence, pool_designs(stack)) for stack in evidence.stacks)


def _compare(evidence: Evidence, designs: Designs) -> Disagreement:
    arms = designs.arms
    fitted = evidence.effects[arms] - evidence.effects[arms[:, :1]]
    residual = designs.y - fitted
    C = evidence.cov[arms[:, :, None], arms[:, None, :]]
    C = C - C[:, :1, :] - C[:, :, :1] + C[:, :1, :1]
    R = np.linalg.cholesky(designs.cov[:, 1:, 1:])
    inner = np.linalg.solve(R, np.swapaxes(np.linalg.solve(R, C[:, 1:, 1:]), 1, 2))
    values, vectors = np.linalg.eigh(np.eye(R.shape[1]) - inner)
    kept = values > ALONE
    half = np.linalg.solve(np.swapaxes(R, 1, 2), vectors)
    inverse = np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)
    core = (half * inverse[:, None, :]) @ np.swapaxes(half, 1, 2)
    gain = np.zeros_like(designs.cov)
    gain[:, 1:, 1:] = core
    gain[:, 0, 1:] = gain[:, 1:, 0] = -core.sum(axis=1)
    gain[:, 0, 0] = core.sum(axis=(1, 2))
    return Disagreement(
        designs=designs,
        residual=residual,
        q=np.einsum("di,dij,dj->d", residual, designs.laplacian, residual),
        lowered=np.einsum("di,dij,dj->d", residual, gain, residual),
        df=kept.sum(axis=1),
        gain=gain,
    )
