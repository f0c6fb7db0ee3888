"""What a fit says about itself."""

import pandas as pd

from synovia.kernel import Choice, Diagonal, Inference
from synovia.synthesis.rows import Rows
from synovia.synthesis.settings import Settings

__all__ = ["remark"]

EDGE = 1e-6  # a correlation this close to 1 is 1
RUN = 20.0  # a factor of exp(20) in tau2 is no estimate
CORRELATED = (
    "Where sampling errors within {0} correlate it is too short; CR2 with cluster={0!r} holds its level."
)


def remark(
    rows: Rows, settings: Settings, fitted: tuple[Choice, Inference], names: tuple[str, ...]
) -> tuple[str, ...]:
    """Sentences about a fit: its search, its interval, its edges, effects that nothing joins.

    Parameters
    ----------
    rows : Rows
        The effects used.
    settings : Settings
        What was asked for.
    fitted : tuple of Choice and Inference
        What was found.
    names : tuple of str
        Name of each entry of psi.
    """
    choice, inference = fitted
    said = []
    if not choice.convergence.converged:
        said.append(
            f"The search for tau2 did not converge: {choice.convergence.message}. Look at the likelihood "
            "around it, drawn by synovia.profile(fit)."
        )
    if inference.factor == 0:
        said.append(
            "The model fits every estimate exactly, which leaves the Knapp-Hartung interval without a width. "
            "Use inference='knapp-hartung-floor'."
        )
    elif round(inference.factor, 3) < 1:
        robust = settings.outer is not None and isinstance(rows.V, Diagonal)
        said.append(
            f"The Knapp-Hartung factor is {inference.factor:.3g}, below 1: the interval is shorter than "
            "without it (the choice 'knapp-hartung-floor' keeps it at 1)."
            + (f" {CORRELATED.format(settings.outer)}" if robust else "")
        )
    said += _tell_edges(choice, names)
    repeated = _find_repeated(rows, settings)
    if repeated:
        said.append(
            f"{', '.join(repeated)}: several effects of one study are treated as independent. Give their "
            "covariance, or random='study_id'."
        )
    return tuple(said)


def _tell_edges(choice: Choice, names: tuple[str, ...]) -> list[str]:
    """Variances of 0 and correlations of 1 among several: what they mean."""
    if choice.psi.size < 2:
        return []
    said = []
    for name, value in zip(names, choice.psi.tolist(), strict=True):
        if name.startswith("tau2") and value == 0:
            said.append(
                f"{name} is 0: the effects differ no more there than the other variances and sampling "
                "errors say; with few groups that is little evidence that they are alike."
            )
        if name.startswith("rho") and abs(value) > 1 - EDGE:
            said.append(
                f"{name} is {value:+.0f}, the edge of what a correlation can be: the data say little "
                "about it. A structure with fewer correlations (CS, DIAG) may be as good."
            )
        if name.startswith("scale") and abs(value) > RUN:
            said.append(
                f"{name} runs to {'plus' if value > 0 else 'minus'} infinity: tau2 is 0 for some effects, "
                "and the coefficient has no standard error."
            )
    return said


def _find_repeated(rows: Rows, settings: Settings) -> list[str]:
    """Studies with several effects that nothing joins."""
    if "study_id" not in rows.used.columns or settings.random not in (None, "effect") or settings.cluster:
        return []
    studies = rows.used["study_id"].astype(str).to_numpy()
    blocks = rows.V.labels
    parts = pd.DataFrame({"study": studies, "block": blocks}).groupby("study")["block"].nunique()
    return [str(study) for study in parts.index[parts > 1]]
