"""Heterogeneity expected from the Cochrane Database: the published priors, each with where it is printed."""

from dataclasses import dataclass

from synovia.errors import SynthesisError
from synovia.synthesis.bayes.priors import LogNormal, LogT

__all__ = ["Empirical", "empirical_prior", "list_empirical_priors"]

TURNER = (
    "Turner, Jackson, Wei, Thompson & Higgins (2015), Statistics in Medicine 34, 984-998, table IV: "
    "log-normal priors of tau2 of log odds ratios"
)
RHODES = (
    "Rhodes, Turner & Higgins (2015), Journal of Clinical Epidemiology 68, 52-60, table 3: log-t priors with "
    "5 df of tau2 of standardised mean differences outside cancer and respiratory disease"
)
BINARY, CONTINUOUS = "log odds ratio", "standardised mean difference"

BINARY_COMPARISONS = (
    "pharmacological vs control",
    "pharmacological vs pharmacological",
    "non-pharmacological vs control",
    "non-pharmacological vs pharmacological",
    "non-pharmacological vs non-pharmacological",
)
CONTINUOUS_COMPARISONS = (*BINARY_COMPARISONS[:2], "non-pharmacological")

# each row: mean and standard deviation of log tau2 for the comparisons in their order
BINARY_TABLE: dict[str, tuple[tuple[float, float], ...]] = {
    "all-cause mortality": ((-3.95, 1.34), (-4.18, 1.41), (-4.17, 1.55), (-2.92, 1.02), (-3.50, 1.26)),
    "obstetric": ((-3.52, 1.74), (-3.75, 1.79), (-3.74, 1.91), (-2.49, 1.50), (-3.08, 1.68)),
    "cause-specific mortality or major morbidity": (
        (-3.71, 1.74), (-3.95, 1.79), (-3.93, 1.91), (-2.68, 1.51), (-3.27, 1.68),
    ),
    "resource use": ((-2.34, 1.74), (-2.58, 1.79), (-2.56, 1.91), (-1.31, 1.50), (-1.90, 1.68)),
    "surgical or device success": ((-2.14, 1.74), (-2.37, 1.79), (-2.36, 1.91), (-1.11, 1.50), (-1.69, 1.68)),
    "withdrawals": ((-2.99, 1.74), (-3.23, 1.79), (-3.21, 1.91), (-1.96, 1.51), (-2.55, 1.68)),
    "internal or structural": ((-2.71, 1.74), (-2.94, 1.79), (-2.93, 1.92), (-1.67, 1.51), (-2.26, 1.68)),
    "general physical health": ((-2.29, 1.53), (-2.53, 1.58), (-2.51, 1.72), (-1.26, 1.25), (-1.85, 1.46)),
    "adverse events": ((-1.87, 1.52), (-2.10, 1.58), (-2.10, 1.71), (-0.84, 1.24), (-1.43, 1.45)),
    "infection or new disease": ((-2.49, 1.52), (-2.73, 1.58), (-2.71, 1.71), (-1.46, 1.24), (-2.05, 1.45)),
    "signs or symptoms": ((-2.06, 1.51), (-2.29, 1.58), (-2.28, 1.71), (-1.03, 1.24), (-1.61, 1.45)),
    "pain": ((-1.83, 1.52), (-2.06, 1.58), (-2.05, 1.71), (-0.80, 1.25), (-1.38, 1.45)),
    "quality of life or functioning": (
        (-2.54, 1.54), (-2.78, 1.60), (-2.77, 1.73), (-1.51, 1.27), (-2.10, 1.47),
    ),
    "mental health": ((-2.12, 1.53), (-2.35, 1.60), (-2.34, 1.72), (-1.09, 1.27), (-1.67, 1.47)),
    "biological markers": ((-1.77, 1.52), (-2.00, 1.58), (-1.99, 1.71), (-0.74, 1.24), (-1.33, 1.45)),
    "subjective, various": ((-2.70, 1.52), (-2.93, 1.58), (-2.92, 1.71), (-1.67, 1.25), (-2.26, 1.45)),
}  # fmt: skip
# The location of mental health under non-pharmacological comparisons is left out: the sources at hand give
# -3.85, which breaks the additive pattern of the table by exactly 1.
CONTINUOUS_TABLE: dict[str, tuple[tuple[float, float] | None, ...]] = {
    "obstetric": ((-4.13, 2.34), (-4.40, 2.31), (-3.99, 2.11)),
    "resource use": ((-2.55, 2.73), (-2.83, 2.70), (-2.41, 2.57)),
    "internal or structural": ((-2.43, 2.50), (-2.70, 2.46), (-2.29, 2.32)),
    "general physical health": ((-3.16, 2.50), (-3.44, 2.44), (-3.02, 2.27)),
    "adverse events": ((-3.16, 2.50), (-3.44, 2.44), (-3.02, 2.27)),
    "pain": ((-3.16, 2.50), (-3.44, 2.44), (-3.02, 2.27)),
    "quality of life or functioning": ((-3.16, 2.50), (-3.44, 2.44), (-3.02, 2.27)),
    "infection or new disease": ((-3.00, 2.50), (-3.27, 2.47), (-2.86, 2.33)),
    "signs or symptoms": ((-3.00, 2.50), (-3.27, 2.47), (-2.86, 2.33)),
    "mental health": ((-2.99, 2.16), (-3.27, 2.14), None),
    "biological markers": ((-3.41, 2.83), (-3.68, 2.78), (-3.27, 2.66)),
    "subjective, various": ((-2.76, 2.58), (-3.03, 2.59), (-2.62, 2.41)),
    "any": ((-3.44, 2.59),) * 3,
}


