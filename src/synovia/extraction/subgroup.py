"""Arms that a paper prints in parts, put together again."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from synovia.extraction.dispersion import combine_groups
from synovia.extraction.reading import Reading, Unusable
from synovia.extraction.step import Step, name_inputs

__all__ = ["Parents", "pool_subgroups"]

Parents = Mapping[tuple[str, str], str]


def pool_subgroups(
    readings: Sequence[Reading], parents: Parents
) -> tuple[tuple[Reading, ...], tuple[Unusable, ...]]:
    """Readings of whole arms only: subgroups are pooled, or left where their arm has its own row.

    Parameters
    ----------
    readings : sequence of Reading
        Of arms and of subgroups, on printed scales.
    parents : mapping of (study_id, arm_id) to arm_id
        Arm of which an arm is a part; whole arms are absent.

    Returns
    -------
    tuple
        Readings of whole arms, and the subgroup rows that were not used with the reason.
    """
    whole = [r for r in readings if (r.study_id, r.arm_id) not in parents]
    printed: set[tuple[str, ...]] = {(*r.place, r.arm_id) for r in whole}
    parts: dict[tuple[str, ...], list[Reading]] = defaultdict(list)
    for reading in readings:
        parent = parents.get((reading.study_id, reading.arm_id))
        if parent is not None:
            parts[(*reading.place, parent)].append(reading)
    left: list[Unusable] = []
    for key, group in parts.items():
        reason = _reason(key, group, printed, parents)
        if reason:
            left.extend(reading.refuse(reason) for reading in group)
        else:
            whole.append(_pool(group, key[-1]))
    return tuple(whole), tuple(left)


def _reason(
    key: tuple[str, ...], group: list[Reading], printed: set[tuple[str, ...]], parents: Parents
) -> str:
    arm = key[-1]
    expected = sum(parent == arm and study == key[0] for (study, _), parent in parents.items())
    if key in printed:
        return f"subgroup of arm {arm}, whose own row is used"
    if len(group) < expected:
        return f"only {len(group)} of the {expected} subgroups of arm {arm} give numbers here"
    if len({(reading.scale, reading.outcome) for reading in group}) > 1:
        return f"the subgroups of arm {arm} are on different scales"
    if any(_lacks_numbers(reading) for reading in group):
        return f"a subgroup of arm {arm} has no dispersion, so that the arm cannot be pooled"
    return ""


def _lacks_numbers(reading: Reading) -> bool:
    return reading.statistic != "events" and math.isnan(reading.sd)


def _join(texts: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _pool(group: list[Reading], arm: str) -> Reading:
    first = group[0]
    shared = replace(
        first,
        arm_id=arm,
        printed=first.statistic,
        caution=_join([r.caution for r in group]),
        source=_join([r.source for r in group]),
        locator=_join([r.locator for r in group]),
        assumption=_join([r.assumption for r in group]),
        other_lines=tuple(line for r in group for line in (r.line, *r.other_lines)),
    )
    return _sum_events(shared, group) if first.statistic == "events" else _join_means(shared, group)


def _join_means(shared: Reading, group: list[Reading]) -> Reading:
    n, mean, sd = combine_groups([(r.n, r.mean, r.sd) for r in group])
    before = tuple(dict.fromkeys(words for r in group for words in r.derived))
    steps = tuple(replace(step, words=_named(step, group)) for step in (n, mean, sd))
    return replace(shared, n=n.value, mean=mean.value, sd=sd.value, steps=steps, before=before)


def _named(step: Step, group: list[Reading]) -> str:
    return f"{step.words}: {', '.join(r.arm_id for r in group)}"


def _sum_events(shared: Reading, group: list[Reading]) -> Reading:
    events, n = sum(r.events for r in group), sum(r.n for r in group)
    inputs = "; ".join(name_inputs(**{f"events{i}": r.events, f"n{i}": r.n}) for i, r in enumerate(group, 1))
    words = f"{len(group)} groups pooled into one: {', '.join(r.arm_id for r in group)}"
    steps = (
        Step("n", n, "N = sum of n", inputs, "arithmetic", words),
        Step("events", events, "E = sum of events", inputs, "arithmetic", words),
    )
    return replace(shared, n=n, events=events, steps=steps)
