"""A review as an analyst holds it: its protocol, its tables, its effects, its results."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from synovia.errors import Fault, InputError
from synovia.review.folder import Folder
from synovia.review.protocol import Protocol, Window
from synovia.review.results import Results, produce
from synovia.review.run import Derived, derive

__all__ = ["Review", "open"]


class Review:
    """A review folder, opened.

    Parameters
    ----------
    folder : Folder
        Where it is.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def __repr__(self) -> str:
        return f"<Review {self.protocol.review.title!r}>"

    @cached_property
    def _derived(self) -> Derived:
        return derive(self._folder)

    @property
    def protocol(self) -> Protocol:
        """The protocol, checked."""
        return self._derived.materials.protocol

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every table of the review by name: studies, arms, outcomes, records, verdicts, effects ..."""
        return self._derived.frames

    @property
    def estimates(self) -> pd.DataFrame:
        """Every result of the synthesis plan, one row each (table ESTIMATES)."""
        return self._derived.frames["estimates"]

    def effects(self, outcome: str, *, at: str, comparison: str | None = None) -> pd.DataFrame:
        """Effects of one outcome in one time window (table EFFECTS), ready for :func:`synovia.meta`.

        Parameters
        ----------
        outcome : str
            Outcome id of the protocol.
        at : str
            Time window, by id or label: ``"3 months"``.
        comparison : str, optional
            Only the effects of this comparison of the protocol.

        Raises
        ------
        InputError
            When the protocol has no such outcome, window or comparison; the message names those it has.
        """
        _require("outcome", outcome, [item.id for item in self.protocol.outcome])
        window = self._window(at)
        comparisons = [item.id for item in self.protocol.comparison]
        if comparison is not None:
            _require("comparison", comparison, comparisons)
        wanted = [f"{name}-{outcome}-{window.id}" for name in ([comparison] if comparison else comparisons)]
        used = self.tables["contributions"]
        used = used[used["synthesis_id"].isin(wanted) & (used["variant"] == "primary")]
        planned = self.estimates[self.estimates["variant"] == "primary"][["synthesis_id", "measure"]]
        keys = used[["effect_id", "weeks", "synthesis_id"]].merge(planned, on="synthesis_id")
        effects = self.tables["effects"]
        of_outcome = effects[effects["outcome"] == outcome]
        return keys.merge(of_outcome, on=["effect_id", "weeks", "measure"], how="inner")

    def covariance(self, effects: pd.DataFrame) -> np.ndarray:
        """The sampling covariance of effects, with what arms of one study share by their common comparator.

        Parameters
        ----------
        effects : DataFrame
            Rows of :meth:`effects`, in any order.

        Returns
        -------
        array (n, n)
            Variances on the diagonal, aligned with the rows; for ``sv.meta(..., covariance=...)``.
        """
        known = self.tables["covariances"]
        names = ("effect_id", "other_id", "measure", "weeks")
        shared = dict(
            zip(zip(*(known[name] for name in names), strict=True), known["covariance"], strict=True)
        )
        rows = effects.to_dict("records")
        matrix = np.diag(effects["variance"].to_numpy(dtype=float))
        for i, one in enumerate(rows):
            for j, other in enumerate(rows):
                key = (one["effect_id"], other["effect_id"], one["measure"], one["weeks"])
                if i != j and one["measure"] == other["measure"]:
                    matrix[i, j] = shared.get(key, 0.0)
        return matrix

    def _window(self, at: str) -> Window:
        windows = self.protocol.window
        _require("window", at, [window.id for window in windows] + [window.label for window in windows])
        return next(window for window in windows if at in (window.id, window.label))

    def run(self) -> Results:
        """Run every stage whose needs have changed and write the report; says where it is."""
        self.__dict__.pop("_derived", None)
        return produce(self._folder)


def _require(kind: str, name: str, known: list[str]) -> None:
    if name not in known:
        raise InputError([Fault(f"{kind} {name!r}", f"one of {', '.join(known)}")])


def open(path: str | os.PathLike[str], *, out: str | Path | None = None) -> Review:  # noqa: A001 - read as sv.open
    """Open a review folder.

    Parameters
    ----------
    path : path
        Folder with ``review.toml``.
    out : path, optional
        Where results go; ``path/out`` unless given.

    Raises
    ------
    InputError
        When there is no review at the path.

    Examples
    --------
    >>> import synovia as sv
    >>> sv.open("no-such-review")
    Traceback (most recent call last):
        ...
    synovia.errors.InputError: no-such-review: found no such folder; wanted a review folder with review.toml
    in it. Name a review folder, or make one with: synovia new NAME.
    """
    return Review(Folder.at(path, out=out))
