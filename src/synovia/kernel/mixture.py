"""The distribution of a quadratic form in normal variables: a weighted sum of chi-squared variables."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

__all__ = ["mixture_below"]

Floats = NDArray[np.float64]

NEGLIGIBLE = 1e-13  # weights below this share of the largest are what rounding leaves of zeros
STEP = 0.05  # halving it changes no probability by more than 1e-13
REACH = 7.0  # where the integrand is below 1e-16 for a single variable, and far below for more
LEAN = 0.3  # how far the contour leans to the left; 0 would be a vertical line


def mixture_below(weights: Floats, value: float, lost: Floats | None = None) -> float:
    r"""Probability that a weighted sum of independent chi-squared variables, 1 df each, is at most a value.

    Parameters
    ----------
    weights : ndarray of shape (m,)
        At least 0; zeros and what rounding leaves of them do not count.
    value : float
        Any number.
    lost : ndarray of shape (m, p), optional
        U, when the weights wanted are the eigenvalues of diag(weights) - UU', at a cost linear in m.

    Returns
    -------
    float
        Between 0 and 1, with an error of about 1e-13 of the smaller tail; of the lower tail with columns
        lost.

    Notes
    -----
    .. math:: P\Bigl(\sum_i \lambda_i \chi^2_1 \le q\Bigr) = \frac1{2\pi i}\int e^{zq}\,\frac1z
        \prod_i (1 + 2\lambda_i z)^{-1/2}\,dz

    along a hyperbola through the saddle point of the integrand: right of 0 it gives the lower tail, left of 0
    the upper tail with its sign changed. The trapezoidal rule then converges geometrically. With columns
    lost, :math:`\prod(1 + 2\lambda_i z) = \prod(1 + 2 d_i z)\,|I - 2z U'(I + 2zD)^{-1}U|`. The form itself:
    Imhof (1961), Biometrika 48, 419-426; such contours: Weideman & Trefethen (2007), Mathematics of
    Computation 76, 1341-1356.

    Examples
    --------
    >>> print(f"{mixture_below(np.ones(1), 3.841458820694124):.12f}")
    0.950000000000
    """
    kept = weights > NEGLIGIBLE * weights.max(initial=0.0)
    if value <= 0:
        return 0.0
    if not kept.any():
        return 1.0
    scale = float(weights.max())
    columns = np.empty((weights.size, 0)) if lost is None else lost / np.sqrt(scale)
    form = Form(weights[kept] / scale, columns[kept])
    return _integrate(form, value / scale)


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """diag(d) - UU', with d at most 1."""

    d: Floats
    U: Floats

    def log_det(self, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """(k,) logarithm of the product of 1 + 2 lambda z, continuous in the upper half plane."""
        total = np.log1p(2 * np.outer(z, self.d)).sum(axis=1)
        G = self._gain(z)
        for column in range(G.shape[1]):
            pivot = G[:, column, column].copy()
            total = total + np.log(pivot)
            G = G - G[:, :, [column]] * G[:, [column], :] / pivot[:, None, None]
        return np.asarray(total)

    def _gain(self, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """(k, p, p) I - 2z U'(I + 2zD)⁻¹U."""
        share = 2 * z[:, None] / (1 + 2 * np.outer(z, self.d))
        pairs = np.einsum("ip,iq->ipq", self.U, self.U).reshape(self.d.size, -1)
        p = self.U.shape[1]
        return np.asarray(np.eye(p) - (share @ pairs).reshape(z.size, p, p))

    def slope(self, z: float) -> float:
        """Half the derivative of ``log_det`` at a real z."""
        bottom = 1 + 2 * z * self.d
        whole = float((self.d / bottom).sum())
        if self.U.shape[1] == 0:
            return whole
        G = np.eye(self.U.shape[1]) - (self.U.T * (2 * z / bottom)) @ self.U
        return whole - float(np.trace(np.linalg.solve(G, (self.U.T / bottom**2) @ self.U)))


def _integrate(form: Form, value: float) -> float:
    # left of 0 the largest eigenvalue must be known, and with columns lost it is not
    lower = form.U.shape[1] > 0 or value < float(form.d.sum())
    centre, curvature = _find_saddle(form, value, lower=lower)
    width = 1 / np.sqrt(curvature)
    u = STEP * np.arange(round(REACH / STEP) + 1)
    z = centre + width * (1j * np.sinh(u) - LEAN * (np.cosh(u) - 1))
    slope = width * (1j * np.cosh(u) - LEAN * np.sinh(u))
    logs = z * value - 0.5 * form.log_det(z) - np.log(z if lower else -z)
    terms = (np.exp(logs) * slope).imag
    tail = float(STEP * (terms.sum() - terms[0] / 2) / np.pi)
    return tail if lower else 1 - tail


def _find_saddle(form: Form, value: float, *, lower: bool) -> tuple[float, float]:
    """The real z where the integrand is least, and the curvature of its logarithm there.

    Right of 0 for the lower tail, between 0 and -1/2 for the upper: no singularity lies there, because no
    eigenvalue is above 1.
    """

    def slope(z: float) -> float:
        return value - form.slope(z) - 1 / z

    low, high = (0.5 / value, (form.d.size + 2) / value) if lower else (-0.5 * (1 - 1e-15), -1e-15)
    centre: float = brentq(slope, low, high, rtol=1e-6, maxiter=200)
    step = 1e-5 * min(abs(centre), 0.5 + centre)
    curvature = (slope(centre + step) - slope(centre - step)) / (2 * step)
    return centre, max(curvature, 1 / centre**2)
