"""The scales of effect measures, in words."""

__all__ = ["SCALE_WORDS"]

SCALE_WORDS = {
    "MD": "points on a 0-100 scale",
    "SMD": "standard deviations (Hedges g)",
    "ROM": "log ratio of means",
    "OR": "log odds ratio",
    "RR": "log risk ratio",
    "RD": "risk difference",
}
