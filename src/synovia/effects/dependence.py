"""Covariance of the sampling errors of effects that share participants, from declared correlations."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from synovia.effects.declared import (
    Contrast,
    Declared,
    Likeness,
    Overlap,
    Times,
    read_column,
    require_column,
)
from synovia.effects.effect import Array
from synovia.errors import Fault, InputError, NotPositiveDefinite

__all__ = ["Contrast", "Times", "covariance_blocks", "known_covariance", "sampling_covariance"]

Rows: TypeAlias = npt.NDArray[np.intp]


def sampling_covariance(
    data: pd.DataFrame,
    *,
    cluster: str,
    variance: str = "variance",
    outcome: str = "",
    observation: str = "",
    rho: Declared | tuple[Declared, Declared] | None = None,
    times: Times | None = None,
    contrast: Contrast | None = None,
) -> Array:
    r"""Covariance matrix of the sampling errors of all rows, (N, N), in row order.

    Parameters
    ----------
    data : DataFrame
        One row per effect.
    cluster : str
        Column of the study, or of the group of people within it; rows of different clusters are independent.
        Several columns that only together name people are joined with `` + ``, such as "study + sex".
    variance : str
        Column of the sampling variances.
    outcome : str
        Column that tells different quantities apart (pain, function).
    observation : str
        Column that tells several measures of the same quantity apart (two scales of pain).
    rho : float or DataFrame, or a pair of them
        Correlation of outcomes, or of observations, measured at the same time: one number, or a matrix with
        the names as index and columns. With both columns, a pair: within an outcome, between outcomes.
    times : Times, optional
        Measurements at several times.
    contrast : Contrast, optional
        Groups that the effects compare.

    Returns
    -------
    array (N, N)

    Raises
    ------
    InputError
        When a column, a variance or a needed correlation is missing or outside its range, naming it.
    NotPositiveDefinite
        When the declared correlations cannot hold together in a cluster, naming it.

    Notes
    -----
    .. math:: V_{ij} = \rho_{ij} \; \phi_{ij} \, g_{ij} \sqrt{v_i v_j}

    with :math:`\phi_{ij} g_{ij} = \phi^{|t_i - t_j|}` for effects without groups. For contrasts it is the
    correlation of two differences of independent group means whose variances go with 1/w,

    .. math:: \frac{\sum_{a \in \{1, 2\}} \sum_{b \in \{1, 2\}} \pm [group_a = group_b] \,
       \phi^{|t_a - t_b|} / \sqrt{w_a w_b}}{\sqrt{(1/w_{i1} + 1/w_{i2} - 2 c_i)(1/w_{j1} + 1/w_{j2} - 2 c_j)}}

    where c is the covariance within a contrast of one group with itself at two times. Gleser & Olkin (2009),
    in Cooper, Hedges & Valentine, Handbook of Research Synthesis, 2nd ed., chapter 19; Wei & Higgins (2013),
    Statistics in Medicine 32, 1191-1205. Declared correlations approximate: pair them with a cluster-robust
    variance.

    Examples
    --------
    >>> import pandas as pd
    >>> effects = pd.DataFrame({"study": ["a", "a", "b"], "outcome": ["pain", "function", "pain"],
    ...                         "variance": [0.04, 0.09, 0.01]})
    >>> sampling_covariance(effects, cluster="study", outcome="outcome", rho=0.5).round(4).tolist()
    [[0.04, 0.03, 0.0], [0.03, 0.09, 0.0], [0.0, 0.0, 0.01]]
    """
    blocks = covariance_blocks(
        data, cluster=cluster, variance=variance, outcome=outcome, observation=observation, rho=rho,
        times=times, contrast=contrast,
    )  # fmt: skip
    return _assemble(blocks, len(data))


def _assemble(blocks: Sequence[tuple[Rows, Array]], size: int) -> Array:
    matrix = np.zeros((size, size))
    for rows, block in blocks:
        matrix[np.ix_(rows, rows)] = block
    return matrix


def covariance_blocks(
    data: pd.DataFrame,
    *,
    cluster: str,
    variance: str = "variance",
    outcome: str = "",
    observation: str = "",
    rho: Declared | tuple[Declared, Declared] | None = None,
    times: Times | None = None,
    contrast: Contrast | None = None,
) -> list[tuple[Rows, Array]]:
    """The same covariance as :func:`sampling_covariance`, as (rows, block) of each cluster.

    Memory and time grow with the number of clusters, not with the square of the rows.

    Parameters
    ----------
    data, cluster, variance, outcome, observation, rho, times, contrast
        As in :func:`sampling_covariance`.

    Examples
    --------
    >>> import pandas as pd
    >>> effects = pd.DataFrame({"study": ["a", "a"], "weeks": [4, 8], "variance": [0.04, 0.04]})
    >>> [(rows, block)] = covariance_blocks(effects, cluster="study", times=Times("weeks", 0.9))
    >>> rows.tolist(), round(float(block[0, 1]), 6)
    ([0, 1], 0.026244)
    """
    v = read_column(data, variance, "sampling variances")
    if (bad := ~(v >= 0)).any():
        row = int(np.flatnonzero(bad)[0])
        wanted = "a variance of 0 or more in every row"
        raise InputError([Fault(f"{variance} {v[row]:g} in row {row + 1}", wanted)])
    same = Likeness(data, outcome, observation, rho)
    over_time = Overlap(data, times, contrast)
    blocks = []
    for name, rows in _clusters(data, cluster):
        correlation = same.within(rows) * over_time.within(rows)
        np.fill_diagonal(correlation, 1.0)
        block = correlation * np.sqrt(np.outer(v[rows], v[rows]))
        _refuse_indefinite(correlation, f"{cluster} {name}", rows)
        blocks.append((rows, block))
    return blocks


def known_covariance(
    data: pd.DataFrame, *, cluster: str, correlations: Sequence[str], variance: str = ""
) -> Array:
    """Covariance matrix from columns that hold the lower triangle of each cluster's matrix.

    Parameters
    ----------
    data : DataFrame
        One row per effect.
    cluster : str
        Column of the study.
    correlations : sequence of str
        Columns; in a cluster of m rows the first m hold its correlations, of which the lower triangle with
        the diagonal is read, or its covariances when ``variance`` is empty.
    variance : str
        Column of the sampling variances, to multiply correlations with.

    Returns
    -------
    array (N, N)

    Examples
    --------
    >>> import pandas as pd
    >>> effects = pd.DataFrame({"study": [1, 1], "v1": [0.04, 0.01], "v2": [None, 0.09]})
    >>> known_covariance(effects, cluster="study", correlations=["v1", "v2"]).tolist()
    [[0.04, 0.01], [0.01, 0.09]]
    """
    columns = np.column_stack([read_column(data, name, "correlations") for name in correlations])
    scale = np.sqrt(read_column(data, variance, "sampling variances")) if variance else np.ones(len(data))
    blocks = []
    for name, rows in _clusters(data, cluster):
        if rows.size > len(correlations):
            found = f"{rows.size} rows in {cluster} {name} and {len(correlations)} columns of correlations"
            raise InputError([Fault(found, "as many columns as the largest cluster has rows")])
        lower = np.tril(columns[rows][:, : rows.size])
        block = (lower + np.tril(lower, -1).T) * np.outer(scale[rows], scale[rows])
        if np.isnan(block).any():
            raise InputError(
                [Fault(f"a gap among the correlations of {cluster} {name}", "its lower triangle")]
            )
        _refuse_indefinite(block, f"{cluster} {name}", rows)
        blocks.append((rows, block))
    return _assemble(blocks, len(data))


def _clusters(data: pd.DataFrame, cluster: str) -> Iterator[tuple[str, Rows]]:
    names = [name.strip() for name in cluster.split(" + ")]
    for name in names:
        require_column(data, name, "the cluster")
        if data[name].isna().any():
            row = int(np.flatnonzero(data[name].isna())[0])
            raise InputError([Fault(f"no {name} in row {row + 1}", "the cluster of every row")])
    for key, rows in data.groupby(names, sort=False).indices.items():
        yield " ".join(map(str, key)) if isinstance(key, tuple) else str(key), np.asarray(rows, np.intp)


def _refuse_indefinite(block: Array, where: str, rows: Rows) -> None:
    lowest = float(np.linalg.eigvalsh(block)[0])
    if lowest <= -1e-10 * max(1.0, float(np.abs(block).max())) or (
        rows.size > 1 and lowest <= 1e-12 * block[0, 0]
    ):
        said = f"rows {', '.join(str(i + 1) for i in rows[:6])}{', ...' if rows.size > 6 else ''}"
        raise NotPositiveDefinite(
            f"The declared correlations of {where} ({said}) cannot hold together: "
            f"smallest eigenvalue {lowest:.3g}. Rows that nothing tells apart are taken as one effect twice: "
            "name what differs (outcome, observation, times, contrast), or lower the correlations."
        )
