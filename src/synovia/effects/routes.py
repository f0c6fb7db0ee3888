"""Ways from the columns of a table to a measure: which inputs each needs, and what it computes from them."""

from typing import Any

from synovia.effects.association import association, excess_heterozygosity
from synovia.effects.binary import probit_difference, two_by_two
from synovia.effects.change import (
    change,
    change_from_d,
    d_from_paired_t,
    difference_of_changes,
    pooled_pretest,
)
from synovia.effects.continuous import log_ratio_of_means, mean_change, mean_difference
from synovia.effects.correlation import correlation, correlation_from_t
from synovia.effects.effect import Counts, Effect, Means, Pairs, Rates, settle
from synovia.effects.group import group_mean
from synovia.effects.matched import marginal_odds, matched_pairs
from synovia.effects.printed import effect_from_interval, effect_from_p, log_hazard_ratio
from synovia.effects.proportion import proportion
from synovia.effects.rate import compare_rates, rate
from synovia.effects.regression import (
    determination,
    determination_from_f,
    partial_correlation,
    partial_from_t,
    semipartial_correlation,
)
from synovia.effects.reliability import cronbach_alpha
from synovia.effects.route import Ask, Compute, Route
from synovia.effects.spread import compare_spread, spread_of_change, spread_of_group
from synovia.effects.standardised import (
    cohen_d,
    from_d,
    from_t,
    probability_of_superiority,
    standardise,
)
from synovia.effects.translate import rescale


def _means(q: Ask) -> tuple[Means, Means]:
    first, second = map(Means, q.get("mean", q["sd"]), q["sd"], q["n"])
    return first, second


def _counts(q: Ask) -> tuple[Counts, Counts]:
    (a, c), n = q["events"], q.get("n")
    n1, n2 = n if n is not None else (a + q["nonevents"][0], c + q["nonevents"][1])
    return Counts(a, n1), Counts(c, n2)


def _pairs(q: Ask) -> Pairs:
    (m1, m2), (s1, s2) = q.get("mean", q["sd"]), q["sd"]
    return Pairs(Means(m1, s1, q["n"]), Means(m2, s2, q["n"]), q["correlation"])


def _arms(q: Ask) -> tuple[Pairs, Pairs]:
    after = map(Means, q["mean_after"], q["sd_after"], q["n"])
    before = map(Means, q["mean_before"], q["sd_before"], q["n"])
    first, second = (Pairs(one, two, q["correlation"]) for one, two in zip(after, before, strict=True))
    return first, second


def _tables(q: Ask) -> Effect:
    return two_by_two(*_counts(q), q.measure, **q.zeros, drop00=q.drop00)


def _associated(q: Ask) -> Effect:
    sampling = q.kind("CS")
    return association(*_counts(q), q.measure, **q.zeros, drop00=q.drop00, sampling=sampling)


def _md(q: Ask) -> Effect:
    return mean_difference(*_means(q), variance=q.kind("LS"))


def _rom(q: Ask) -> Effect:
    return log_ratio_of_means(*_means(q), correct=q.corrects, variance=q.kind("LS"))


def _smd(q: Ask) -> Effect:
    return standardise(*_means(q), q.measure, variance=q.kind("LS"), correct=q.correct)


def _odds_to_d(q: Ask) -> Effect:
    if q.measure == "PBIT":
        return probit_difference(*_counts(q), **q.zeros, drop00=q.drop00)
    odds = two_by_two(*_counts(q), "OR", **q.zeros, drop00=q.drop00)
    effect = rescale(odds, "normal" if q.measure == "OR2DN" else "logistic")
    return settle(effect.estimate, effect.variance, q.measure, effect.scale)


def _via_d(q: Ask) -> Effect:
    n1, n2 = q["n"]
    if "mean" in q:
        d = cohen_d(*_means(q))
    else:
        d = q["d"] if "d" in q else from_t(q.get("t", q.get("p")), n1, n2, p="p" in q)
    return from_d(d, n1, n2, measure=q.measure, variance=q.kind("LS"), correct=q.correct)


def _smcc(q: Ask) -> Effect:
    d = q["d"] if "d" in q else d_from_paired_t(q.get("t", q.get("p")), q["n"], p="p" in q)
    return change_from_d(d, q["n"], correct=q.correct)


