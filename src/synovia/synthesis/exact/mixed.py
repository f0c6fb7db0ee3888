"""Counts with normal random effects: from distributions and a design to estimates, variances and tests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Convergence
from synovia.kernel.solution import ChiSquared
from synovia.synthesis.exact.ascent import Layout, Optimum, maximise
from synovia.synthesis.exact.assemble import test
from synovia.synthesis.exact.family import Family
from synovia.synthesis.exact.quadrature import Marginal

__all__ = ["BASELINES", "Mixed", "Model", "evaluate_at", "fit_mixed"]

Floats = NDArray[np.float64]

BASELINES = ("none", "fixed", "random")
STARTS = (0.3, 1.0)  # standard deviations to climb from, beside that of the observed effects
GAIN = 1e-9  # log-likelihood that a variance must gain to be told from 0


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    r"""Linear predictors of the counts: baseline, effect and their random parts.

    .. math:: \eta_{ij} = \alpha_i + t_j x_i'\beta + d_j \tau u_i + o_{ij}

    Attributes
    ----------
    family : Family
        Distribution of the counts of n studies, J each.
    X : ndarray of shape (n, p)
        Moderators of the effect.
    offsets : ndarray of shape (n, J)
        Known parts.
    baseline : {"none", "fixed", "random"}
        No baseline; one per study; normal with a mean and a variance.
    coding : float
        d: 1/2 spreads the random effect over both groups (1/2 and -1/2), 1 puts it on the treatment, 0 on the
        comparator. t is 1 for the treatment and 0 for the comparator.
    points : int
        Quadrature nodes per random effect.
    """

    family: Family
    X: Floats
    offsets: Floats
    baseline: str
    coding: float = 0.5
    points: int = 7

    @property
    def place(self) -> int:
        """Predictor of the effect."""
        return 0 if self.baseline == "none" else 1

    @property
    def loadings(self) -> Floats:
        """(J, q) how predictors move the counts."""
        return np.ones((1, 1)) if self.baseline == "none" else np.array([[1.0, 1.0], [1.0, 0.0]])

    @property
    def spread(self) -> Floats:
        """(J, q) how random effects move the counts."""
        if self.baseline == "none":
            return np.ones((1, 1))
        return np.array([[1.0, self.coding], [1.0, self.coding - 1]])

    def make_marginal(self, *, effect: bool) -> Marginal:
        """The likelihood, with or without a random effect."""
        random = ((0,) if self.baseline == "random" else ()) + ((self.place,) if effect else ())
        return Marginal(self.family, self.loadings, self.offsets, random, self.points, self.spread)

    def make_layout(self, *, effect: bool) -> Layout:
        """Shared parameters: mean of the baseline, beta, its standard deviation, tau; those that exist."""
        n, p = self.X.shape
        common = self.baseline == "random"
        q, count = self.place + 1, p + 2 * common + effect
        design = np.zeros((n, q + common + effect, count))
        design[:, self.place, common : common + p] = self.X
        if common:
            design[:, 0, 0] = 1
            design[:, q, 1 + p] = 1
        if effect:
            design[:, -1, -1] = 1
        return Layout(design, 0 if self.baseline == "fixed" else None)


@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """A fitted model.

    Attributes
    ----------
    beta : ndarray of shape (p,)
    cov : ndarray of shape (p, p)
        Inverse of the observed information, variances and baselines taken into account.
    tau2 : float or None
        None for a common effect.
    tau2_std_error : float
        NaN at the boundary and without a random effect.
    sigma2 : float
        Variance of the baseline, NaN when it is not random.
    log_lik : float
        With all constants.
    convergence : Convergence
        How it was found.
    tests : tuple of ChiSquared
        Equality of the effects: likelihood ratio and Wald.
    """

    beta: Floats
    cov: Floats
    tau2: float | None
    tau2_std_error: float
    sigma2: float
    log_lik: float
    convergence: Convergence
    tests: tuple[ChiSquared, ...]


def fit_mixed(model: Model, start: Floats, spread: float, *, effect: bool) -> Mixed:
    """Maximum likelihood.

    Parameters
    ----------
    model : Model
        What is fitted.
    start : ndarray of shape (p,)
        Coefficients to begin from.
    spread : float
        Standard deviation of the studies' own effects, to begin from.
    effect : bool
        Whether the effect is random.
    """
    common = _climb_common(model, start)
    tests = _test_equality(model, common)
    best = _climb_random(model, common, spread) if effect else common
    interior = best is not common
    return _report(model, best, tests, effect=effect, interior=interior)


def _climb_common(model: Model, start: Floats) -> Optimum:
    own = _guess_baselines(model)
    if model.baseline == "random":
        start = np.concatenate([[own.mean()], start, [max(float(own.std()), 0.1)]])
    marginal, layout = model.make_marginal(effect=False), model.make_layout(effect=False)
    return maximise(marginal, layout, own if layout.own is not None else np.zeros(own.size), start)


def _climb_random(model: Model, common: Optimum, spread: float) -> Optimum:
    """The highest maximum with a variance, or the common-effect one when no variance gains anything."""
    marginal, layout = model.make_marginal(effect=True), model.make_layout(effect=True)
    best = common
    for tau in (spread, *STARTS):
        shared = np.concatenate([common.shared, [tau]])
        if model.baseline == "random":
            shared[-2] = max(abs(shared[-2]), 0.1)
        found = maximise(marginal, layout, common.own, shared)
        if found.value > best.value + GAIN and abs(found.shared[-1]) > 0:
            best = found
    return best


def _guess_baselines(model: Model) -> Floats:
    """(n,) average of the studies' own linear predictors, half an event away from infinity."""
    eta, information = model.family.solve_own()
    weights = information + 1e-3
    return np.asarray(((eta - model.offsets) * weights).sum(axis=1) / weights.sum(axis=1))


