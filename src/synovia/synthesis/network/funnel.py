"""Small-study effects in a network: the comparison-adjusted funnel plot and its test."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from synovia.errors import SynthesisError
from synovia.synthesis.network.direct import list_comparisons

if TYPE_CHECKING:
    from synovia.synthesis.network.model import Network

__all__ = ["adjust_comparisons"]


def adjust_comparisons(net: "Network", order: Sequence[str]) -> pd.DataFrame:
    r"""Every comparison of every trial, less what all trials of that comparison say together.

    Parameters
    ----------
    net : Network
        Any network.
    order : sequence of str
        All treatments, from the one that small trials are expected to make look worst (placebo, the old one)
        to the one they are expected to favour (the new one). Without such an expectation the plot has no
        meaning.

    Returns
    -------
    DataFrame
        label (the trial), comparison (later minus earlier in ``order``), estimate (the difference from the
        comparison's own inverse-variance mean), std_error: what ``synovia.funnel(rows, centre=0)`` draws.

    Raises
    ------
    SynthesisError
        When ``order`` does not name every treatment once.

    Notes
    -----
    .. math:: y_{i,jk} - \hat\mu_{jk}

    Chaimani & Salanti (2012), Research Synthesis Methods 3, 161-176. The rows of a trial of several arms are
    not independent.

    Examples
    --------
    >>> from synovia.synthesis.network import network
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "B", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.5, 0.5]})
    >>> adjust_comparisons(network(trials, random=False), ["A", "B", "C"])
      label comparison  estimate  std_error
    0    s1      B - A      -0.5        0.5
    1    s2      B - A       0.5        0.5
    2    s3      C - B       0.0        0.5
    """
    if sorted(order) != sorted(net.treatments):
        raise SynthesisError(
            f"Found order {', '.join(order)}; wanted every treatment once: {', '.join(net.treatments)}."
        )
    first, second, y, v = list_comparisons(net)
    place = np.array([list(order).index(name) for name in net.treatments])
    later = place[first] > place[second]
    y = np.where(later, y, -y)
    one, other = np.where(later, first, second), np.where(later, second, first)
    key = one * len(net.treatments) + other
    codes = np.unique(key, return_inverse=True)[1]
    means = np.bincount(codes, weights=y / v) / np.bincount(codes, weights=1 / v)
    sizes = [len(arms) * (len(arms) - 1) // 2 for arms in net.design.arms]
    names = np.array(net.treatments, dtype=object)
    return pd.DataFrame(
        {
            "label": np.repeat(np.array(net.design.studies, dtype=object), sizes),
            "comparison": [f"{a} - {b}" for a, b in zip(names[one], names[other], strict=True)],
            "estimate": y - means[codes],
            "std_error": np.sqrt(v),
        }
    )
