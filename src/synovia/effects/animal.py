"""Effects of animal experiments: the normalised mean difference and its traps."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from synovia.effects.effect import Effect
from synovia.errors import Fault, ScaleError

__all__ = ["Group", "Normal", "normalised_mean_difference"]


@dataclass(frozen=True, slots=True)
class Group:
    """Mean, SD and number of animals of one group of one experiment."""

    mean: float
    sd: float
    n: float


@dataclass(frozen=True, slots=True)
class Normal:
    """What normal tissue scores, by which a difference is normalised.

    Attributes
    ----------
    sham : float or None
        Mean of the sham (or naive) group; taken as known. None when there was no such group.
    zero_is_normal : bool
        Whether the scale scores normal tissue 0, which alone allows an experiment without sham.
    better : {"lower", "higher"}
        Direction of the scale, against which the sham group is checked.
    """

    sham: float | None
    zero_is_normal: bool
    better: Literal["lower", "higher"] = "lower"


def normalised_mean_difference(
    control: Group, treatment: Group, normal: Normal, *, shared_by: int = 1, name: str = "this experiment"
) -> Effect:
    r"""Improvement as a percentage of the way from diseased control to normal.

    Parameters
    ----------
    control, treatment : Group
        Diseased animals without and with treatment, on the same scale.
    normal : Normal
        What normal tissue scores.
    shared_by : int
        Number of treatment groups compared with this control; its animals are divided among them. Use 1
        when the covariance of a shared control is modelled instead: one or the other, never both.
    name : str
        Name of the experiment for messages.

    Returns
    -------
    Effect
        Arrays (1,), in percent: 100 is full recovery, 0 none, negative harm.

    Raises
    ------
    ScaleError
        When there is no sham group and 0 is not normal on the scale; when control and normal lie within two
        standard errors, so that the denominator may be 0; when the sham group is worse than the control.

    Notes
    -----
    .. math:: NMD = 100 \frac{m_C - m_T}{m_C - m_S}, \quad
       SE^2 = \left(\frac{100 s_C}{m_C - m_S}\right)^2 \frac{1}{n'_C} +
       \left(\frac{100 s_T}{m_C - m_S}\right)^2 \frac{1}{n_T}

    Vesterinen et al. (2014), Journal of Neuroscience Methods 221, 92-102.

    Examples
    --------
    >>> from synovia.effects import Group, Normal, normalised_mean_difference
    >>> effect = normalised_mean_difference(Group(10, 2, 8), Group(6, 2, 8), Normal(1, zero_is_normal=True))
    >>> round(float(effect.estimate[0]), 3), round(float(effect.std_error[0]), 3)
    (44.444, 11.111)
    """
    sham = _sham(normal, name)
    distance = control.mean - sham
    _refuse_unstable(control, distance, normal, name)
    per_unit = 100 / distance
    variance = per_unit**2 * (control.sd**2 * shared_by / control.n + treatment.sd**2 / treatment.n)
    estimate = per_unit * (control.mean - treatment.mean)
    scale = "percent of the distance from diseased control to normal"
    return Effect(np.array([estimate]), np.array([variance]), "NMD", scale)


def _sham(normal: Normal, name: str) -> float:
    if normal.sham is not None:
        return normal.sham
    if not normal.zero_is_normal:
        raise ScaleError(
            [
                Fault(
                    f"no sham group in {name}, on a scale whose 0 is not normal tissue",
                    "the mean of a sham or naive group for a normalised mean difference",
                    advice="Use a standardised mean difference.",
                )
            ]
        )
    return 0.0


def _refuse_unstable(control: Group, distance: float, normal: Normal, name: str) -> None:
    se = control.sd / np.sqrt(control.n)
    if abs(distance) <= 2 * se:
        fault = Fault(
            f"control {control.mean:g} within two standard errors ({2 * se:.3g}) of normal in {name}",
            "a control clearly diseased: otherwise the denominator may be 0",
            advice="Use a standardised mean difference.",
        )
        raise ScaleError([fault])
    if (distance > 0) != (normal.better == "lower"):
        fault = Fault(
            f"sham worse than the diseased control in {name}, on a scale where {normal.better} is better",
            "a sham group better than the control",
            advice="Check the direction of the scale and the labels of the groups.",
        )
        raise ScaleError([fault])