def _mc(q: Ask) -> Effect:
    group = Means(q["mean"], q["sd"], q["n"])
    if q.measure == "MC":
        return mean_change(group)
    return change_from_d(group.mean / group.sd, group.n, correct=q.correct)


def _r(q: Ask) -> Effect:
    r, t = q.get("correlation"), q.get("t", q.get("p"))
    if r is None:
        r = correlation_from_t(t, q["n"], p="p" in q)
    return correlation(r, q["n"], q.measure, variance=q.kind("LS"))


def _partial(q: Ask) -> Effect:
    n, k = q["n"], q["predictors"]
    r = q["correlation"] if "correlation" in q else partial_from_t(q.get("t", q.get("p")), n, k, p="p" in q)
    return partial_correlation(r, n, k, q.measure)


def _r2(q: Ask) -> Effect:
    n, k = q["n"], q["predictors"]
    share = q["r2"] if "r2" in q else determination_from_f(q.get("f", q.get("p")), n, k, p="p" in q)
    return determination(share, n, k, q.measure, variance=q.kind("LS"))


def _printed(q: Ask) -> Effect:
    scale: Any = "ratio" if q.measure in ("OR", "RR", "HR", "IRR", "ROM", "PETO") else "as printed"
    if "p" in q:
        return effect_from_p(q["estimate"], q["p"], printed=scale, measure=q.measure)
    limits = q["lower"], q["upper"]
    return effect_from_interval(
        q["estimate"], *limits, level=q.get("level", 0.95), printed=scale, measure=q.measure
    )


def _given(q: Ask) -> Effect:
    spread = q["std_error"] ** 2 if "std_error" in q else q["variance_given"]
    return settle(q["estimate"], spread, q.measure, "as given")


def _logrank(q: Ask) -> Effect:
    if "variance_logrank" in q:
        information = q["variance_logrank"]
        return settle(
            q["observed_less_expected"] / information, 1 / information, q.measure, "log hazard ratio"
        )
    return log_hazard_ratio(q["events"], q["p"], favours=q["favours"])


def _ppc(q: Ask) -> Effect:
    one, two = _arms(q)
    if q.measure == "PPC2":
        return pooled_pretest(one, two, correct=q.correct)
    return difference_of_changes(one, two, q.measure.removeprefix("PPC_"), correct=q.correct)


_GROUPS = {"mean": 2, "sd": 2, "n": 2}
_PAIRED = {"mean": 2, "sd": 2, "n": 1, "correlation": 1}
_CHANGES = {"mean_after": 2, "sd_after": 2, "mean_before": 2, "sd_before": 2, "n": 2, "correlation": 1}
_LIMITS = {"estimate": 1, "lower": 1, "upper": 1}
_SMD = ("LS", "LS2", "UB", "AV")


def _either(compute: Compute, *needs: dict[str, int], variances: tuple[str, ...] = ()) -> tuple[Route, ...]:
    return tuple(Route(need, compute, variances) for need in needs)


def _tests(*others: str, size: int = 1, also: dict[str, int] | None = None) -> list[dict[str, int]]:
    return [{name: 1, "n": size, **(also or {})} for name in (*others, "t", "p")]


PRINTED = _either(_printed, {**_LIMITS, "level": 1}, _LIMITS, {"estimate": 1, "p": 1})
TABLES = _either(_tables, {"events": 2, "n": 2}, {"events": 2, "nonevents": 2})
ASSOCIATED = _either(_associated, {"events": 2, "n": 2}, {"events": 2, "nonevents": 2})
PHI = tuple(Route(route.needs, route.compute, ("CS", "ST")) for route in ASSOCIATED)
ODDS_TO_D = tuple(Route(route.needs, _odds_to_d) for route in TABLES)
GENOTYPES = _either(lambda q: excess_heterozygosity(q["genotypes"]), {"genotypes": 3})
MATCHED = _either(lambda q: matched_pairs(q["pairs"], q.measure, **q.zeros), {"pairs": 4})
MARGINS = _either(
    lambda q: marginal_odds(*_margins(q), q["correlation"]), {"events": 2, "n": 1, "correlation": 1}
)


def _margins(q: Ask) -> tuple[Counts, Counts]:
    return Counts(q["events"][0], q["n"]), Counts(q["events"][1], q["n"])


