"""Moderators of a dose-response curve: what makes the curves of studies differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.regression import Design, make_design, read_formula, read_new_rows
from synovia.synthesis.rows import find_missing, require_columns

__all__ = ["PLAIN", "Moderation", "read_moderation"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Moderation:
    r"""Moderators of studies, which every coefficient of the curve depends on.

    Attributes
    ----------
    design : Design
        One row per study; an intercept alone when there are no moderators.

    Notes
    -----
    With q coefficients of the curve and the moderators :math:`m_i` of study i (1 among them), the mean curve
    of such studies has the coefficients :math:`(I_q \otimes m_i')\beta`.
    """

    design: Design

    @property
    def empty(self) -> bool:
        """Whether there is nothing but an intercept."""
        return self.design.columns == ("Intercept",)

    def names(self, curve: Sequence[str]) -> tuple[str, ...]:
        """A name for each coefficient: of the curve, then of the curve by each moderator."""
        columns = self.design.columns
        return tuple(name if one == "Intercept" else f"{name}:{one}" for name in curve for one in columns)

    def spread(self, X: Floats, study: Integers) -> Floats:
        """(n, q L) products of the columns of a curve and the moderators of the study of each row."""
        if self.empty:
            return X
        return np.asarray((X[:, :, None] * self.design.X[study][:, None, :]).reshape(len(X), -1))

    def turn(self, size: int, at: Mapping[str, object] | None = None) -> Floats:
        """(q, q L) what turns all coefficients into those of the curve at some moderators.

        Parameters
        ----------
        size : int
            Coefficients q of the curve.
        at : mapping of str to value, optional
            Moderators; the mean over studies without it.

        Raises
        ------
        SynthesisError
            When a moderator is absent, or one is given that the model does not have.
        """
        if at is not None:
            strange = [name for name in at if name not in self.design.needs]
            if strange:
                has = ", ".join(self.design.needs) or "none"
                raise SynthesisError(f"There is no moderator {strange[0]!r}; the curve has {has}.")
            absent = [name for name in self.design.needs if name not in at]
            if absent:
                raise SynthesisError(f"The moderators say nothing on {absent[0]!r}, which the curve needs.")
        row = self.design.X.mean(axis=0)
        if at and not self.empty:
            row = read_new_rows(self.design, pd.DataFrame([dict(at)]))[0]
        return np.kron(np.eye(size), row[None])

    def turn_all(self, size: int) -> Floats:
        """(k, q, q L) the same for every study."""
        return np.array([np.kron(np.eye(size), row[None]) for row in self.design.X])


PLAIN = Moderation(Design(np.ones((1, 1)), ("Intercept",)))
"""No moderators."""


def read_moderation(
    data: pd.DataFrame, moderators: str | None, study: str, studies: Sequence[str]
) -> Moderation:
    """Read the moderators of studies.

    Parameters
    ----------
    data : DataFrame
        One row per dose; a moderator is the same in all rows of a study, or empty in some.
    moderators : str or None
        Such as ``"~ year + C(region)"``.
    study : str
        Column of the study.
    studies : sequence of str
        Those in use, in their order.

    Raises
    ------
    SynthesisError
        When a moderator is absent, missing in a study, or differs within one; it is named.
    """
    if moderators is None:
        return Moderation(Design(np.ones((len(studies), 1)), ("Intercept",)))
    if not str(moderators).strip().startswith("~"):
        raise SynthesisError(f"Found moderators {moderators!r}; wanted text such as '~ year + C(region)'.")
    formula = read_formula(f"estimate {moderators}")
    require_columns(data, list(formula.columns))
    groups = dict(tuple(data.groupby(data[study].astype(str), sort=False)))
    table = pd.DataFrame(
        {name: [_find_value(groups[one], name, one) for one in studies] for name in formula.columns},
        index=range(len(studies)),
    )
    return Moderation(make_design(formula, table))


def _find_value(rows: pd.DataFrame, name: str, study: str) -> object:
    known = rows.loc[~find_missing(rows[name]), name]
    if known.empty:
        raise SynthesisError(f"Study {study} has no {name}; fill it in, or leave the study out.")
    if known.nunique() > 1:
        listed = ", ".join(str(value) for value in known.unique()[:3])
        raise SynthesisError(
            f"Study {study} has several values of {name} ({listed}); wanted one: a moderator belongs to "
            "a study."
        )
    return known.iloc[0]
