"""A network on a page."""

from typing import TYPE_CHECKING

from synovia.kernel import Inapplicable, Range
from synovia.synthesis.summary import Summary, count, show_p, show_test

if TYPE_CHECKING:
    from synovia.synthesis.network.model import Network

__all__ = ["write_network_page"]


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
    if net.fit.heterogeneity.q_df > 0:
        test = show_test(f"{facts['q']:.2f}", net.fit.heterogeneity.q_df, float(str(facts["q_p_value"])))
        told += [("I2", f"{facts['i2']:.1f}%"), ("Q", test)]
    return Summary(f"Network of {counted}", header, rows, tuple(told), net.warnings)


def _show_tau2(net: "Network", share: str) -> str:
    if isinstance(net.tau2, Inapplicable):
        return str(net.tau2)
    limits = net.fit.heterogeneity.tau2
    if isinstance(limits, Range):
        return f"{net.tau2:.4g} ({share} Q-profile {limits.lower:.4g} to {limits.upper:.4g})"
    return f"{net.tau2:.4g}"
