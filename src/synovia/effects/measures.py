"""The table of measures: name, what it is in words, and the ways to it."""

from dataclasses import dataclass

import pandas as pd

from synovia.effects import routes as by
from synovia.effects.route import Route
from synovia.errors import Fault, InputError

__all__ = ["MEASURE_TABLE", "Measure", "find_measure", "list_measures"]


@dataclass(frozen=True, slots=True)
class Measure:
    """An effect measure.

    Attributes
    ----------
    name : str
        Abbreviation, as in metafor where it has one.
    words : str
        What it is.
    compares : str
        Two groups, one group, one group twice, association, reliability, or any.
    routes : tuple of Route
        Ways to it, in order of preference; a row takes the first that gives an estimate.
    """

    name: str
    words: str
    compares: str
    routes: tuple[Route, ...]

    @property
    def variances(self) -> tuple[str, ...]:
        """Kinds of sampling variance, the default first; empty when there is one."""
        return next((route.variances for route in self.routes if route.variances), ())

    @property
    def inputs(self) -> list[str]:
        """The inputs of each way, with the number of columns of those that have several."""
        return [
            ", ".join(name if size == 1 else f"{name} ({size})" for name, size in route.needs.items())
            for route in self.routes
        ]


_TWO, _ONE, _TWICE, _BOTH = "two groups", "one group", "one group twice", "association"
_PRINTABLE = by.PRINTED
_CHANGES = ("MC", "SMCC", "SMCR", "SMCRH", "SMCRP", "SMCRPH", "ROMC")
_ROWS: list[tuple[str, str, str, tuple[Route, ...]]] = [
    ("OR", "log odds ratio", _TWO, (*by.TABLES, *_PRINTABLE)),
    ("RR", "log risk ratio", _TWO, (*by.TABLES, *_PRINTABLE)),
    ("RD", "risk difference", _TWO, (*by.TABLES, *_PRINTABLE)),
    ("PETO", "log odds ratio by Peto's method", _TWO, (*by.TABLES, *_PRINTABLE)),
    ("AS", "difference of arcsine square root risks", _TWO, by.TABLES),
    ("MD", "mean difference", _TWO, (*by.MD, *_PRINTABLE)),
    ("SMD", "standardised mean difference, pooled SD", _TWO, (*by.SMD, *_PRINTABLE)),
    ("SMDH", "standardised mean difference, root mean square SD", _TWO, by.SMDH),
    ("SMD1", "standardised mean difference, comparator's SD", _TWO, by.SMD1),
    ("SMD1H", "standardised mean difference, comparator's SD, unequal variances", _TWO, by.SMDH),
    ("ROM", "log ratio of means", _TWO, (*by.ROM, *_PRINTABLE)),
    ("VR", "log ratio of SDs", _TWO, by.VR),
    ("CVR", "log ratio of coefficients of variation", _TWO, by.CVR),
    ("CLESN", "probability of superiority, normal groups", _TWO, by.SUPERIORITY),
    ("AUCN", "area under the curve, normal groups", _TWO, by.SUPERIORITY),
    ("D2OR", "log odds ratio from a standardised difference, logistic", _TWO, by.VIA_D),
    ("D2ORL", "log odds ratio from a standardised difference, logistic", _TWO, by.VIA_D),
    ("D2ORN", "log odds ratio from a standardised difference, normal", _TWO, by.VIA_D),
    ("OR2D", "standardised difference from the odds ratio, logistic", _TWO, by.ODDS_TO_D),
    ("OR2DL", "standardised difference from the odds ratio, logistic", _TWO, by.ODDS_TO_D),
    ("OR2DN", "standardised difference from the odds ratio, normal", _TWO, by.ODDS_TO_D),
    ("PBIT", "difference of probits", _TWO, by.ODDS_TO_D),
    ("IRR", "log incidence rate ratio", _TWO, (*by.RATES, *_PRINTABLE)),
    ("IRD", "incidence rate difference", _TWO, (*by.RATES, *_PRINTABLE)),
    ("IRSD", "difference of square root incidence rates", _TWO, by.RATES),
    ("HR", "log hazard ratio", _TWO, (*_PRINTABLE, *by.LOGRANK)),
    *((f"PPC_{name}", f"difference of two changes, {name}", _TWO, by.PPC) for name in _CHANGES),
    ("PPC2", "difference of two changes, pooled SD before", _TWO, by.PPC),
    ("MN", "mean", _ONE, (*by.GROUP, *_PRINTABLE)),
    ("SMN", "mean in units of the SD", _ONE, by.GROUP),
    ("MNLN", "log mean", _ONE, by.GROUP),
    ("SDLN", "log SD", _ONE, by.GROUP_SD),
    ("CVLN", "log coefficient of variation", _ONE, by.GROUP_SPREAD),
    ("PR", "proportion", _ONE, by.RAW_PROPORTION),
    ("PLN", "log proportion", _ONE, by.PROPORTION),
    ("PLO", "logit of the proportion", _ONE, by.PROPORTION),
    ("PRZ", "probit of the proportion", _ONE, by.PROPORTION),
    ("PAS", "arcsine square root of the proportion", _ONE, by.PROPORTION),
    ("PFT", "double arcsine of the proportion", _ONE, by.PROPORTION),
    ("IR", "incidence rate", _ONE, by.RATE),
    ("IRLN", "log incidence rate", _ONE, by.RATE),
    ("IRS", "square root of the incidence rate", _ONE, by.RATE),
    ("IRFT", "Freeman-Tukey incidence rate", _ONE, by.RATE),
    ("REH", "log relative excess heterozygosity", _ONE, by.GENOTYPES),
    ("MC", "mean change", _TWICE, (*by.MC, *_PRINTABLE)),
    ("SMCC", "standardised mean change, SD of the change", _TWICE, by.SMCC),
    ("SMCR", "standardised mean change, SD of one occasion", _TWICE, by.CHANGE),
    ("SMCRH", "the same, unequal variances", _TWICE, by.CHANGE),
    ("SMCRP", "standardised mean change, root mean square SD", _TWICE, by.CHANGE),
    ("SMCRPH", "the same, unequal variances", _TWICE, by.CHANGE),
    ("ROMC", "log ratio of means, after to before", _TWICE, by.CHANGE),
    ("VRC", "log ratio of SDs, after to before", _TWICE, by.VRC),
    ("CVRC", "log ratio of coefficients of variation, after to before", _TWICE, by.CVRC),
    ("CLESCN", "probability of superiority, after to before", _TWICE, by.CHANGE),
    ("AUCCN", "area under the curve, after to before", _TWICE, by.CHANGE),
    ("MPRD", "marginal risk difference of pairs", _TWICE, by.MATCHED),
    ("MPRR", "marginal log risk ratio of pairs", _TWICE, by.MATCHED),
    ("MPOR", "marginal log odds ratio of pairs", _TWICE, by.MATCHED),
    ("MPORC", "conditional log odds ratio of pairs", _TWICE, by.MATCHED),
    ("MPPETO", "conditional log odds ratio of pairs, Peto", _TWICE, by.MATCHED),
    ("MPORM", "marginal log odds ratio from the margins", _TWICE, by.MARGINS),
    ("COR", "correlation", _BOTH, by.COR),
    ("UCOR", "correlation without bias", _BOTH, by.COR),
    ("ZCOR", "Fisher's z of the correlation", _BOTH, by.ZCOR),
    ("PCOR", "partial correlation", _BOTH, by.PARTIAL),
    ("ZPCOR", "Fisher's z of the partial correlation", _BOTH, by.PARTIAL),
    ("SPCOR", "semi-partial correlation", _BOTH, by.SEMIPARTIAL),
    ("ZSPCOR", "Fisher's z of the semi-partial correlation", _BOTH, by.SEMIPARTIAL),
    ("R2", "R squared", _BOTH, by.R2),
    ("ZR2", "atanh of the root of R squared", _BOTH, by.R2),
    ("PHI", "phi", _BOTH, by.PHI),
    ("ZPHI", "Fisher's z of phi", _BOTH, by.PHI),
    ("YUQ", "Yule's Q", _BOTH, by.ASSOCIATED),
    ("YUY", "Yule's Y", _BOTH, by.ASSOCIATED),
    ("RTET", "tetrachoric correlation", _BOTH, by.ASSOCIATED),
    ("ZTET", "Fisher's z of the tetrachoric correlation", _BOTH, by.ASSOCIATED),
    ("RPB", "point-biserial correlation", _BOTH, by.POINT_BISERIAL),
    ("ZPB", "Fisher's z of the point-biserial correlation", _BOTH, by.POINT_BISERIAL),
    ("RBIS", "biserial correlation", _BOTH, by.VIA_D),
    ("ZBIS", "Fisher's z of the biserial correlation", _BOTH, by.VIA_D),
    ("ARAW", "Cronbach's alpha", "reliability", by.ALPHA),
    ("AHW", "Cronbach's alpha, cube root", "reliability", by.ALPHA),
    ("ABT", "Cronbach's alpha, logarithm", "reliability", by.ALPHA),
    ("GEN", "as given", "any", (*by.GIVEN, *_PRINTABLE)),
]
MEASURE_TABLE: dict[str, Measure] = {row[0]: Measure(*row) for row in _ROWS}


def find_measure(name: str) -> Measure:
    """The measure of that name.

    Raises
    ------
    InputError
        When there is none, listing those that exist.

    Examples
    --------
    >>> find_measure("SMD").variances
    ('LS', 'LS2', 'UB', 'AV')
    """
    if name not in MEASURE_TABLE:
        raise InputError([Fault(f"measure {name!r}", f"one of {', '.join(MEASURE_TABLE)}")])
    return MEASURE_TABLE[name]


def list_measures() -> pd.DataFrame:
    """Every measure: name, words, compares, inputs (ways separated by "; or "), variances.

    Examples
    --------
    >>> list_measures().set_index("name").loc["ABT", "inputs"]
    'alpha, items, n'
    """
    rows = [
        (m.name, m.words, m.compares, "; or ".join(m.inputs), ", ".join(m.variances))
        for m in MEASURE_TABLE.values()
    ]
    return pd.DataFrame(rows, columns=["name", "words", "compares", "inputs", "variances"])