def _report(
    model: Model, best: Optimum, tests: tuple[ChiSquared, ...], *, effect: bool, interior: bool
) -> Mixed:
    p, first = model.X.shape[1], int(model.baseline == "random")
    cov, error = _invert(best.information, random_last=interior), np.nan
    tau = abs(float(best.shared[-1])) if interior else 0.0
    if interior:
        error = 2 * tau * float(np.sqrt(max(cov[-1, -1], 0.0)))
    said = "maximum inside" if interior else "closed by the data"
    if effect and not interior:
        said = "maximum at tau2 = 0: any variance between studies lowers the likelihood"
    elif not effect:
        said = "maximum found, no variance of the effect to find"
    if not best.converged:
        said += f"; stopped where a step still promised {best.promise:.2g}"
    return Mixed(
        beta=best.shared[first : first + p],
        cov=cov[first : first + p, first : first + p],
        tau2=tau**2 if effect else None,
        tau2_std_error=error,
        sigma2=float(best.shared[first + p]) ** 2 if first else np.nan,
        log_lik=best.value,
        convergence=Convergence(
            best.steps,
            best.score,
            at_boundary=effect and not interior,
            converged=best.converged,
            message=said,
        ),
        tests=tests,
    )


def _invert(information: Floats, *, random_last: bool) -> Floats:
    """Inverse of the information; standard deviations at 0 carry none and are held there."""
    diagonal = np.diag(information)
    held = diagonal < 1e-10 * max(1.0, float(diagonal.max()))
    cov = np.zeros_like(information)
    free = np.flatnonzero(~held)
    try:
        cov[np.ix_(free, free)] = np.linalg.inv(information[np.ix_(free, free)])
    except np.linalg.LinAlgError as problem:
        what = "variances" if random_last else "coefficients"
        raise SynthesisError(f"The data do not tell the {what} apart; use a simpler model.") from problem
    return cov


