"""A fit made ready to be repeated thousands of times."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Diagonal
from synovia.kernel.solution import require_point
from synovia.synthesis.fit import Fit
from synovia.synthesis.many import ESTIMATORS, INFERENCES, Many, Reading, load_batch, read_fits
from synovia.synthesis.orders import Orders, Signs

__all__ = [
    "CHUNK",
    "Progress",
    "Repeated",
    "find_joint",
    "find_statistics",
    "join",
    "read_estimator",
    "read_fit",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Progress = Callable[[int, int], None]
"""Told how many fits are done, and of how many."""

ACROSS = ("beta", "std_error", "lower", "upper")
ALONG = ("cov", "tau2", "Q", "log_lik", "k", "df", "converged", "at_boundary")
CHUNK = 2_000_000  # numbers of a design that are held at a time: 16 MB


def read_estimator(fit: Fit, what: str) -> str | float:
    """The estimator of a fit as compiled fits know it.

    Parameters
    ----------
    fit : Fit
        To be fitted again many times.
    what : str
        What wants to, for the message.

    Raises
    ------
    SynthesisError
        When its estimates are not independent, each with its own random effect or none, or it was fitted or
        read in a way that compiled fits do not know.
    """
    problem, settings = fit.problem, fit.settings
    reason = None
    if not isinstance(problem.V, Diagonal) or settings.random not in ("effect", None) or settings.scale:
        reason = "estimates covary or share random effects"
    elif settings.weights is not None:
        reason = f"coefficients have weights {settings.weights!r}"
    elif settings.inference not in INFERENCES:
        reason = f"intervals are {settings.inference}"
    elif fit.status != "pooled":
        reason = "nothing was pooled"
    if reason is not None:
        raise SynthesisError(
            f"{what} refits independent estimates, each with its own random effect or none, by "
            f"inverse-variance weights and {', '.join(INFERENCES)}; in this fit {reason}."
        )
    if settings.random is None:
        return "EE"
    tau2 = settings.tau2
    if isinstance(tau2, float | int) or (isinstance(tau2, str) and tau2 in ESTIMATORS):
        return tau2
    raise SynthesisError(f"{what} knows tau2 by {', '.join(ESTIMATORS)} or as a number; found {tau2!r}.")


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """A fit to be repeated on other signs, orders, rows or values.

    Attributes
    ----------
    y, v : ndarray of shape (n,)
        Estimates and sampling variances.
    basis : ndarray of shape (n, p)
        Q of the design X = QR; what is fitted, so that no digit is lost.
    triangle : ndarray of shape (p, p)
        R.
    ways : Signs or Orders
        How studies may be rearranged: signs of a mean, orders of moderators.
    reading : Reading
        Estimator and interval.
    what : str
        What repeats it, for messages.
    threads : int or None
        As many as there are processors without it.
    """

    y: Floats
    v: Floats
    basis: Floats
    triangle: Floats
    ways: Signs | Orders
    reading: Reading
    what: str
    threads: int | None

    def observe(self) -> Many:
        """The fit as it stands."""
        return self.read(self.y[:, None], self.basis[:, :, None])

    def shift(self, column: int, value: float) -> "Repeated":
        """The estimates less a value of one coefficient."""
        moved = self.y - value * (self.basis @ self.triangle)[:, column]
        return replace(self, y=moved)

    def fit(self, chosen: Floats | Integers, *, progress: Progress | None = None) -> Many:
        """The fits of (k, N) arrangements, some at a time."""
        step = max(1, CHUNK // self.basis.size)
        parts = []
        for start in range(0, chosen.shape[1], step):
            parts.append(self._arrange(chosen[:, start : start + step]))
            if progress is not None:
                progress(min(start + step, chosen.shape[1]), chosen.shape[1])
        return join(parts)

    def _arrange(self, chosen: Floats | Integers) -> Many:
        if isinstance(self.ways, Signs):
            return self.read(self.y[:, None] * chosen, self.basis[:, :, None])
        estimates = np.broadcast_to(self.y[:, None], chosen.shape)
        return self.read(estimates, np.moveaxis(self.basis[chosen], 2, 1))

    def read(self, y: Floats, basis: Floats, v: Floats | None = None) -> Many:
        """Fits of (k, N) estimates with (k, p, 1) or (k, p, N) designs, and their own variances if given."""
        fit_batch = load_batch(self.what).fit_batch
        variances = self.v[:, None] if v is None else v
        batch = fit_batch(y, variances, basis, estimator=self.reading.estimator, threads=self.threads)
        return read_fits(batch, self.triangle[None], self.reading)


def read_fit(fit: Fit, what: str, threads: int | None = None) -> Repeated:
    """A fit made ready to be repeated.

    Parameters
    ----------
    fit : Fit
        Of independent estimates.
    what : str
        What wants to repeat it, for messages.
    threads : int, optional
        As many as there are processors without it.

    Raises
    ------
    SynthesisError
        As ``read_estimator``.
    """
    require_point(fit.point)
    estimator = read_estimator(fit, what)
    problem, settings = fit.problem, fit.settings
    basis, triangle = np.linalg.qr(problem.X)
    alone = fit.names.coefficients == ("Intercept",)
    kinds = np.unique(problem.X, axis=0, return_inverse=True)[1].reshape(-1)
    return Repeated(
        y=problem.y,
        v=problem.V.diagonal,
        basis=basis,
        triangle=triangle,
        ways=Signs(problem.n) if alone else Orders(kinds),
        reading=Reading(fit.names.coefficients, estimator, settings.inference, settings.level),
        what=what,
        threads=threads,
    )


def join(parts: list[Many]) -> Many:
    """Fits made some at a time, as one."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    wide = {name: np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ACROSS}
    long = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ALONG}
    return Many(
        terms=first.terms,
        **wide,
        **long,
        estimator=first.estimator,
        inference=first.inference,
        level=first.level,
    )


def find_statistics(many: Many) -> Floats:
    """(N, p) z or t of each coefficient."""
    with np.errstate(divide="ignore", invalid="ignore"):  # an exact fit has no error
        return (many.beta / many.std_error).T


def find_joint(many: Many) -> Floats:
    """(N,) chi-squared or F of all moderators, or of the mean alone."""
    tested = [j for j, term in enumerate(many.terms) if term != "Intercept"] or [0]
    values = many.beta[tested].T[:, :, None]
    inner = many.cov[:, tested][:, :, tested]
    regular = np.isfinite(inner).all(axis=(1, 2)) & (np.diagonal(inner, axis1=1, axis2=2).min(axis=1) > 0)
    safe = np.where(regular[:, None, None], inner, np.eye(len(tested)))
    joint = (np.swapaxes(values, 1, 2) @ np.linalg.solve(safe, values))[:, 0, 0]
    return np.where(regular, joint if many.inference == "z" else joint / len(tested), np.nan)
