"""Published trials from their printed rows to an effect."""

import pandas as pd
import pytest

from synovia.effects import Window, compare, select
from synovia.extraction import check_outcomes, convert
from synovia.fields import load_field
from synovia.tables import ARMS, OUTCOMES, frame

FIELD = load_field("knee_oa")
ARM_ROWS = frame(
    ARMS,
    [
        {"study_id": "restore-2021", "arm_id": "prp", "treatment": "prp"},
        {"study_id": "restore-2021", "arm_id": "placebo", "treatment": "saline"},
    ],
)


def printed(measure: str, scale: str, prp: tuple[float, float], placebo: tuple[float, float]) -> pd.DataFrame:
    """RESTORE, JAMA 2021, PMC8611484, table 2: change at 12 months, 144 in each arm."""
    rows = [
        {
            "study_id": "restore-2021", "arm_id": arm, "outcome": "pain", "measure": measure, "scale": scale,
            "timepoint": "12 months", "weeks": 52, "statistic": "mean change", "n": 144, "mean": mean,
            "sd": sd, "use": "yes", "source": "PMC8611484", "locator": "table 2",
        }
        for arm, (mean, sd) in (("prp", prp), ("placebo", placebo))
    ]  # fmt: skip
    return frame(OUTCOMES, rows).assign(line=[2.0, 3.0])


@pytest.mark.parametrize(
    ("outcomes", "scale", "difference", "adjusted", "limits"),
    [
        (printed("pain NRS", "pain-nrs-10", (-2.1, 2.7), (-1.8, 2.5)), "pain-nrs-10", -3.0, -4.0, (-9, 2)),
        (printed("KOOS pain", "koos-pain", (15.1, 18.9), (11.9, 17.6)), "koos-pain", -3.2, -3.1, (-6.9, 0.8)),
    ],
)
def test_restore(
    outcomes: pd.DataFrame, scale: str, difference: float, adjusted: float, limits: tuple[float, float]
) -> None:
    """Our difference of changes on 0-100, higher worse, beside the trial's own adjusted difference."""
    assert check_outcomes(outcomes, ARM_ROWS, FIELD) == ()
    data = convert(outcomes, ARM_ROWS, FIELD).arm_data
    chosen = select(
        data, synthesis_id="x", outcome="pain", measures=(scale,), window=Window("12 months", 52, 36, 60)
    )
    effect = compare(chosen.arm_data, treatment=("prp",), comparator=("saline",), measure="MD").effects.iloc[
        0
    ]
    assert effect["estimate"] == pytest.approx(difference)
    assert effect["scale"] == "mean difference, 0-100, higher worse"
    assert abs(effect["estimate"] - adjusted) <= 1.0  # baseline adjustment moves it by a point at most
    width = limits[1] - limits[0]
    assert 2 * 1.96 * effect["std_error"] == pytest.approx(width, rel=0.12)  # adjusted limits, rounded
