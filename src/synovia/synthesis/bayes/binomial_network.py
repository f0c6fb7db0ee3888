"""Networks of trials with counts of events: the exact binomial likelihood, without continuity corrections."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from synovia.errors import SynthesisError
from synovia.kernel.normals import Normals
from synovia.synthesis.bayes.binomial_likelihood import Arms, make_arms
from synovia.synthesis.bayes.binomial_posterior import BinomialNodes, BinomialPriors, integrate_binomial
from synovia.synthesis.bayes.binomial_separation import find_separated, turn
from synovia.synthesis.bayes.credible import limit_curve, limit_normals, mode_curve
from synovia.synthesis.bayes.priors import Prior, Uniform, require_positive
from synovia.synthesis.rows import require_columns

__all__ = ["BinomialNetwork", "binomial_network"]

Floats = NDArray[np.float64]

WIDE = Uniform(0.0, 5.0)
LARGE = 0.01  # standard deviations by which an answer may be off without a word


@dataclass(frozen=True, slots=True, eq=False)
class BinomialNetwork:
    """The posterior of a network of binary outcomes.

    Attributes
    ----------
    treatments : tuple of str
        The reference first, then in alphabetical order.
    studies : tuple of str
        Trials that say something.
    priors : BinomialPriors
        Of tau, effects and baselines.
    nodes : BinomialNodes
        Nodes of tau, with means and covariances of the log odds ratios against the reference.
    level : float
        Of the credible intervals.
    warnings : tuple of str
        What the network says about itself.
    """

    treatments: tuple[str, ...]
    studies: tuple[str, ...]
    priors: BinomialPriors
    nodes: BinomialNodes
    level: float
    warnings: tuple[str, ...]

    @property
    def reference(self) -> str:
        """What effects are against."""
        return self.treatments[0]

    @property
    def method(self) -> str:
        """Likelihood, priors and how the posterior was integrated."""
        return (
            f"Bayesian; binomial likelihood; tau ~ {self.priors.tau}; effects ~ Normal(0, "
            f"{self.priors.effect_sd:g}), baselines ~ Normal(0, {self.priors.baseline_sd:g}); quadrature on "
            f"{self.nodes.tau.size} nodes of tau"
        )

    def combine(self, rows: Floats) -> Normals:
        """The posterior of linear combinations of the effects: a normal at every node of tau.

        Means and standard deviations are those of the exact likelihood; quantiles leave out what skewness is
        left once tau is given.
        """
        kept = self.nodes.weights > 1e-12
        weights = self.nodes.weights[kept] / self.nodes.weights[kept].sum()
        variance = np.einsum("rp,mpq,rq->mr", rows, self.nodes.cov[kept], rows)
        return Normals(weights, self.nodes.mean[kept] @ rows.T, np.sqrt(variance))

    def tidy(self, kind: str = "equal-tailed") -> pd.DataFrame:
        """Every treatment against the reference, as log odds ratios.

        Returns
        -------
        DataFrame
            term, estimate (posterior median), std_error, lower, upper, level, interval, method, mean.
        """
        found = self.combine(np.eye(len(self.treatments) - 1))
        return self._describe(found, list(self.treatments[1:]), kind)

    def _describe(self, found: Normals, names: list[str], kind: str) -> pd.DataFrame:
        lower, upper = limit_normals(found, self.level, kind)
        return pd.DataFrame(
            {
                "term": names,
                "estimate": found.quantile([0.5])[0],
                "std_error": found.sd(),
                "lower": lower,
                "upper": upper,
                "level": self.level,
                "interval": "credible",
                "method": f"{kind} interval; {self.method}",
                "mean": found.mean(),
            }
        )

    def compare(self, treatment: str, other: str, *, kind: str = "equal-tailed") -> pd.DataFrame:
        """One treatment against another, as a log odds ratio.

        Raises
        ------
        SynthesisError
            When one of them is not in the network.
        """
        row = self._row(treatment) - self._row(other)
        return self._describe(self.combine(row[None]), [f"{treatment} - {other}"], kind)

    def probability(self, treatment: str, other: str, *, above: float = 0.0) -> float:
        """Probability that the log odds ratio of a treatment against another exceeds a limit."""
        row = self._row(treatment) - self._row(other)
        return float(self.combine(row[None]).above([above])[0])

    def _row(self, treatment: str) -> Floats:
        if treatment not in self.treatments:
            raise SynthesisError(
                f"Found treatment {treatment!r}; wanted one of {', '.join(self.treatments)}."
            )
        return np.eye(len(self.treatments))[self.treatments.index(treatment), 1:]

    def variances(self, kind: str = "equal-tailed") -> pd.DataFrame:
        """The standard deviation between trials, with the columns of ``Posterior.variances``."""
        curve = self.nodes.curve
        columns = ["name", "estimate", "std_error", "lower", "upper", "level", "mean", "mode"]
        if curve is None:
            return pd.DataFrame(columns=pd.Index(columns))
        lower, upper = limit_curve(curve, self.level, kind)
        mean = curve.mean()
        row = (
            "tau",
            float(curve.quantile(np.array([0.5]))[0]),
            (curve.mean(2) - mean**2) ** 0.5,
            lower,
            upper,
        )
        return pd.DataFrame([[*row, self.level, mean, mode_curve(curve)]], columns=pd.Index(columns))


def binomial_network(
    data: pd.DataFrame,
    *,
    events: str = "events",
    total: str = "n",
    reference: str | None = None,
    tau: Prior | None = WIDE,
    effect_sd: float = 100.0,
    baseline_sd: float = 100.0,
    level: float = 0.95,
) -> BinomialNetwork:
    r"""Compare all treatments of a network by the counts themselves.

    Parameters
    ----------
    data : DataFrame
        One row per arm, with columns ``study``, ``treatment`` and the counts.
    events, total : str
        Columns of the events and of the people at risk.
    reference : str, optional
        What effects are against; the first treatment in alphabetical order without it.
    tau : Prior or None
        Of the standard deviation of a comparison's log odds ratio between trials; None for a common effect.
    effect_sd, baseline_sd : float
        Standard deviations of the normal priors, mean 0, on the log odds scale.
    level : float
        Of the credible intervals.

    Returns
    -------
    BinomialNetwork
        ``tidy``, ``variances``, ``compare``, ``probability``.

    Raises
    ------
    SynthesisError
        When counts are impossible, a trial has one arm or a treatment twice, or the network is not connected.

    Notes
    -----
    .. math:: r_{ik} \sim \operatorname{Bin}(n_{ik}, p_{ik}), \quad
        \operatorname{logit} p_{ik} = \mu_i + d_{t_{ik}} + a_{ik}, \quad a_{ik} \sim N(0, \tau^2/2)

    Dias et al. (2013), Medical Decision Making 33, 607-617 (NICE TSD 2). Baselines and random effects are
    integrated by adaptive Gauss-Hermite quadrature trial by trial, the effects by a rule around their mean at
    each tau (a product of Gauss-Hermite rules for few effects, one of degree 5 or a sparse one of degree 7
    for many), tau by the trapezoidal rule, and with it an effect that few or no events tell. Nothing is
    drawn. Where that takes many evaluations, what a trial says is tabulated at each tau and read by splines.
    A network whose reference no trial bounds is worked out from another treatment and turned back; its priors
    stay those against the reference. ``nodes.error`` states how far means and standard deviations may be off,
    in standard deviations; above 0.01 ``warnings`` says so. The contrasts of a trial covary as
    tau² (I + J)/2; the baseline of a trial is the log odds of its first arm, in order of the treatments.
    Trials without any event, or with events only, say next to nothing about effects; they are left out with
    a warning.

    Examples
    --------
    >>> import pandas as pd
    >>> arms = pd.DataFrame({
    ...     "study": ["a", "a", "b", "b"], "treatment": ["placebo", "drug"] * 2,
    ...     "events": [10, 5, 12, 7], "n": [50, 50, 60, 60]})
    >>> found = binomial_network(arms, reference="placebo", tau=None)
    >>> print(f"{found.tidy()['mean'][0]:.2f}")
    -0.74
    """
    require_positive(effect_sd=effect_sd, baseline_sd=baseline_sd)
    arms, warnings = _read_arms(data, events, total)
    treatments = _order(arms, reference)
    _require_connected(arms, treatments)
    priors = BinomialPriors(tau, effect_sd, baseline_sd)
    studies = tuple(dict.fromkeys(arms["study"].tolist()))
    built = _build(arms, treatments)
    nodes = integrate_binomial(built, priors)
    said = (*warnings, *_tell_open(built, treatments), *_tell_error(nodes))
    return BinomialNetwork(treatments, studies, priors, nodes, level, said)


def _read_arms(data: pd.DataFrame, events: str, total: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    require_columns(data, ["study", "treatment", events, total])
    arms = pd.DataFrame(
        {
            "study": data["study"].astype(str).to_numpy(),
            "treatment": data["treatment"].astype(str).to_numpy(),
            "events": pd.to_numeric(data[events], errors="coerce").to_numpy(dtype=np.float64),
            "n": pd.to_numeric(data[total], errors="coerce").to_numpy(dtype=np.float64),
        }
    )
    wrong = ~((arms["events"] >= 0) & (arms["events"] <= arms["n"]) & (arms["n"] > 0))
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise SynthesisError(
            f"Row {row + 1} ({arms['study'][row]}) has {arms['events'][row]:g} events of {arms['n'][row]:g}; "
            "wanted 0 to as many as there are people."
        )
    twice = arms.duplicated(["study", "treatment"])
    if twice.any():
        row = int(np.argmax(twice.to_numpy()))
        raise SynthesisError(
            f"{arms['study'][row]} has two arms of {arms['treatment'][row]}; add their counts up."
        )
    alone = arms.groupby("study")["treatment"].transform("size") < 2
    if alone.any():
        raise SynthesisError(
            f"{arms['study'][int(np.argmax(alone.to_numpy()))]} has one arm; wanted two or more."
        )
    sums = arms.groupby("study")[["events", "n"]].transform("sum")
    silent = (sums["events"] == 0) | (sums["events"] == sums["n"])
    names = list(dict.fromkeys(arms.loc[silent, "study"]))
    said = (f"Left out, with no event or only events in all arms: {', '.join(names)}.",) if names else ()
    return arms.loc[~silent].reset_index(drop=True), said


def _tell_open(arms: Arms, treatments: tuple[str, ...]) -> Iterator[str]:
    """Effects that only the prior ends, on one side."""
    turned = turn(arms)
    separated = find_separated(turned.arms)
    for group in separated:
        named = ", ".join(treatments[turned.order[column + 1]] for column in group.members)
        yield (
            f"No trial bounds how far {named} lies from the other treatments, as arms without any event (or "
            "with nothing else) are all that compares them: on one side the effect ends where its prior "
            "does, and its mean and interval say more on the prior than on the trials."
        )
    if len(separated) > 1:
        yield "Only the first of these is integrated exactly; the others are taken as normal, which is rough."


def _tell_error(nodes: BinomialNodes) -> Iterator[str]:
    """That the rules are coarse."""
    if nodes.error > LARGE:
        yield (
            f"Means and standard deviations may be off by {nodes.error:.2g} standard deviations, by the "
            "distance between two rules: events are few."
        )


def _order(arms: pd.DataFrame, reference: str | None) -> tuple[str, ...]:
    found = sorted(set(arms["treatment"]))
    if len(found) < 2:
        raise SynthesisError("Found fewer than two treatments in trials with events; wanted at least two.")
    first = found[0] if reference is None else reference
    if first not in found:
        raise SynthesisError(f"Found reference {first!r}; the treatments are {', '.join(found)}.")
    return (first, *(name for name in found if name != first))


def _require_connected(arms: pd.DataFrame, treatments: tuple[str, ...]) -> None:
    study = pd.factorize(arms["study"])[0]
    place = np.array([treatments.index(name) for name in arms["treatment"]]) + study.max() + 1
    size = int(place.max()) + 1
    count, part = connected_components(csr_array((np.ones(study.size), (study, place)), shape=(size, size)))
    if count > 1:
        parts = part[study.max() + 1 :]
        listed = "; ".join(
            ", ".join(name for name, own in zip(treatments, parts, strict=False) if own == number)
            for number in dict.fromkeys(parts.tolist())
        )
        raise SynthesisError(
            f"The network falls into parts that no trial connects: {listed}. Analyse each alone."
        )


def _build(arms: pd.DataFrame, treatments: tuple[str, ...]) -> Arms:
    given = np.array([treatments.index(name) for name in arms["treatment"]], dtype=np.intp)
    codes = np.asarray(pd.factorize(arms["study"])[0], dtype=np.intp)
    return make_arms(arms["events"].to_numpy(), arms["n"].to_numpy(), given, codes)
