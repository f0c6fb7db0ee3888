"""What a cluster-robust fit says about its clusters."""

import numpy as np

from synovia.kernel import Inference
from synovia.kernel.robust import explain_sole_clusters, find_sole_clusters
from synovia.synthesis.regression import Design
from synovia.synthesis.rows import Rows
from synovia.synthesis.settings import Settings
from synovia.synthesis.terms import find_column, group_by

__all__ = ["remark_clusters"]

FEW = 4.0  # degrees of freedom below which t with Satterthwaite's approximation is poor


def remark_clusters(rows: Rows, design: Design, settings: Settings, inference: Inference) -> tuple[str, ...]:
    """Sentences about coefficients that rest on one cluster, or on few degrees of freedom.

    Parameters
    ----------
    rows : Rows
        The effects used.
    design : Design
        The mean.
    settings : Settings
        Which column holds the clusters, if any.
    inference : Inference
        Cluster-robust, or anything else when there are no clusters.
    """
    if settings.cluster is None:
        return ()
    values = rows.used[find_column(settings.cluster, rows)].unique()
    sole = find_sole_clusters(design.X, group_by((settings.cluster,), rows))
    said = explain_sole_clusters(sole, design.columns, tuple(map(str, values)))
    if inference.contrast_df is None:
        return said
    df = inference.degrees(np.eye(len(design.columns)))
    named = {design.columns[coefficient] for coefficient, _ in sole}
    low = [
        f"{name} ({value:.1f})"
        for name, value in zip(design.columns, df.tolist(), strict=True)
        if value < FEW and name not in named
    ]
    if not low:
        return said
    return (
        *said,
        f"Fewer than {FEW:g} degrees of freedom: {', '.join(low)}. So few clusters carry it that its "
        "interval is rough; sv.wild_bootstrap tests it by resampling them.",
    )
