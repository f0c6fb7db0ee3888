"""Back-transformations: every transf function."""

from collections.abc import Callable

import numpy as np

from parity.grid import Case
from synovia.effects import (
    average_back,
    back_transform_freeman_tukey,
    biserial_from_point_biserial,
    d_to_correlation,
    d_to_log_odds,
    describe_d,
    double_arcsine,
    double_root,
    log_odds_to_d,
    log_odds_to_risk,
    log_odds_to_tetrachoric,
    mode_of_ratio,
    r_to_d,
    transform,
)
from synovia.effects.transform import Transformation
from synovia.effects.translate import Reading

RTOL, ATOL = 1e-9, 1e-15  # closed forms; quadrature of smooth functions on either side
Map = Callable[[np.ndarray], np.ndarray]


def plain(kind: Transformation) -> Map:
    return lambda x: transform(x, kind)


def said(reading: Reading) -> Map:
    return lambda x: describe_d(x, reading)


MAPS: dict[str, Map] = {
    "ztor": plain("z to r"),
    "rtoz": plain("r to z"),
    "logit": plain("logit"),
    "ilogit": plain("inverse logit"),
    "probit": plain("probit"),
    "iprobit": plain("inverse probit"),
    "arcsin": plain("arcsine"),
    "iarcsin": plain("inverse arcsine"),
    "isqrt": plain("square"),
    "abt": plain("alpha to ABT"),
    "iabt": plain("ABT to alpha"),
    "ahw": plain("alpha to AHW"),
    "iahw": plain("AHW to alpha"),
    "exp.int": lambda x: average_back(x, 0.3, "exp"),
    "exp.mode": lambda x: mode_of_ratio(x, 0.3),
    "ztor.int": lambda x: average_back(x, 0.1, "z to r"),
    "ilogit.int": lambda x: average_back(x, 0.4, "inverse logit"),
    "lnortod.norm": lambda x: log_odds_to_d(x, "normal"),
    "lnortod.logis": log_odds_to_d,
    "dtolnor.norm": lambda x: d_to_log_odds(x, "normal"),
    "dtolnor.logis": d_to_log_odds,
    "lnortorr": lambda x: log_odds_to_risk(x, 0.3, "RR"),
    "lnortord": lambda x: log_odds_to_risk(x, 0.3),
    "lnortortet.pearson": log_odds_to_tetrachoric,
    "lnortortet.digby": lambda x: log_odds_to_tetrachoric(x, "Digby"),
    "dtou1": said("U1"),
    "dtou2": said("U2"),
    "dtou3": said("U3"),
    "dtocles": said("superiority"),
    "dtocliffd": said("Cliff's delta"),
    "dtobesd": said("success rate"),
    "dtoovl": said("overlap"),
    "dtomd": lambda x: 4.2 * x,
    "dtorpb": lambda x: d_to_correlation(x, np.full(7, 20.0), np.full(7, 30.0)),
    "dtorbis": lambda x: d_to_correlation(x, np.full(7, 20.0), np.full(7, 30.0), biserial=True),
    "rtod": lambda x: r_to_d(x, biserial=True),
    "rpbtod": r_to_d,
    "rpbtorbis": biserial_from_point_biserial,
}
P = np.array([0.01, 0.1, 0.3, 0.5, 0.7, 0.95])
SIZES = np.array([10.0, 30, 50, 100, 200, 400])


def check(case: Case) -> None:
    name = case.id.removeprefix("transf.").rsplit("_", 1)[0]
    if name in MAPS:
        ours = MAPS[name](numbers(case, "x"))
    elif name == "pft":
        ours = double_arcsine(numbers(case, "xi"), SIZES)
    elif name == "irft":
        ours = double_root(double_root(P, SIZES), SIZES)
    elif name == "ipft.hm":
        ours = back_transform_freeman_tukey(numbers(case, "yi"), SIZES)
    else:
        pairs = zip(numbers(case, "yi"), SIZES, strict=True)
        ours = np.array([float(back_transform_freeman_tukey(y, np.array([n]))) for y, n in pairs])
    np.testing.assert_allclose(ours, numbers(case, "y"), rtol=RTOL, atol=ATOL)


def numbers(case: Case, name: str) -> np.ndarray:
    return np.array([np.nan if x is None else float(x) for x in case.results[name]])
