"""The normalised mean difference and the traps it refuses."""

import pytest

from synovia.effects import Group, Normal, normalised_mean_difference
from synovia.errors import ScaleError

CONTROL, TREATED = Group(10, 2, 8), Group(6, 2, 8)


def test_worked_vector() -> None:
    """100 (10 - 6)/(10 - 1) = 44.444; SE = 100/9 sqrt(4/8 + 4/8) = 11.111."""
    effect = normalised_mean_difference(CONTROL, TREATED, Normal(1, zero_is_normal=True))
    assert effect.estimate[0] == pytest.approx(400 / 9)
    assert effect.std_error[0] == pytest.approx(100 / 9)


def test_shared_control_of_the_worked_vector() -> None:
    """Serving two arms the control counts 4 animals: 100/9 sqrt(4/4 + 4/8) = 13.608."""
    effect = normalised_mean_difference(CONTROL, TREATED, Normal(1, zero_is_normal=True), shared_by=2)
    assert effect.std_error[0] == pytest.approx(13.608, abs=5e-4)
    assert effect.estimate[0] == pytest.approx(400 / 9)


def test_a_scale_turned_round_gives_the_same_percentage() -> None:
    """12 - x on a scale of 0-12: neither estimate nor error depends on the direction."""
    lower = normalised_mean_difference(CONTROL, TREATED, Normal(1, zero_is_normal=True))
    turned = Normal(11, zero_is_normal=False, better="higher")
    higher = normalised_mean_difference(Group(2, 2, 8), Group(6, 2, 8), turned)
    assert higher.estimate[0] == pytest.approx(lower.estimate[0])
    assert higher.variance[0] == pytest.approx(lower.variance[0])


def test_zero_stands_for_normal_only_where_it_is() -> None:
    effect = normalised_mean_difference(CONTROL, TREATED, Normal(None, zero_is_normal=True))
    assert effect.estimate[0] == pytest.approx(40.0)
    with pytest.raises(
        ScaleError, match="no sham group in sun-2023, on a scale whose 0 is not normal tissue"
    ):
        normalised_mean_difference(CONTROL, TREATED, Normal(None, zero_is_normal=False), name="sun-2023")


def test_control_close_to_sham_is_refused() -> None:
    with pytest.raises(ScaleError, match=r"control 10 within two standard errors \(1.41\) of normal"):
        normalised_mean_difference(CONTROL, TREATED, Normal(9, zero_is_normal=True))


def test_sham_on_the_wrong_side_is_refused() -> None:
    with pytest.raises(ScaleError, match=r"sham worse than the diseased control.*where lower is better"):
        normalised_mean_difference(CONTROL, TREATED, Normal(14, zero_is_normal=True))
    with pytest.raises(ScaleError, match="where higher is better"):
        normalised_mean_difference(CONTROL, TREATED, Normal(1, zero_is_normal=False, better="higher"))
