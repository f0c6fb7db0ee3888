"""Diagnostic accuracy of each study, and one ratio per study pooled."""

from typing import Literal, TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.effects import Counts
from synovia.effects.binary import two_by_two
from synovia.effects.cells import ZeroCells, add_to_cells
from synovia.errors import SynthesisError
from synovia.kernel import quantile
from synovia.synthesis.exact.counts import Studies, check_positive, read_studies
from synovia.synthesis.fit import Fit
from synovia.synthesis.pairwise import meta

__all__ = ["Options", "accuracy_ratio", "describe_accuracy", "read_cells"]

Floats = NDArray[np.float64]

RATIOS = ("DOR", "posLR", "negLR")


class Options(TypedDict, total=False):
    """Settings that all functions of accuracy share.

    ``add`` (0.5) goes to all four cells where ``to`` says: by default ("if0all") of all studies when any has
    a zero cell.
    """

    add: float
    to: ZeroCells
    tau2: str
    level: float


def read_cells(data: pd.DataFrame, columns: tuple[str, ...], options: Options) -> tuple[Studies, Floats]:
    """Counts of each study, checked, and their cells (4, k) with the correction added.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    columns : tuple of str
        True positives, false negatives, false positives, true negatives.
    options : Options
        The correction.

    Raises
    ------
    SynthesisError
        When a count cannot be used, or a cell is 0 and stays so; the study is named.
    """
    studies = read_studies(data, columns)
    for first, second, name in ((0, 1, "diseased"), (2, 3, "healthy")):
        total = studies.values[first] + studies.values[second]
        check_positive(_with(studies, total), 0, (f"{name} participants",))
    cells = add_to_cells(studies.values, options.get("add", 0.5), options.get("to", "if0all"))
    if (cells == 0).any():
        row = int(np.argmax((cells == 0).any(axis=0)))
        raise SynthesisError(
            f"{studies.used_labels[row]} has a zero cell and nothing is added to it, so its logit is "
            "infinite; set add=0.5, to='if0all'."
        )
    return studies, cells


def _with(studies: Studies, total: Floats) -> Studies:
    return Studies(studies.data, studies.kept, studies.labels, total[None, :], studies.warnings)


def describe_accuracy(
    data: pd.DataFrame,
    *,
    tp: str = "TP",
    fn: str = "FN",
    fp: str = "FP",
    tn: str = "TN",
    **options: Unpack[Options],
) -> pd.DataFrame:
    r"""Each study's sensitivity, specificity, likelihood ratios and diagnostic odds ratio.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    tp, fn, fp, tn : str
        Columns of counts.
    **options
        ``add``, ``to``, ``level``.

    Returns
    -------
    DataFrame
        One row per study used: label, then each measure with ``_lower`` and ``_upper``. Proportions have
        Wilson's score interval, ratios the normal one on the log scale.

    Notes
    -----
    .. math:: \frac{p + z^2/2n \pm z\sqrt{p(1-p)/n + z^2/4n^2}}{1 + z^2/n}

    Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> import pandas as pd
    >>> table = describe_accuracy(pd.DataFrame({"TP": [47], "FN": [9], "FP": [101], "TN": [738]}))
    >>> table[["sensitivity", "specificity", "dor"]].round(3)
       sensitivity  specificity     dor
    0        0.839         0.88  38.158
    """
    studies, cells = read_cells(data, (tp, fn, fp, tn), options)
    a, b, c, d = cells
    z = quantile(options.get("level", 0.95), np.inf)
    frame = pd.DataFrame({"label": studies.used_labels})
    for name, events, n in (("sensitivity", a, a + b), ("specificity", d, c + d)):
        p = events / n
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
        frame = frame.assign(**{name: p, f"{name}_lower": centre - half, f"{name}_upper": centre + half})
    for name in RATIOS:
        y, error = _compare(cells, name)
        ratio, reach = np.exp(y), z * error
        low, high = np.exp(y - reach), np.exp(y + reach)
        key = {"DOR": "dor", "posLR": "positive_lr", "negLR": "negative_lr"}[name]
        frame = frame.assign(**{key: ratio, f"{key}_lower": low, f"{key}_upper": high})
    return frame


def _compare(cells: Floats, name: str) -> tuple[Floats, Floats]:
    """Log ratio and its standard error: of odds, of positive results, of negative ones."""
    a, b, c, d = cells
    first, second = (b, d) if name == "negLR" else (a, c)
    diseased, healthy = Counts(first, a + b), Counts(second, c + d)
    effect = two_by_two(diseased, healthy, "OR" if name == "DOR" else "RR", to="none")
    return effect.estimate, np.sqrt(effect.variance)


def accuracy_ratio(
    data: pd.DataFrame,
    measure: Literal["DOR", "posLR", "negLR"] = "DOR",
    *,
    tp: str = "TP",
    fn: str = "FN",
    fp: str = "FP",
    tn: str = "TN",
    **options: Unpack[Options],
) -> Fit:
    """Pool one number per study: the diagnostic odds ratio or a likelihood ratio.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    measure : {"DOR", "posLR", "negLR"}
        Diagnostic odds ratio, positive or negative likelihood ratio; on the log scale.
    tp, fn, fp, tn : str
        Columns of counts.
    **options
        ``tau2`` (any estimator of ``meta``, "REML"), ``add``, ``to``, ``level``.

    Raises
    ------
    SynthesisError
        When the measure does not exist or a count cannot be used.

    Notes
    -----
    One number hides whether a test misses patients or alarms the healthy: use ``diagnostic_accuracy`` for
    conclusions, and do not pool likelihood ratios without their joint distribution (Zwinderman & Bossuyt
    2008, Statistics in Medicine 27, 687-697).

    Examples
    --------
    >>> import pandas as pd
    >>> studies = pd.DataFrame({"TP": [47, 126], "FN": [9, 51], "FP": [101, 272], "TN": [738, 1543]})
    >>> print(f"{accuracy_ratio(studies, tau2='DL').tidy().estimate[0]:.3f}")
    3.085
    """
    if measure not in RATIOS:
        raise SynthesisError(f"Found measure {measure!r}; wanted one of {', '.join(RATIOS)}.")
    studies, cells = read_cells(data, (tp, fn, fp, tn), options)
    y, error = _compare(cells, measure)
    table = studies.used.assign(label=studies.used_labels, estimate=y, variance=error**2)
    return meta(table, tau2=options.get("tau2", "REML"), inference="z", level=options.get("level", 0.95))
