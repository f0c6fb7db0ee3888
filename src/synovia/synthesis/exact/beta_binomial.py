"""Beta-binomial regression: proportions that vary between groups by a beta distribution."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.effects import Counts
from synovia.effects.binary import two_by_two
from synovia.effects.proportion import proportion
from synovia.kernel import Convergence, Inapplicable
from synovia.kernel.solution import NO_FACTOR, ChiSquared, Solution, make_root
from synovia.synthesis.exact.ascent import Layout, Optimum, maximise
from synovia.synthesis.exact.assemble import Shown, assemble, measure, show_studies, test
from synovia.synthesis.exact.counts import Studies, check_events, check_whole, read_studies
from synovia.synthesis.exact.family import Numbers, choose
from synovia.synthesis.exact.quadrature import Slopes, differentiate
from synovia.synthesis.exact.report import read_moderators, refuse_infinite
from synovia.synthesis.exact.settings import make_settings
from synovia.synthesis.fit import Fit
from synovia.synthesis.regression import Design, make_design

__all__ = ["BetaBinomial", "beta_binomial"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

STARTS = (0.1, 0.5)  # roots of the dispersion to climb from
GAIN = 1e-9  # log-likelihood that dispersion must gain to be told from 0
NO_TAU2 = Inapplicable("a beta-binomial model has a correlation within groups and no variance of the effect")


@dataclass(frozen=True, slots=True, eq=False)
class BetaBinomial:
    r"""Log-likelihood of groups with events y of n, as a function of the logit of the mean and of s.

    .. math:: \ln\binom{n}{y} + \sum_{r<y} \ln(\mu + r\phi) + \sum_{r<n-y} \ln(1 - \mu + r\phi)
       - \sum_{r<n} \ln(1 + r\phi), \quad \phi = s^2

    which is the binomial at s = 0. The correlation within a group is :math:`\rho = \phi/(1 + \phi)`.
    Griffiths (1973), Biometrics 29, 637-648.
    """

    y: Floats
    n: Floats

    def evaluate(self, arguments: Numbers) -> Numbers:
        """(groups,) log-likelihoods at the logit and s of each group."""
        eta, phi = arguments[:, 0], arguments[:, 1] ** 2
        small = np.exp(-np.where(eta.real > 0, eta, -eta))
        high, low = 1 / (1 + small), small / (1 + small)
        mean = np.where(eta.real > 0, high, low)
        rest = np.where(eta.real > 0, low, high)
        gained = _add_logs(self.y, mean, phi) + _add_logs(self.n - self.y, rest, phi)
        return np.asarray(choose(self.n, self.y) + gained - _add_logs(self.n, np.ones_like(mean), phi))

    def slopes(self, arguments: Floats) -> Slopes:
        """With first and second derivatives."""
        return differentiate(self.evaluate, arguments)


def _add_logs(counts: Floats, start: Numbers, phi: Numbers) -> Numbers:
    """(groups,) sums of log(start + r phi) for r from 0 below each count."""
    whole = counts.astype(np.intp)
    group: Integers = np.repeat(np.arange(whole.size), whole)
    r = np.arange(group.size) - np.repeat(np.cumsum(whole) - whole, whole)
    logs = np.log(start[group] + r * phi[group])
    total = np.bincount(group, weights=logs.real, minlength=whole.size)
    if not np.iscomplexobj(logs):
        return np.asarray(total)
    return np.asarray(total + 1j * np.bincount(group, weights=logs.imag, minlength=whole.size))


def beta_binomial(
    data: pd.DataFrame,
    formula: str = "~ 1",
    *,
    events: str = "events",
    n: str = "n",
    events_comparator: str | None = None,
    n_comparator: str | None = None,
    level: float = 0.95,
) -> Fit:
    r"""Pool proportions, or odds ratios of two groups, by beta-binomial regression.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    formula : str
        Moderators of the logit, or of the log odds ratio when there is a comparator.
    events, n : str
        Columns of events and participants of the group, or of the treatment group.
    events_comparator, n_comparator : str, optional
        Those of the comparator.
    level : float
        Confidence level.

    Returns
    -------
    Fit
        ``point.others`` holds the correlation within groups, and the comparator's logit where there is one.
        Studies without events count as they are; nothing is added or left out.

    Raises
    ------
    SynthesisError
        When a count cannot be used, named with its study, or there are no events at all.

    Notes
    -----
    .. math:: y_{ij} \sim \operatorname{BetaBin}(n_{ij}, \mu_{ij}, \rho), \quad
       \operatorname{logit}\mu_{ij} = \beta_0 + t_j x_i'\beta

    All groups, also the two of one study, are independent given the means: the study's own baseline is not in
    the model, which trades some bias under confounding by study for the use of studies without events. Kuss
    (2015), Statistics in Medicine 34, 1097-1116.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import beta_binomial
    >>> groups = pd.DataFrame({"events": [16, 10, 9, 0], "n": [17, 12, 15, 6]})
    >>> fit = beta_binomial(groups)
    >>> print(f"{fit.tidy().estimate[0]:.3f}, correlation {dict(fit.point.others)['correlation']:.3f}")
    0.228, correlation 0.415
    """
    pair = (events_comparator, n_comparator)
    columns = (events, n, *(name for name in pair if name is not None))
    return _fit(data, formula, columns, level)


def _fit(data: pd.DataFrame, formula: str, columns: tuple[str, ...], level: float) -> Fit:
    moderators = read_moderators(formula)
    studies = _read(data, columns, moderators.columns)
    design = make_design(moderators, studies.used)
    likelihood, layout = _arrange(studies.values, design.X)
    best, common = _climb(likelihood, layout)
    shown = _show(studies, design)
    solution, told = _solve(shown, best, common, first=len(columns) // 4)
    what = "log odds ratio" if len(columns) == 4 else "logit"
    settings = make_settings(
        f"beta-binomial model of the {what}, one correlation within groups",
        lambda rows: _fit(rows, formula, columns, level),
        formula=f"{'OR' if len(columns) == 4 else 'PLO'} ~ {moderators.moderators}",
        level=level,
    )
    everyone = np.ones(shown.rows.y.size, dtype=bool)
    heterogeneity = measure(shown, design.X @ solution.beta, None, everyone)
    return assemble(shown, solution, settings, heterogeneity, told)


def _read(data: pd.DataFrame, columns: tuple[str, ...], moderators: tuple[str, ...]) -> Studies:
    studies = read_studies(data, columns, moderators)
    check_whole(studies, range(len(columns)), columns, "a beta-binomial likelihood")
    for place in range(0, len(columns), 2):
        check_events(studies, place, place + 1, columns)
        y, n = studies.values[place].sum(), studies.values[place + 1].sum()
        refuse_infinite({columns[place]: float(y), f"participants without {columns[place]}": float(n - y)})
    return studies


def _arrange(values: Floats, X: Floats) -> tuple[BetaBinomial, Layout]:
    """Groups end to end, and their logits from the coefficients."""
    if values.shape[0] == 2:
        design = np.zeros((X.shape[0], 2, X.shape[1] + 1))
        design[:, 0, :-1] = X
    else:
        k, p = X.shape
        design = np.zeros((2 * k, 2, p + 2))
        design[:, 0, 0] = 1
        design[:k, 0, 1:-1] = X
    design[:, 1, -1] = 1
    y, n = values[0::2].reshape(-1), values[1::2].reshape(-1)
    return BetaBinomial(y, n), Layout(design)


def _climb(likelihood: BetaBinomial, layout: Layout) -> tuple[Optimum, Optimum]:
    """The maximum, and the binomial one."""
    none = np.zeros(likelihood.y.size)
    fixed = Layout(layout.design[:, :, :-1])
    common = maximise(likelihood, fixed, none, np.zeros(fixed.design.shape[2]))
    best = common
    for s in STARTS:
        found = maximise(likelihood, layout, none, np.concatenate([common.shared, [s]]))
        if found.value > best.value + GAIN:
            best = found
    return best, common


def _show(studies: Studies, design: Design) -> Shown:
    values = studies.values
    if values.shape[0] == 2:
        return show_studies(studies, proportion(Counts(values[0], values[1]), "PLO"), design)
    effect = two_by_two(Counts(values[0], values[1]), Counts(values[2], values[3]), "OR")
    return show_studies(studies, effect, design)


def _solve(shown: Shown, best: Optimum, common: Optimum, *, first: int) -> tuple[Solution, Convergence]:
    p = shown.design.X.shape[1]
    inverse = np.asarray(np.linalg.inv(best.information), dtype=np.float64)
    cov = inverse[first : first + p, first : first + p]
    beta = best.shared[first : first + p]
    residuals = shown.rows.y - shown.design.X @ beta
    interior = best is not common
    phi = float(best.shared[-1]) ** 2 if interior else 0.0
    ratio = test("Dispersion, likelihood ratio", 2 * (best.value - common.value), 1)
    halved = ChiSquared(f"{ratio.name} (half of chi-squared)", ratio.statistic, 1, ratio.p_value / 2)
    others = [("correlation", phi / (1 + phi))] + [("comparator logit", float(best.shared[0]))] * first
    none = np.full(shown.rows.y.size, np.nan)
    solution = Solution(
        psi=np.empty(0),
        log_ml=best.value,
        log_reml=np.nan,
        beta=beta,
        cov=cov,
        root=make_root(cov),
        rss=float((residuals**2 / shown.rows.V.diagonal).sum()),
        residuals=residuals,
        factor=NO_FACTOR,
        shares=none,
        leverage=none,
        tau2=NO_TAU2,
        tests=(halved,),
        others=tuple(others),
    )
    said = (
        "maximum inside"
        if interior
        else "maximum at correlation 0: the counts vary no more than binomial ones"
    )
    told = Convergence(
        best.steps, best.score, at_boundary=not interior, converged=best.converged, message=said
    )
    return solution, told