MD = _either(_md, _GROUPS, variances=("LS", "HO"))
ROM = _either(_rom, _GROUPS, variances=("LS", "HO", "AV", "AVHO"))
SMD = (*_either(_smd, _GROUPS, variances=_SMD), *_either(_via_d, *_tests("d", size=2), variances=_SMD))
SMD1 = _either(_smd, _GROUPS, variances=_SMD)
SMDH = _either(_smd, _GROUPS)
VIA_D = _either(_via_d, _GROUPS, *_tests("d", size=2))
POINT_BISERIAL = tuple(Route(route.needs, route.compute, ("ST", "CS")) for route in VIA_D)
SUPERIORITY = _either(lambda q: probability_of_superiority(*_means(q), measure=q.measure), _GROUPS)


def _spread(q: Ask) -> Effect:
    return compare_spread(*_means(q), q.measure, correct=q.corrects)


VR = _either(_spread, {"sd": 2, "n": 2})
CVR = _either(_spread, _GROUPS)
GROUP = _either(
    lambda q: group_mean(Means(q["mean"], q["sd"], q["n"]), q.measure, correct=q.correct),
    {"mean": 1, "sd": 1, "n": 1},
)
GROUP_SPREAD = _either(
    lambda q: spread_of_group(Means(q.get("mean", q["sd"]), q["sd"], q["n"]), q.measure, correct=q.corrects),
    {"mean": 1, "sd": 1, "n": 1},
)
GROUP_SD = _either(GROUP_SPREAD[0].compute, {"sd": 1, "n": 1})
CHANGE = _either(lambda q: change(_pairs(q), q.measure, correct=q.correct, unit=q.unit), _PAIRED)
MC = (*CHANGE, *_either(_mc, {"mean": 1, "sd": 1, "n": 1}))
SMCC = (*MC, *_either(_smcc, *_tests("d")))


def _spread_change(q: Ask) -> Effect:
    return spread_of_change(_pairs(q), q.measure, correct=q.corrects)


VRC = _either(_spread_change, {"sd": 2, "n": 1, "correlation": 1})
CVRC = _either(_spread_change, _PAIRED)
PPC = _either(_ppc, _CHANGES)
COR = _either(_r, {"correlation": 1, "n": 1}, *_tests(), variances=("LS", "UB", "AV"))
ZCOR = _either(_r, {"correlation": 1, "n": 1}, *_tests())
PARTIAL = _either(_partial, *_tests("correlation", also={"predictors": 1}))
SEMIPARTIAL = _either(
    lambda q: semipartial_correlation(q["t"], q["n"], q["predictors"], q["r2"], q.measure),
    {"t": 1, "n": 1, "predictors": 1, "r2": 1},
)
R2 = _either(
    _r2, *({name: 1, "n": 1, "predictors": 1} for name in ("r2", "f", "p")),
    variances=("LS", "LS2", "AV", "AV2"),
)  # fmt: skip


def _proportion(q: Ask) -> Effect:
    group = Counts(q["events"], q["n"] if "n" in q else q["events"] + q["nonevents"])
    return proportion(group, q.measure, **q.zeros, variance=q.kind("LS"))


PROPORTION = _either(_proportion, {"events": 1, "n": 1}, {"events": 1, "nonevents": 1})
RAW_PROPORTION = tuple(Route(route.needs, route.compute, ("LS", "UB", "AV")) for route in PROPORTION)
RATE = _either(lambda q: rate(Rates(q["events"], q["time"]), q.measure, **q.zeros), {"events": 1, "time": 1})


def _rates(q: Ask) -> Effect:
    first, second = map(Rates, q["events"], q["time"])
    return compare_rates(first, second, q.measure, **q.zeros, drop00=q.drop00)


RATES = _either(_rates, {"events": 2, "time": 2})
ALPHA = _either(
    lambda q: cronbach_alpha(q["alpha"], q["items"], q["n"], q.measure),
    {"alpha": 1, "items": 1, "n": 1},
)
LOGRANK = _either(
    _logrank, {"observed_less_expected": 1, "variance_logrank": 1}, {"events": 1, "p": 1, "favours": 1}
)
GIVEN = _either(_given, {"estimate": 1, "std_error": 1}, {"estimate": 1, "variance_given": 1})
