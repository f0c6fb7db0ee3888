"""A dose-response curve as a script for R's dosresmeta that holds its data."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synovia.synthesis.dose.bases import Linear, Log, Quadratic, Spline
from synovia.synthesis.dose.settings import DoseSettings
from synovia.synthesis.r_text import write_matrix, write_number, write_numbers, write_texts
from synovia.synthesis.random import Slopes

if TYPE_CHECKING:
    from synovia.synthesis.dose.result import DoseResponse

__all__ = ["dose_to_r"]

Floats = NDArray[np.float64]

FITTED = (Linear, Quadratic, Log, Spline)
METHODS = {"REML": "reml", "ML": "ml", "MM": "mm", "fixed": "fixed"}


def dose_to_r(found: "DoseResponse") -> str:
    """The curve as a script for dosresmeta, or for metafor where dosresmeta does not fit it.

    Parameters
    ----------
    found : DoseResponse
        A curve.

    Returns
    -------
    str
        Reads no file. The reference row of each study comes first, and the covariance of its contrasts is
        handed over, so that both programs start from the same numbers. Emax curves, moderators
        and coefficients that do not correlate are written for metafor's rma.mv.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import dose_response
    >>> rows = pd.DataFrame({"study_id": ["a", "a", "b", "b"], "dose": [0, 2, 0, 4],
    ...                      "estimate": [0, 0.4, 0, 0.7], "std_error": [0, 0.1, 0, 0.1]})
    >>> print(dose_to_r(dose_response(rows, covariance="independent", method="fixed")))
    library(dosresmeta)
    # dose-response in one stage, common curve
    dat <- data.frame(
      id = c("a", "a", "b", "b"),
      dose = c(0, 2, 0, 4),
      y = c(0, 0.4, 0, 0.7),
      v = c(0, 0.010000000000000002, 0, 0.010000000000000002)
    )
    S <- list(
      matrix(c(0.010000000000000002), nrow=1, byrow=TRUE),
      matrix(c(0.010000000000000002), nrow=1, byrow=TRUE)
    )
    fit <- dosresmeta(y ~ dose, id=id, v=v, data=dat, covariance="user", Slist=S, method="fixed",
      proc="1stage")
    summary(fit)
    """
    settings = found.fit.settings
    if not isinstance(settings, DoseSettings) or not _is_fitted(found, settings):
        return found.fit.to_r()
    formula, extra = _write_curve(found)
    blocks = [
        f"  {write_matrix(_read_block(found, np.arange(low, high)))}"
        for low, high in pairwise(_find_ends(found))
    ]
    columns = {**_write_rows(found), **extra}
    method, proc = METHODS[str(settings.tau2)], f"{settings.stage}stage"
    notes = [] if settings.inference == "z" else ["dosresmeta's intervals are normal"]
    if settings.random is None:
        method = "fixed"
    return "\n".join(
        [
            "library(dosresmeta)",
            *(f"# {said}" for said in (settings.model, *notes)),
            "dat <- data.frame(",
            ",\n".join(f"  {name} = {values}" for name, values in columns.items()),
            ")",
            "S <- list(",
            ",\n".join(blocks),
            ")",
            f'fit <- dosresmeta({formula}, id=id, v=v, data=dat, covariance="user", Slist=S, '
            f'method="{method}",\n  proc="{proc}")',
            "summary(fit)",
        ]
    )


def _is_fitted(found: "DoseResponse", settings: DoseSettings) -> bool:
    diagonal = isinstance(settings.random, Slopes) and settings.random.structure == "DIAG"
    plain = found.moderation.empty and not (diagonal and found.basis.size > 1)
    return isinstance(found.basis, FITTED) and plain


def _find_ends(found: "DoseResponse") -> list[int]:
    """Where the contrasts of each study begin, and where the last ends."""
    ends = np.searchsorted(found.design.study, np.arange(len(found.design.studies) + 1))
    return [int(end) for end in ends]


def _read_block(found: "DoseResponse", rows: NDArray[np.intp]) -> Floats:
    i, j, values = found.design.V.restrict(rows).entries()
    block = np.zeros((rows.size, rows.size))
    block[i, j] = values
    return block


def _list_doses(found: "DoseResponse") -> Floats:
    """The doses of all studies, each with its reference first."""
    design, ends = found.design, _find_ends(found)
    parts = [np.r_[design.reference[low], design.dose[low:high]] for low, high in pairwise(ends)]
    return np.concatenate(parts)


def _write_rows(found: "DoseResponse") -> dict[str, str]:
    design, ends = found.design, _find_ends(found)
    v = design.V.diagonal
    pairs = list(pairwise(ends))
    names = [design.studies[place] for place, (low, high) in enumerate(pairs) for _ in range(high - low + 1)]
    return {
        "id": write_texts(names),
        "dose": write_numbers(_list_doses(found)),
        "y": write_numbers(np.concatenate([np.r_[0.0, design.y[low:high]] for low, high in pairs])),
        "v": write_numbers(np.concatenate([np.r_[0.0, v[low:high]] for low, high in pairs])),
    }


def _write_curve(found: "DoseResponse") -> tuple[str, dict[str, str]]:
    """The formula, and the columns of a spline beyond the dose."""
    basis = found.basis
    if isinstance(basis, Quadratic):
        return "y ~ dose + I(dose^2)", {}
    if isinstance(basis, Log):
        return f"y ~ log(dose + {write_number(basis.offset)})" if basis.offset else "y ~ log(dose)", {}
    if isinstance(basis, Spline):
        bends = basis.columns(_list_doses(found))[:, 1:]
        names = [f"bend{place + 1}" for place in range(bends.shape[1])]
        columns = {name: write_numbers(column) for name, column in zip(names, bends.T, strict=True)}
        return f"y ~ dose + {' + '.join(names)}", columns
    return "y ~ dose", {}
