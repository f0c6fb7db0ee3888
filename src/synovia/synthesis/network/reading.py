"""A network in whatever form a table has it: comparisons, or arms."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from synovia.errors import SynthesisError, TooFewStudies
from synovia.synthesis.network.arms import MEASURES, read_arms
from synovia.synthesis.network.contrasts import Contrasts, read_contrasts

__all__ = ["read_network"]

HAZARD = "HR"


def read_network(
    data: pd.DataFrame | Contrasts, measure: str | None, columns: Mapping[str, str] | None
) -> Contrasts:
    """Read comparisons or arms.

    Parameters
    ----------
    data : DataFrame or Contrasts
        A table with the column treatment_1 has comparisons; without it and with a measure it has arms.
    measure : str or None
        Effect measure; of comparisons it says what their estimates are, ratios as logarithms.
    columns : mapping of str to str or None
        What the table calls its columns.

    Raises
    ------
    SynthesisError
        When the measure does not exist, or an arm or a comparison cannot be used.

    Examples
    --------
    >>> trials = pd.DataFrame({"study": ["s"], "treatment_1": ["B"], "treatment_2": ["A"],
    ...                        "estimate": [-0.3], "std_error": [0.1]})
    >>> read_network(trials, "HR", None).measure
    'HR'
    """
    if isinstance(data, Contrasts):
        return data
    called = dict(columns or {})
    listed = set(getattr(data, "columns", ()))
    if listed and data.empty:
        raise TooFewStudies("The table has no rows; wanted one for each comparison or arm.")
    if measure is None and called.get("treatment_1", "treatment_1") not in listed and "treatment" in listed:
        raise SynthesisError(
            "The table has a row for each arm; say the effect measure, such as measure='OR'. Comparisons "
            "need the columns treatment_1, treatment_2, estimate and std_error."
        )
    if measure is None:
        return read_contrasts(data, **called)
    if called.get("treatment_1", "treatment_1") in listed:
        if measure not in (*MEASURES, HAZARD):
            raise SynthesisError(
                f"Found measure {measure!r}; wanted one of {', '.join((*MEASURES, HAZARD))}, or none."
            )
        return replace(read_contrasts(data, **called), measure=measure)
    if measure == HAZARD:
        raise SynthesisError(
            "A hazard ratio is not made from arms; give comparisons: study, treatment_1, treatment_2, "
            "estimate (its logarithm) and std_error."
        )
    return read_arms(data, measure=measure, columns=columns)
