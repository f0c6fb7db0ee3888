"""A network under the declared prior: how probable it is that a node beats the reference."""

from collections.abc import Callable, Mapping

import numpy as np

from synovia.review.network_plans import NetworkPlan
from synovia.review.network_rows import settle
from synovia.review.protocol import Prior as DeclaredPrior
from synovia.synthesis.bayes import HalfCauchy, HalfNormal, HalfT, LogNormal, Posterior, Prior, Uniform, bayes
from synovia.synthesis.network import Network

__all__ = ["PRIORS", "posterior_rows"]

PRIORS: Mapping[str, Callable[[DeclaredPrior], Prior]] = {
    "half-normal": lambda declared: HalfNormal(declared.scale),
    "half-cauchy": lambda declared: HalfCauchy(declared.scale),
    "half-t": lambda declared: HalfT(declared.scale, declared.df),
    "uniform": lambda declared: Uniform(0.0, declared.scale),
    "log-normal": lambda declared: LogNormal(declared.location, declared.scale),
}
"""The priors on tau that a protocol can declare."""


def posterior_rows(plan: NetworkPlan, net: Network) -> list[dict[str, object]]:
    """Rows of NETWORK_POSTERIORS: nothing without a prior on tau, nor for a common effect.

    Parameters
    ----------
    plan : NetworkPlan
        With the declared prior, and which way is better.
    net : Network
        Fitted; how its tau2 was estimated does not matter.
    """
    if plan.prior is None or not net.fit.problem.terms:
        return []
    found = bayes(net.fit, tau=PRIORS[plan.prior.family](plan.prior), level=plan.model.level)
    table = found.tidy().set_index("term")
    tau = float(found.variances().set_index("name")["estimate"]["tau"])
    better = _better(plan, found, 0.0, new_trial=False)
    by_mid = [_better(plan, found, plan.mid, new_trial=new) for new in (False, True)]
    rows = []
    for place, node in enumerate(net.treatments[1:]):
        known = {"better_by_mid": by_mid[0][place], "trial_better_by_mid": by_mid[1][place], "mid": plan.mid}
        rows.append(
            {
                **plan.base,
                "node": node,
                "comparator": net.reference,
                "estimate": settle(table["estimate"][node], table["std_error"][node]),
                **{name: table[name][node] for name in ("lower", "upper", "method")},
                "better": better[place],
                **(known if plan.mid else {}),
                "tau": tau,
            }
        )
    return sorted(rows, key=lambda row: plan.place[str(row["node"])])


def _better(plan: NetworkPlan, found: Posterior, by: float, *, new_trial: bool) -> list[float]:
    """Probability that each node beats the reference by more than this, on average or in a new trial."""
    tau2 = found.quadrature.psi[:, 0] if new_trial else None
    mixture = found.combine(np.eye(found.fit.problem.p), tau2)
    limit = np.full(found.fit.problem.p, by if plan.better == "higher" else -by)
    chance = mixture.above(limit) if plan.better == "higher" else mixture.cdf(limit)
    return [float(value) for value in np.ravel(chance)]
