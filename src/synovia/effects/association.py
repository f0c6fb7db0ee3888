"""How two dichotomous variables go together: phi, Yule's Q and Y, the tetrachoric correlation."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, owens_t

from synovia.effects.cells import Cells, ZeroCells, add_to_cells, cross, drop_uninformative
from synovia.effects.effect import Array, Counts, Effect, settle

__all__ = [
    "Association",
    "Sampling",
    "association",
    "bivariate_normal",
    "excess_heterozygosity",
    "tetrachoric",
]

Association = Literal["PHI", "ZPHI", "YUQ", "YUY", "RTET", "ZTET"]
Sampling = Literal["CS", "ST"]


def association(
    first: Counts,
    second: Counts,
    measure: Association = "PHI",
    *,
    add: float | None = None,
    to: ZeroCells = "only0",
    drop00: bool = False,
    sampling: Sampling = "CS",
) -> Effect:
    r"""Correlation-like association in a table of two by two counts.

    Parameters
    ----------
    first, second : Counts
        The two rows of the table, arrays (k,).
    measure : {"PHI", "ZPHI", "YUQ", "YUY", "RTET", "ZTET"}
        Phi, Yule's Q, Yule's Y, tetrachoric correlation; Z: Fisher's z of it, whose variance still depends on
        the correlation.
    add, to, drop00
        As in :func:`two_by_two`; nothing is added by default for phi and the tetrachoric correlation.
    sampling : {"CS", "ST"}
        For phi: cross-sectional (only the total is fixed) or stratified (the two rows are fixed).

    Notes
    -----
    ======= ============================================ ============================================
    PHI     (ad - bc)/sqrt(n1 n2 m1 m2)                  Yule (1912) or, stratified, the delta method
    YUQ     (ad - bc)/(ad + bc)                          (1 - y^2)^2/4 (1/a + 1/b + 1/c + 1/d)
    YUY     (sqrt(ad) - sqrt(bc))/(sqrt(ad) + sqrt(bc))  (1 - y^2)^2/16 (1/a + 1/b + 1/c + 1/d)
    RTET    :func:`tetrachoric`                          delta method, multinomial sampling
    ======= ============================================ ============================================

    Yule (1912), Journal of the Royal Statistical Society 75, 579-652; Pearson (1900), Philosophical
    Transactions A 195, 1-47.

    Examples
    --------
    >>> from synovia.effects import Counts, association
    >>> effect = association(Counts([20], [30]), Counts([12], [40]))
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.3642, 0.0125)
    """
    scale, formula, amount = _FORMULAS[measure.replace("ZPHI", "PHI").replace("ZTET", "RTET")]
    cells = cross(first, second)
    if drop00:
        cells = drop_uninformative(cells)
    a, b, c, d = add_to_cells(cells, amount if add is None else add, to)
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = _phi_stratified((a, b, c, d)) if scale == "phi" and sampling == "ST" else formula((a, b, c, d))
        if measure.startswith("Z"):
            scale, y, v = f"Fisher's z of the {scale}", np.arctanh(y), v / (1 - y**2) ** 2
    return settle(y, v, measure, scale)


def _phi(cells: Cells) -> tuple[Array, Array]:
    total = np.sum(cells, axis=0)
    a, b, c, d = (cell / total for cell in cells)
    r1, r2, m1, m2 = a + b, c + d, a + c, b + d
    phi = (a * d - b * c) / np.sqrt(r1 * r2 * m1 * m2)
    rows, columns = (r1 - r2) ** 2 / (r1 * r2), (m1 - m2) ** 2 / (m1 * m2)
    skew = phi * (1 + phi**2 / 2) * (r1 - r2) * (m1 - m2) / np.sqrt(r1 * r2 * m1 * m2)
    return phi, (1 - phi**2 + skew - 0.75 * phi**2 * (rows + columns)) / total


def _phi_stratified(cells: Cells) -> tuple[Array, Array]:
    a, b, c, d = cells
    n1, n2 = a + b, c + d
    p1, p2, w1, w2 = a / n1, c / n2, n1 / (n1 + n2), n2 / (n1 + n2)
    p = w1 * p1 + w2 * p2
    spread = p * (1 - p)
    root = np.sqrt(w1 * w2 / spread)
    bend = (p1 - p2) * (1 - 2 * p) / (2 * spread)
    slopes = root * (1 - bend * w1), root * (-1 - bend * w2)
    v = slopes[0] ** 2 * p1 * (1 - p1) / n1 + slopes[1] ** 2 * p2 * (1 - p2) / n2
    return root * (p1 - p2), v


def _yule(cells: Cells, power: float) -> tuple[Array, Array]:
    a, b, c, d = cells
    odds = (a * d / (b * c)) ** power
    y = (odds - 1) / (odds + 1)
    return y, (power * (1 - y**2) / 2) ** 2 * (1 / a + 1 / b + 1 / c + 1 / d)


def _tetrachoric(cells: Cells) -> tuple[Array, Array]:
    pairs = [tetrachoric(*counts) for counts in zip(*(np.atleast_1d(x) for x in cells), strict=True)]
    return np.array([r for r, _ in pairs]), np.array([v for _, v in pairs])


_FORMULAS: dict[str, tuple[str, Callable[[Cells], tuple[Array, Array]], float]] = {
    "PHI": ("phi", _phi, 0.0),
    "YUQ": ("Yule's Q", lambda cells: _yule(cells, 1.0), 0.5),
    "YUY": ("Yule's Y", lambda cells: _yule(cells, 0.5), 0.5),
    "RTET": ("tetrachoric correlation", _tetrachoric, 0.0),
}


def bivariate_normal(h: float, k: float, rho: float) -> float:
    r"""Probability that both of two standard normal variables lie below h and k.

    Parameters
    ----------
    h, k : float
        Limits.
    rho : float
        Correlation, strictly between -1 and 1.

    Notes
    -----
    By Owen's T function: :math:`\tfrac12[\Phi(h) + \Phi(k) - \delta] - T(h, a_h) - T(k, a_k)`. Owen (1956),
    Annals of Mathematical Statistics 27, 1075-1090, equation 2.1.

    Examples
    --------
    >>> round(bivariate_normal(0.0, 0.0, 0.5), 6)
    0.333333
    """
    root = np.sqrt(1 - rho**2)
    if h == 0 and k == 0:
        return float(0.25 + np.arcsin(rho) / (2 * np.pi))
    with np.errstate(divide="ignore"):
        slopes = np.divide(k, h) / root - rho / root, np.divide(h, k) / root - rho / root
    apart = 0.0 if h * k > 0 or (h * k == 0 and h + k >= 0) else 1.0
    both = (ndtr(h) + ndtr(k) - apart) / 2
    return float(both - owens_t(h, slopes[0]) - owens_t(k, slopes[1]))


def tetrachoric(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    r"""Tetrachoric correlation of one table and its sampling variance, by maximum likelihood.

    Parameters
    ----------
    a, b, c, d : float
        Counts of the table, by rows.

    Returns
    -------
    tuple of float
        Correlation and variance; -1 or 1 with a NaN variance where a cell is empty, NaN where a margin is.

    Notes
    -----
    The model is saturated: the thresholds are the normal quantiles of the margins and rho solves
    :math:`\Phi_2(h, k; \rho) = a/n`. The variance is that of rho as a function of multinomial proportions.

    Examples
    --------
    >>> rho, variance = tetrachoric(20, 10, 12, 28)
    >>> round(rho, 4), round(variance, 4)
    (0.5435, 0.0218)
    """
    n = a + b + c + d
    rows, columns = (a + b) / n, (a + c) / n
    if np.isnan(n) or min(rows, 1 - rows, columns, 1 - columns) <= 0:
        return np.nan, np.nan
    if min(a, b, c, d) == 0:
        return (-1.0 if min(a, d) == 0 else 1.0), np.nan
    h, k = float(ndtri(rows)), float(ndtri(columns))
    limit = 1 - 1e-15
    rho = float(brentq(lambda r: bivariate_normal(h, k, r) - a / n, -limit, limit, xtol=1e-15))
    root = np.sqrt(1 - rho**2)
    across, down = float(ndtr((k - rho * h) / root)), float(ndtr((h - rho * k) / root))
    density = np.exp(-(h**2 + k**2 - 2 * h * k * rho) / (2 * root**2)) / (2 * np.pi * root)
    slopes = np.array([1 - across - down, -across, -down, 0.0]) / density
    p = np.array([a, b, c, d]) / n
    return rho, float((p @ slopes**2 - (p @ slopes) ** 2) / n)


def excess_heterozygosity(genotypes: tuple[Array, Array, Array], *, add: float = 0.5) -> Effect:
    r"""Log relative excess heterozygosity: how far three genotype counts are from Hardy-Weinberg equilibrium.

    Parameters
    ----------
    genotypes : tuple of array (k,)
        Homozygous dominant, heterozygous, homozygous recessive.
    add : float
        Added to the counts of studies in which one is zero.

    Notes
    -----
    .. math:: y = \ln\frac{b}{2\sqrt{a c}}, \quad v = \frac{1}{4a} + \frac{1}{b} + \frac{1}{4c}

    Ziegler et al. (2011), European Journal of Epidemiology 26, 1-4.

    Examples
    --------
    >>> import numpy as np
    >>> effect = excess_heterozygosity((np.array([25.0]), np.array([50.0]), np.array([25.0])))
    >>> float(effect.estimate[0])
    0.0
    """
    a, b, c = add_to_cells(np.stack([np.asarray(x, float) for x in genotypes]), add, "only0")
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = np.log(b / (2 * np.sqrt(a * c))), 1 / (4 * a) + 1 / b + 1 / (4 * c)
    return settle(y, v, "REH", "log relative excess heterozygosity")