def _test_equality(model: Model, common: Optimum) -> tuple[ChiSquared, ...]:
    """Whether all studies have the effect that the design gives them."""
    n, p = model.X.shape
    if n == p:
        return ()
    if model.baseline == "random":
        value, effects, precision = _saturate_random_baseline(model, common)
    else:
        value = float(model.family.saturated.sum())
        effects, weights = _solve_each(model)
        precision = np.diag(weights)
    told = int((np.diag(precision) > 0).sum())
    ratio = max(0.0, 2 * (value - common.value))
    found = [test("Heterogeneity, likelihood ratio", ratio, n - p)]
    if told > p:
        found.append(test("Heterogeneity, Wald", _squared_distance(effects, precision, model.X), told - p))
    return tuple(found)


def _solve_each(model: Model) -> tuple[Floats, Floats]:
    """(n,) effect of each study on its own, and its precision; both 0 where it is infinite."""
    eta, information = model.family.solve_own()
    with np.errstate(divide="ignore"):
        precision = 1 / (1 / information).sum(axis=1)
    signs = np.array([1.0]) if model.baseline == "none" else np.array([1.0, -1.0])
    effects = (eta - model.offsets) @ signs
    return np.where(precision > 0, effects, 0.0), precision


def _saturate_random_baseline(model: Model, common: Optimum) -> tuple[float, Floats, Floats]:
    """Log-likelihood, effects and their precision (n, n) with an effect per study and a random baseline."""
    n, p = model.X.shape
    design = np.zeros((n, 3, 2))
    design[:, 0, 0] = design[:, 2, 1] = 1
    shared = np.array([common.shared[0], max(abs(common.shared[1 + p]), 0.1)])
    own = model.X @ common.shared[1 : 1 + p]
    found = maximise(model.make_marginal(effect=False), Layout(design, own=1), own, shared)
    scaled = found.cross / found.own_information[:, None]
    whole = found.information + found.cross.T @ scaled
    precision = np.diag(found.own_information) - found.cross @ np.linalg.pinv(whole) @ found.cross.T
    return found.value, found.own, precision


def _squared_distance(effects: Floats, precision: Floats, X: Floats) -> float:
    """Generalised least squares distance of effects from a design."""
    inner = X.T @ precision
    residuals = effects - X @ np.linalg.solve(inner @ X, inner @ effects)
    return float(residuals @ precision @ residuals)


def evaluate_at(model: Model, beta: Floats, tau2: float, sigma2: float = 0.0) -> float:
    """Log-likelihood at given coefficients and variances, baselines at their best.

    Parameters
    ----------
    model : Model
        What is evaluated.
    beta : ndarray of shape (p,)
        Coefficients.
    tau2, sigma2 : float
        Variance of the effect and of a random baseline.
    """
    marginal = model.make_marginal(effect=True)
    n, place = model.X.shape[0], model.place
    fixed = np.zeros((n, marginal.arguments))
    fixed[:, place], fixed[:, -1] = model.X @ beta, np.sqrt(tau2)
    if model.baseline == "none":
        return float(marginal.evaluate(fixed).sum())
    known = np.zeros((n, marginal.arguments, 2))
    known[:, :, 0] = fixed
    if model.baseline == "random":
        known[:, 2, 0] = np.sqrt(sigma2)
        known[:, 0, 1] = 1
    return _best_baseline(marginal, known, _guess_baselines(model), own=model.baseline == "fixed")


def _best_baseline(marginal: Marginal, known: Floats, guess: Floats, *, own: bool) -> float:
    """Highest log-likelihood over the baselines, the rest held: Newton on one number, or one per study."""
    value = guess if own else np.full(guess.size, guess.mean())
    for _ in range(100):
        arguments = known[:, :, 0].copy()
        arguments[:, 0] += value
        slopes = marginal.slopes(arguments)
        slope, curve = slopes.gradient[:, 0], slopes.hessian[:, 0, 0]
        step = -slope / curve if own else np.full(guess.size, -slope.sum() / curve.sum())
        value = value + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    arguments = known[:, :, 0].copy()
    arguments[:, 0] += value
    return float(marginal.evaluate(arguments).sum())
