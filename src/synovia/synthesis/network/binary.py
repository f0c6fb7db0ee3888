"""Networks of odds ratios when events are rare: by Mantel and Haenszel's weights, or given the totals."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel import Convergence
from synovia.synthesis.exact.assemble import CLOSED, test
from synovia.synthesis.network.by_design import Stratum, find_silent_arms, has_every_pair, pool_design
from synovia.synthesis.network.contrasts import assemble
from synovia.synthesis.network.count_arms import ArmCounts, read_counts, require_finite
from synovia.synthesis.network.count_network import CountNetwork, Pooled, make_count_fit
from synovia.synthesis.network.design import make_network_design
from synovia.synthesis.network.fitting import make_settings
from synovia.synthesis.network.hypergeometric import Moments, condition, condition_rare
from synovia.synthesis.network.model import Network, add_reference
from synovia.synthesis.network.multi_arm import StudyBlock
from synovia.synthesis.network.pooling import fit_network

__all__ = [
    "Conditional",
    "fit_again",
    "hypergeometric_network",
    "make_count_network",
    "mantel_haenszel_network",
]

Floats = NDArray[np.float64]
Conditional = Literal["exact", "approximate"]
Looked = tuple[float, Floats, Floats]  # log-likelihood, slope, information

CONDITIONALS = {
    "exact": (condition, "exact non-central hypergeometric likelihood"),
    "approximate": (condition_rare, "hypergeometric likelihood approximated for rare events (multinomial)"),
}
STEPS, HALVINGS = 100, 60
FLAT = 1e-22  # gain that a full step still promises: effects are exact to rounding
ROUNDING = 1e-13  # relative error of a log-likelihood


def mantel_haenszel_network(
    data: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    reference: str | None = None,
    level: float = 0.95,
) -> CountNetwork:
    r"""Compare all treatments of a network by Mantel and Haenszel's odds ratios.

    Parameters
    ----------
    data : DataFrame
        One row per arm: study, treatment, events, n.
    columns : mapping of str to str, optional
        What the table calls these columns.
    reference : str, optional
        Treatment that effects are against; the first in alphabetical order without it.
    level : float
        Confidence level.

    Returns
    -------
    CountNetwork
        Log odds ratios, common to all trials. ``by_design`` is the network of the designs' pooled odds
        ratios, from which direct and indirect evidence are compared. Nothing is added to empty cells; an arm
        without events (or with nothing but events) in all trials of its design has no finite odds ratio
        there and is left out and named.

    Raises
    ------
    SynthesisError
        When an arm cannot be used, or what is left does not hang together.
    TooFewStudies
        When no design has a finite odds ratio.

    Notes
    -----
    The trials that compare the same treatments, a design, are pooled by Mantel and Haenszel's weights, for
    more than two arms in the form of Mickey and Elashoff; the designs are then combined as in every network,
    with weights :math:`W_d` the inverse covariances:

    .. math:: \hat d = \Bigl(\sum_d X_d' W_d X_d\Bigr)^{-1} \sum_d X_d' W_d \hat\theta_d, \quad
        Q_{inc} = \sum_d (\hat\theta_d - X_d \hat d)' W_d (\hat\theta_d - X_d \hat d)

    Efthimiou, Rücker, Schwarzer, Higgins, Egger & Salanti (2019), Statistics in Medicine 38, 2992-3012; the
    pooling within designs is in :func:`synovia.synthesis.network.by_design.pool_design`.

    Examples
    --------
    >>> arms = pd.DataFrame({"study": ["s1", "s1", "s2", "s2", "s3", "s3"],
    ...                      "treatment": ["A", "B", "A", "C", "B", "C"],
    ...                      "events": [1, 3, 2, 6, 4, 5], "n": [100, 100, 150, 150, 120, 120]})
    >>> mantel_haenszel_network(arms).effects()[["treatment", "estimate", "std_error"]].round(2)
      treatment  estimate  std_error
    0         B      1.00       0.79
    1         C      1.19       0.70
    """
    counts, strata = _group(read_counts(data, columns, reference), reference)
    design = counts.design
    blocks: list[StudyBlock] = []
    for arms, stratum in strata.items():
        y, V = pool_design(stratum)
        blocks.append(StudyBlock(":".join(arms), arms, y, V, (len(blocks),) * y.size))
    table = pd.DataFrame({"trials": [stratum.n.shape[0] for stratum in strata.values()]})
    contrasts = assemble(blocks, table, (), "OR")
    second = make_network_design(contrasts, design.reference, random=False)
    asked = make_settings(contrasts, random=False, tau2="ML", inference="z", level=level)
    by_design = fit_network(second, asked)
    at, df = by_design.fit.point, second.problem.n - second.problem.p
    pooled = Pooled(at.beta, at.cov, (test("Q between designs", at.rss, df),) if df > 0 else (), CLOSED)
    said = "network, common effects; Mantel-Haenszel odds ratio, no continuity correction"
    again = partial(fit_again, mantel_haenszel_network, level)
    return make_count_network(counts, pooled, said, level, ("MH", by_design, again))


def _group(counts: ArmCounts, reference: str | None) -> tuple[ArmCounts, dict[tuple[str, ...], Stratum]]:
    """The trials by design; what has no finite odds ratio is left out, until nothing more has to be."""
    while True:
        strata, members = _stack(counts)
        silent = {arms: _choose_silent(arms, stratum) for arms, stratum in strata.items()}
        if not any(silent.values()):
            return counts, strata
        said = [_name_silent(arms, gone) for arms, gone in silent.items() if gone]
        gone = {(study, arm) for arms, lost in silent.items() for study in members[arms] for arm in lost}
        frame = counts.frame
        told = frame["study"].isin(counts.design.studies)
        kept = [
            pair not in gone
            for pair in zip(frame["study"].tolist(), frame["treatment"].tolist(), strict=True)
        ]
        frame = frame[told & np.array(kept)].reset_index(drop=True)
        if frame.empty:
            raise TooFewStudies(f"No comparison has a finite odds ratio. {' '.join(said)}")
        before = (*counts.design.contrasts.warnings, *said)
        try:
            counts = read_counts(frame, None, reference, before)
        except SynthesisError as error:
            raise SynthesisError(f"{error} {' '.join(said)}") from error


def _stack(
    counts: ArmCounts,
) -> tuple[dict[tuple[str, ...], Stratum], dict[tuple[str, ...], list[str]]]:
    names = counts.design.treatments
    rows: dict[tuple[str, ...], list[tuple[Floats, Floats]]] = {}
    members: dict[tuple[str, ...], list[str]] = {}
    for study, trial in zip(counts.design.studies, counts.trials, strict=True):
        order = np.argsort(trial.arms)
        arms = tuple(names[i] for i in trial.arms[order].tolist())
        rows.setdefault(arms, []).append((trial.events[order], trial.n[order]))
        members.setdefault(arms, []).append(study)
    strata = {
        arms: Stratum(np.array([events for events, _ in own]), np.array([n for _, n in own]))
        for arms, own in rows.items()
    }
    return strata, members


def _choose_silent(arms: tuple[str, ...], stratum: Stratum) -> tuple[str, ...]:
    silent = find_silent_arms(stratum)
    lost = tuple(name for name, gone in zip(arms, silent.tolist(), strict=True) if gone)
    if len(arms) - len(lost) < 2 or (not lost and not has_every_pair(stratum)):
        return arms
    return lost


def _name_silent(arms: tuple[str, ...], gone: tuple[str, ...]) -> str:
    design = f"the trials of {':'.join(arms)}"
    if gone == arms:
        return (
            f"All of {design} were left out: a pair of their arms has no finite Mantel-Haenszel odds ratio."
        )
    return f"Arm {', '.join(gone)} of {design} was left out: it has no events, or nothing but events."


def hypergeometric_network(
    data: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    reference: str | None = None,
    likelihood: Conditional = "exact",
    level: float = 0.95,
) -> CountNetwork:
    r"""Compare all treatments of a network by the likelihood of events given each trial's total.

    Parameters
    ----------
    data : DataFrame
        One row per arm: study, treatment, events, n.
    columns : mapping of str to str, optional
        What the table calls these columns.
    reference : str, optional
        Treatment that effects are against; the first in alphabetical order without it.
    likelihood : {"exact", "approximate"}
        The non-central hypergeometric likelihood itself, or its multinomial approximation for rare events,
        which is wrong when events are common.
    level : float
        Confidence level.

    Returns
    -------
    CountNetwork
        Log odds ratios, common to all trials. Empty cells need no correction and no trial with an event is
        left out.

    Raises
    ------
    SynthesisError
        When an arm cannot be used, the network does not hang together, or an odds ratio is zero or infinite;
        the treatments are named.

    Notes
    -----
    .. math:: \ell(d) = \sum_i \ln \frac{\prod_j \binom{n_{ij}}{a_{ij}} e^{a_{ij} d_j}}
        {\sum_{x_1 + \dots + x_m = M_i} \prod_j \binom{n_{ij}}{x_j} e^{x_j d_j}}

    is concave and free of baseline risks; it is maximised by Newton's method, and standard errors are those
    of its curvature. Two treatments give the conditional logistic regression of
    :func:`synovia.synthesis.binomial_normal` ("CM.EL" or "CM.AL" with ``random=False``). Stijnen, Hamza &
    Özdemir (2010), Statistics in Medicine 29, 3046-3067; Efthimiou et al. (2019), Statistics in Medicine 38,
    2992-3012.

    Examples
    --------
    >>> arms = pd.DataFrame({"study": ["s1", "s1", "s2", "s2", "s3", "s3"],
    ...                      "treatment": ["A", "B", "A", "C", "B", "C"],
    ...                      "events": [0, 3, 2, 6, 4, 5], "n": [100, 100, 150, 150, 120, 120]})
    >>> hypergeometric_network(arms).effects()[["treatment", "estimate", "std_error"]].round(2)
      treatment  estimate  std_error
    0         B      1.54       0.91
    1         C      1.53       0.80
    """
    if likelihood not in CONDITIONALS:
        raise SynthesisError(f"Found likelihood {likelihood!r}; wanted 'exact' or 'approximate'.")
    counts = read_counts(data, columns, reference)
    require_finite(counts, bounded=likelihood == "exact")
    pooled = _climb(counts, likelihood)
    said = f"network, common effects; {CONDITIONALS[likelihood][1]}"
    again = partial(fit_again, partial(hypergeometric_network, likelihood=likelihood), level)
    return make_count_network(counts, pooled, said, level, ("NCH", None, again))


def _climb(counts: ArmCounts, likelihood: Conditional) -> Pooled:
    """Newton's method on a concave function, with halved steps."""
    look = partial(_look, counts, likelihood)
    beta = np.zeros(len(counts.design.treatments) - 1)
    value, slope, information = look(beta)
    null, steps = value, 0
    while steps < STEPS:
        step = np.asarray(np.linalg.solve(information, slope), dtype=np.float64)
        if float(slope @ step) < FLAT:
            break
        found = _halve(look, beta, step, value)
        if found is None:
            break
        beta, (value, slope, information) = found
        steps += 1
    cov = np.linalg.inv(information)
    score = float(np.abs(slope).max())
    promise = float(slope @ cov @ slope) / 2
    how = Convergence(steps, score, at_boundary=False, converged=promise < 1e-9, message="Newton's method")
    tests = (test("no difference between treatments (likelihood ratio)", 2 * (value - null), beta.size),)
    return Pooled(beta, (cov + cov.T) / 2, tests, how, value)


def _halve(
    look: Callable[[Floats], Looked], beta: Floats, step: Floats, value: float
) -> tuple[Floats, Looked] | None:
    share = 1.0
    for _ in range(HALVINGS):
        moved = beta + share * step
        found = look(moved)
        if found[0] >= value - ROUNDING * (1 + abs(value)):
            return moved, found
        share /= 2
    return None


def _look(counts: ArmCounts, likelihood: Conditional, beta: Floats) -> Looked:
    """Log-likelihood, its slope and its curvature."""
    effects = np.concatenate([[0.0], beta])
    slope, information, value = np.zeros(effects.size), np.zeros((effects.size, effects.size)), 0.0
    for trial in counts.trials:
        found: Moments = CONDITIONALS[likelihood][0](trial, effects[trial.arms])
        value += found.log_lik
        slope[trial.arms] += trial.events - found.mean
        information[np.ix_(trial.arms, trial.arms)] += found.cov
    return value, slope[1:], information[1:, 1:]


def fit_again(
    fit: Callable[..., CountNetwork], level: float, arms: pd.DataFrame, reference: str
) -> CountNetwork:
    """The same model of other arms."""
    return fit(arms, reference=reference, level=level)


def make_count_network(
    counts: ArmCounts,
    pooled: Pooled,
    said: str,
    level: float,
    also: tuple[str, Network | None, Callable[[pd.DataFrame, str], CountNetwork]],
) -> CountNetwork:
    """A network of what was pooled.

    Parameters
    ----------
    counts : ArmCounts
        What was read.
    pooled : Pooled
        Effects.
    said : str
        The model in words.
    level : float
        Confidence level.
    also : tuple
        Name of the method, the network of the designs or None, and what fits other arms.
    """
    method, by_design, again = also
    fit = make_count_fit(counts, pooled, said, level)
    estimates, covariance = add_reference(pooled.beta, pooled.cov)
    frame = counts.frame[counts.frame["study"].isin(counts.design.studies)].reset_index(drop=True)
    return CountNetwork(
        counts.design,
        fit,
        estimates,
        covariance,
        frame=frame,
        method=method,
        by_design=by_design,
        again=again,
    )