@dataclass(frozen=True, slots=True)
class Empirical:
    """A published prior and where it stands.

    Attributes
    ----------
    prior : LogNormal or LogT
        The prior.
    measure, outcome, comparison : str
        What it was derived for.
    source : str
        Paper and table.
    """

    prior: LogNormal | LogT
    measure: str
    outcome: str
    comparison: str
    source: str


def empirical_prior(outcome: str, comparison: str, *, measure: str = CONTINUOUS) -> Empirical:
    """The published prior of heterogeneity for a kind of outcome and of comparison.

    Parameters
    ----------
    outcome, comparison : str
        As ``list_empirical_priors`` has them, such as "pain" and "pharmacological vs control".
    measure : {"standardised mean difference", "log odds ratio"}
        Scale of the estimates; a prior of one scale says nothing about another.

    Returns
    -------
    Empirical
        ``prior`` goes into ``bayes``, ``source`` into the report.

    Raises
    ------
    SynthesisError
        When no such prior was published; those that exist are listed.

    Examples
    --------
    >>> empirical_prior("all-cause mortality", "pharmacological vs control", measure="log odds ratio").prior
    LogNormal(mean=-3.95, sd=1.34, on='tau2')
    """
    for one in list_empirical_priors():
        if (one.measure, one.outcome, one.comparison) == (measure, outcome, comparison):
            return one
    known = [one for one in list_empirical_priors() if one.measure == measure]
    if not known:
        raise SynthesisError(f"Found measure {measure!r}; wanted {BINARY!r} or {CONTINUOUS!r}.")
    outcomes = ", ".join(dict.fromkeys(one.outcome for one in known))
    comparisons = ", ".join(dict.fromkeys(one.comparison for one in known))
    raise SynthesisError(
        f"Found outcome {outcome!r} and comparison {comparison!r}; wanted an outcome of {outcomes} and a "
        f"comparison of {comparisons}."
    )


def list_empirical_priors() -> list[Empirical]:
    """Every published prior."""
    found: list[Empirical] = []
    for outcome, row in BINARY_TABLE.items():
        found += [
            Empirical(LogNormal(mean, sd), BINARY, outcome, comparison, TURNER)
            for comparison, (mean, sd) in zip(BINARY_COMPARISONS, row, strict=True)
        ]
    for outcome, cells in CONTINUOUS_TABLE.items():
        found += [
            Empirical(LogT(*cell), CONTINUOUS, outcome, comparison, RHODES)
            for comparison, cell in zip(CONTINUOUS_COMPARISONS, cells, strict=True)
            if cell is not None
        ]
    return found
