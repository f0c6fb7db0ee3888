"""Draws from an exact posterior, for tools that want a sample."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synovia.errors import MissingExtra, SynthesisError
from synovia.kernel.quadrature import Quadrature

if TYPE_CHECKING:
    from synovia.synthesis.bayes.posterior import Posterior

__all__ = ["Draws", "draw", "to_inference_data"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Independent draws.

    Attributes
    ----------
    beta : ndarray of shape (draws, p)
        Coefficients.
    natural : ndarray of shape (draws, d)
        Standard deviations and correlations of the random effects.
    """

    beta: Floats
    natural: Floats


def draw(found: Quadrature, draws: int, seed: int) -> Draws:
    """Draw nodes by their weights, then coefficients from the normal of each node.

    One variance alone is drawn from its continuous marginal by inversion, and the coefficients from the
    nearest node; several variances take the values of the nodes.

    Parameters
    ----------
    found : Quadrature
        The posterior.
    draws : int
        How many.
    seed : int
        Of numpy's default generator.

    Raises
    ------
    SynthesisError
        When ``draws`` is not above 0.
    """
    if draws < 1:
        raise SynthesisError(f"Found draws={draws}; wanted at least 1.")
    generator = np.random.default_rng(seed)
    place = generator.choice(found.weights.size, size=draws, p=found.weights)
    roots = np.linalg.cholesky(found.cov)
    normal = generator.standard_normal((draws, found.beta.shape[1]))
    beta = found.beta[place] + np.einsum("mij,mj->mi", roots[place], normal)
    natural = found.natural[place]
    for k, curve in enumerate(found.curves):
        inside = curve.step * (generator.random(draws) - 0.5)
        natural[:, k] = curve.axis.natural(curve.axis.place(natural[:, k]) + inside)
    return Draws(beta, natural)


def to_inference_data(posterior: "Posterior", draws: int, chains: int, seed: int) -> Any:
    """Draws as arviz's InferenceData, in chains that are independent by construction.

    Raises
    ------
    MissingExtra
        When arviz is not installed.
    """
    try:
        import arviz  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError:
        raise MissingExtra(
            "to_inference_data needs arviz, which is not installed: pip install 'synovia[arviz]'. "
            "draw() gives the same draws as arrays."
        ) from None
    if chains < 1 or draws < chains:
        raise SynthesisError(f"Found {draws} draws in {chains} chains; wanted at least one in each.")
    length = draws // chains
    found = draw(posterior.quadrature, chains * length, seed)
    columns = dict(zip(posterior.fit.names.coefficients, found.beta.T, strict=True))
    columns |= dict(zip(posterior.model.names, found.natural.T, strict=True))
    shaped = {name: values.reshape(chains, length) for name, values in columns.items()}
    return arviz.from_dict(
        posterior=shaped, observed_data={"estimate": posterior.model.problem.y}, attrs={"seed": seed}
    )
