"""Changes from baseline where a paper prints only means, or a change without its dispersion."""

import math
from collections.abc import Sequence
from dataclasses import replace

from synovia.extraction.dispersion import sd_of_change
from synovia.extraction.reading import Reading
from synovia.extraction.step import Step, name_inputs

__all__ = ["assume_correlation"]

Course = dict[tuple[str, str, str, str, float], Reading]


def assume_correlation(readings: Sequence[Reading], correlation: float) -> tuple[Reading, ...]:
    """Readings with changes that rest on one assumed correlation added to them.

    A printed mean change without an SD receives the SD that the SDs at baseline and at that time imply;
    a time with a mean but without a printed change receives the change of the means.

    Parameters
    ----------
    readings : sequence of Reading
        On printed scales; baseline is week 0.
    correlation : float
        Assumed correlation of baseline and follow-up, from -1 to 1.

    Returns
    -------
    tuple of Reading
        The same readings, completed, then the derived changes; ``assumption`` names the correlation.
    """
    course: Course = {_moment(reading): reading for reading in readings}
    completed = tuple(_complete(reading, course, correlation) for reading in readings)
    derived = (_derive(reading, course, correlation) for reading in readings)
    return completed + tuple(change for change in derived if change is not None)


def _moment(reading: Reading) -> tuple[str, str, str, str, float]:
    return (reading.study_id, reading.arm_id, reading.measure, reading.statistic, reading.weeks)


def _mean_at(course: Course, reading: Reading, weeks: float) -> Reading | None:
    found = course.get((reading.study_id, reading.arm_id, reading.measure, "mean", weeks))
    usable = found is not None and found.scale == reading.scale and found.sd > 0
    return found if usable else None


def _assumption(correlation: float) -> str:
    return f"correlation of baseline and follow-up {correlation:g}"


def _complete(reading: Reading, course: Course, correlation: float) -> Reading:
    if reading.statistic != "mean change" or not math.isnan(reading.sd):
        return reading
    baseline, final = _mean_at(course, reading, 0.0), _mean_at(course, reading, reading.weeks)
    if baseline is None or final is None:
        return reading
    sd = sd_of_change(baseline.sd, final.sd, correlation)
    if sd.value <= 0:
        return reading
    return replace(
        reading,
        sd=sd.value,
        steps=(*reading.steps, sd),
        assumption=_assumption(correlation),
        other_lines=(baseline.line, final.line),
    )


def _derive(final: Reading, course: Course, correlation: float) -> Reading | None:
    baseline = _mean_at(course, final, 0.0)
    change = (final.study_id, final.arm_id, final.measure, "mean change", final.weeks)
    usable = final.statistic == "mean" and final.weeks > 0 and final.sd > 0
    if not usable or baseline is None or change in course:
        return None
    sd = sd_of_change(baseline.sd, final.sd, correlation)
    if sd.value <= 0:
        return None
    mean = Step(
        "mean change",
        final.mean - baseline.mean,
        "mean change = mean at follow-up - mean at baseline",
        name_inputs(
            mean_final=final.mean, mean_baseline=baseline.mean, n_final=final.n, n_baseline=baseline.n
        ),
        "arithmetic",
        "mean change from the means at baseline and follow-up",
    )
    return replace(
        final,
        statistic="mean change",
        mean=mean.value,
        sd=sd.value,
        steps=(mean, sd),
        assumption=_assumption(correlation),
        other_lines=(baseline.line,),
    )
