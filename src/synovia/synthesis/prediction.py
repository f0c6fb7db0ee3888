"""Where the true effect of a new study lies: the published kinds of prediction interval, by name."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import INFERENCES, Inapplicable, Inference, Point, Problem, quantile
from synovia.kernel.confidence import draw_new_effects
from synovia.kernel.solution import Solution, require_point

__all__ = ["KINDS", "Basis", "Kind", "Prediction", "find_prediction"]

Floats = NDArray[np.float64]

SEED = 1  # of the bootstrap kind, unless another is given
SAME = 1e-6  # degrees of freedom that print alike
DRAWS = 25_000  # as its authors use; a 95 % limit moves by about 1 % of the width from seed to seed


@dataclass(frozen=True, slots=True)
class Kind:
    """One published prediction interval.

    Attributes
    ----------
    source : str
        Who proposed it.
    inference : str or None
        Whose covariance of the mean it uses, by its name in settings; "own" that of the fit, None leaves the
        mean's uncertainty out.
    fewer : int or None
        Degrees of freedom below those of the independent studies less coefficients; None for the normal
        distribution.
    """

    source: str
    inference: str | None
    fewer: int | None


KINDS: dict[str, Kind] = {
    "own": Kind("as the interval of the mean", "own", 0),
    "HTS": Kind("Higgins, Thompson & Spiegelhalter 2009", "z", 1),
    "t": Kind("Veroniki et al. 2019", "z", 0),
    "normal": Kind("normal quantile", "z", None),
    "simple": Kind("normal quantile, mean taken as known", None, None),
    "HK": Kind("Knapp-Hartung, Veroniki et al. 2019", "knapp-hartung", 0),
    "HK-PR": Kind("Knapp-Hartung, Partlett & Riley 2017", "knapp-hartung", 1),
    "KR": Kind("Kenward-Roger", "kenward-roger", 0),
    "KR-PR": Kind("Kenward-Roger, Partlett & Riley 2017", "kenward-roger", 1),
    "bootstrap": Kind("Nagashima, Noma & Furukawa 2019", "knapp-hartung", 0),
}
"""Prediction intervals by the names that settings use."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Limits of the effect in a new study.

    Attributes
    ----------
    lower, upper : ndarray of shape (m,)
        NaN where there is no interval.
    method : str
        The kind and its degrees of freedom, or why there is none.
    """

    lower: Floats
    upper: Floats
    method: str


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What a prediction is made from.

    Attributes
    ----------
    problem : Problem
        What was fitted.
    point : Point or Solution
        What was found.
    tau2 : float, ndarray of shape (m,), or Inapplicable
        Variance of a new study's effect around the mean, for each prediction where it differs.
    inference : Inference
        The fit's own, for the kind "own".
    restricted : bool
        Whether tau2 maximises the restricted likelihood.
    """

    problem: Problem
    point: Point | Solution
    tau2: float | Floats | Inapplicable
    inference: Inference
    restricted: bool = True


def find_prediction(
    basis: Basis, X: Floats, level: float, *, kind: str = "HTS", seed: int = SEED
) -> Prediction:
    r"""Prediction intervals at rows of a design.

    Parameters
    ----------
    basis : Basis
        The fit.
    X : ndarray of shape (m, p)
        One row per prediction.
    level : float
        Level, such as 0.95.
    kind : str
        A name of ``KINDS``.
    seed : int
        Of the bootstrap; the others do not draw.

    Raises
    ------
    SynthesisError
        When the kind does not exist.

    Notes
    -----
    .. math:: x'\hat\beta \pm q \sqrt{\hat\tau^2 + \operatorname{Var}(x'\hat\beta)}

    The kinds differ in the variance of the mean (plain, Knapp-Hartung or Kenward-Roger) and in q: normal, or
    t on k - p or k - p - 1 degrees of freedom with k independent studies. Higgins, Thompson & Spiegelhalter
    (2009), JRSS A 172, 137-159; Partlett & Riley (2017), Statistics in Medicine 36, 301-317; Veroniki et al.
    (2019), Research Synthesis Methods 10, 23-43; Nagashima, Noma & Furukawa (2019), Statistical Methods in
    Medical Research 28, 1689-1702.
    """
    if kind not in KINDS:
        raise SynthesisError(f"Found prediction kind {kind!r}; wanted one of {', '.join(KINDS)}.")
    none = np.full(X.shape[0], np.nan)
    reason = _find_obstacle(basis, KINDS[kind])
    if reason is not None:
        return Prediction(none, none, str(reason))
    if kind == "bootstrap":
        return _bootstrap(basis, X, level, seed)
    mean = X @ basis.point.beta
    half, said = _half_width(basis, X, level, KINDS[kind])
    return Prediction(mean - half, mean + half, said)


def _find_obstacle(basis: Basis, kind: Kind) -> Inapplicable | None:
    if isinstance(basis.tau2, Inapplicable):
        return basis.tau2
    if kind.inference == "own":
        return None
    fewer = 0 if kind.fewer is None else kind.fewer
    needed = basis.problem.p + fewer + (kind.fewer is not None)
    if basis.problem.units < needed:
        return Inapplicable(
            f"a prediction interval needs {needed} independent studies; there are {basis.problem.units}"
        )
    return None


def _half_width(basis: Basis, X: Floats, level: float, kind: Kind) -> tuple[Floats, str]:
    tau2 = np.broadcast_to(np.asarray(basis.tau2, dtype=np.float64), X.shape[:1])  # no obstacle: numbers
    if kind.inference is None:
        return quantile(level, np.inf) * np.sqrt(tau2), kind.source
    cov, df = _mean_uncertainty(basis, X, kind)
    spread = np.sqrt(tau2 + ((X @ cov) * X).sum(axis=1))
    if kind.fewer is None:
        return quantile(level, np.inf) * spread, kind.source
    half = np.array([quantile(level, each) for each in df.tolist()]) * spread
    return half, f"{kind.source}: {_name_degrees(df)}"


def _name_degrees(df: Floats) -> str:
    if np.isinf(df).all():
        return "normal"
    low, high = float(df.min()), float(df.max())
    return f"t with {low:.4g} df" if high - low < SAME else f"t with {low:.3g} to {high:.3g} df"


def _mean_uncertainty(basis: Basis, X: Floats, kind: Kind) -> tuple[Floats, Floats]:
    """(p, p) covariance of the coefficients and (m,) degrees of freedom."""
    whole = np.full(X.shape[0], float(basis.problem.units - basis.problem.p))
    if kind.inference == "own":
        return basis.inference.cov, basis.inference.degrees(X)
    if kind.inference in (None, "z"):
        return basis.point.cov, whole - (kind.fewer or 0)
    inference = _infer(basis, require_point(basis.point), str(kind.inference))
    return inference.cov, inference.degrees(X) - (kind.fewer or 0)


def _infer(basis: Basis, at: Point, name: str) -> Inference:
    if name == "kenward-roger":
        from synovia.kernel.kenward_roger import kenward_roger  # noqa: PLC0415 - read only where it is asked for

        return kenward_roger(basis.problem, at, restricted=basis.restricted)
    return INFERENCES[name](basis.problem, at)


def _bootstrap(basis: Basis, X: Floats, level: float, seed: int) -> Prediction:
    drawn = draw_new_effects(basis.problem, draws=DRAWS, seed=seed)
    lower, upper = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    whole = np.ones(X.shape[0])
    source = KINDS["bootstrap"].source
    return Prediction(lower * whole, upper * whole, f"{source}: {DRAWS} draws, seed {seed}")
