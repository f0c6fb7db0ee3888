"""What is given to the readings of a fit, and is not one."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import synovia as sv
from synovia.errors import SynthesisError

READINGS = [
    sv.leave_one_out,
    sv.cumulative,
    sv.influence,
    sv.residuals,
    sv.baujat,
    sv.blup,
    sv.profile,
    sv.qq,
]
TRIALS = pd.DataFrame(
    {
        "study": ["s1", "s2", "s3"],
        "treatment_1": ["B", "B", "C"],
        "treatment_2": ["A", "A", "A"],
        "estimate": [1.0, 1.2, 2.0],
        "std_error": [0.5, 0.4, 0.5],
    }
)


@pytest.mark.parametrize("reading", READINGS)
def test_what_is_not_a_fit_is_told_where_its_fit_is(reading: Callable[[Any], object]) -> None:
    with pytest.raises(SynthesisError, match="Found Network; wanted a fit: its own is the attribute fit"):
        reading(sv.network(TRIALS))
    with pytest.raises(SynthesisError, match="Found DataFrame; wanted a fit: meta and its kin return one"):
        reading(TRIALS)
