"""A network on a page, and in a row."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from synovia.kernel import Inapplicable, Range
from synovia.kernel.intervals import limit_h
from synovia.synthesis.summary import Summary, count, show_p, show_test

if TYPE_CHECKING:
    from synovia.synthesis.network.model import Network

__all__ = ["measure_network", "write_network_page"]


def write_network_page(net: "Network") -> Summary:
    """Effects against the reference, the size of the network, tau2 and Q."""
    share = f"{100 * net.fit.settings.level:g}%"
    header = (f"against {net.reference}", "estimate", "std. error", f"{share} interval", "p")
    rows = tuple(
        (
            str(row["treatment"]),
            f"{row['estimate']:.4f}",
            f"{row['std_error']:.4f}",
            f"{row['lower']:.4f} to {row['upper']:.4f}",
            show_p(row["p_value"]),
        )
        for row in net.effects().to_dict("records")
    )
    facts: dict[str, object] = {str(k): v for k, v in net.glance().iloc[0].to_dict().items()}
    counted = (
        f"{count(len(net.treatments), 'treatment')} in {count(len(net.design.studies), 'trial')}, "
        f"{facts['comparisons']} of {len(net.treatments) * (len(net.treatments) - 1) // 2} comparisons direct"
    )
    told = [("Method", net.fit.method), ("tau2", _show_tau2(net, share))]
    more = zip(net.fit.names.variances, net.fit.point.psi.tolist(), strict=True)
    told += [(name, f"{value:.4g}") for name, value in more if name != "tau2"]
    if net.fit.heterogeneity.q_df > 0:
        test = show_test(f"{facts['q']:.2f}", net.fit.heterogeneity.q_df, float(str(facts["q_p_value"])))
        told += [("I2", f"{facts['i2']:.1f}%"), ("Q", test)]
    return Summary(f"Network of {counted}", header, rows, tuple(told), net.warnings)


def measure_network(net: "Network") -> pd.DataFrame:
    """One row of facts; ``Network.glance`` describes the columns."""
    sizes = [len(arms) for arms in net.design.arms]
    q, df = net.fit.heterogeneity.q, net.fit.heterogeneity.q_df
    value = np.nan if isinstance(q, Inapplicable) else float(q)
    tau2 = np.nan if isinstance(net.tau2, Inapplicable) else net.tau2
    row = {
        "treatments": len(net.treatments),
        "trials": len(net.design.studies),
        "comparisons": len(net.design.edges),
        "pairwise": sum(m * (m - 1) // 2 for m in sizes),
        "designs": len(set(net.design.designs)),
        "tau2": tau2,
        "tau": np.sqrt(tau2),
        **_limit(value, df, net.fit.settings.level),
        "q": value,
        "q_df": df,
        "q_p_value": float(chdtrc(df, value)) if df > 0 else np.nan,
        "log_lik": net.fit.glance().iloc[0].log_lik,
        "method": net.fit.method,
        "converged": net.fit.convergence.converged,
        "warnings": " ".join(net.warnings),
    }
    return pd.DataFrame([row])


def _limit(q: float, df: int, level: float) -> dict[str, float]:
    """I² in percent and H of the whole network, with test-based limits."""
    names = ("i2", "i2_lower", "i2_upper", "h", "h_lower", "h_upper")
    if df < 1 or not q > 0:
        return dict.fromkeys(names, np.nan)
    own = (100 * max(0.0, 1 - df / q), np.nan, np.nan, max(1.0, np.sqrt(q / df)), np.nan, np.nan)
    found = limit_h(q, df, level=level)
    if not isinstance(found, Inapplicable):
        h, i2 = found
        own = (own[0], i2.lower, i2.upper, own[3], h.lower, h.upper)
    return dict(zip(names, map(float, own), strict=True))


def _show_tau2(net: "Network", share: str) -> str:
    if isinstance(net.tau2, Inapplicable):
        return str(net.tau2)
    limits = net.fit.heterogeneity.tau2
    if isinstance(limits, Range):
        return f"{net.tau2:.4g} ({share} Q-profile {limits.lower:.4g} to {limits.upper:.4g})"
    return f"{net.tau2:.4g}"
