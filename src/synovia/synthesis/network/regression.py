"""Network meta-regression: effects of treatments that change with what trials are like."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import CollinearModerators, SynthesisError, TooFewStudies
from synovia.kernel import Correlated, Problem, Term, Uncorrelated, find_dependent_columns, quantile
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.mixed import solve_mixed
from synovia.synthesis.regression import Design, make_design, read_formula, read_new_rows
from synovia.synthesis.rows import find_missing, require_columns

__all__ = ["Interaction", "Moderated", "moderate"]

Floats = NDArray[np.float64]
Interaction = Literal["common", "treatment", "exchangeable"]
INTERACTIONS = ("common", "treatment", "exchangeable")


@dataclass(frozen=True, slots=True, eq=False)
class Moderated:
    r"""A network whose effects change with moderators of the trials.

    Attributes
    ----------
    problem : Problem
        The columns of the treatments, then those of the moderators.
    columns : tuple of str
        Names of all columns.
    moderators : Design
        The moderators of the comparisons, without an intercept column of their own.
    centre : ndarray of shape (q,)
        Mean of the moderators over the trials; effects of treatments hold there.
    slopes : ndarray of shape (q, T - 1, p)
        What turns the coefficients into the slopes of every treatment against the reference.
    Z : ndarray of shape (n, r)
        Deviations of the treatments' slopes in each comparison, moderator after moderator; none unless slopes
        are exchangeable.

    Notes
    -----
    .. math:: y_{i,bk} = d_k - d_b + (x_i - \bar x)'(\beta_k - \beta_b) + u_{i,bk} + e_{i,bk}, \quad
        \beta_{ref} = 0

    With a common interaction all :math:`\beta_k` but the reference's are one: moderators then change every
    treatment against the reference alike, and nothing else, so that another reference is another model.
    Exchangeable slopes are :math:`\beta_k \sim N(B, \tau^2_\beta)`, between the common one and those of their
    own. Cooper, Sutton, Morris, Ades & Welton (2009), Statistics in Medicine 28, 1861-1881; Dias, Sutton,
    Welton & Ades (2013), Medical Decision Making 33, 618-640.
    """

    problem: Problem
    columns: tuple[str, ...]
    moderators: Design
    centre: Floats
    slopes: Floats
    Z: Floats

    def find_contrasts(self, at: Mapping[str, object] | None) -> Floats:
        """(T - 1, p) what turns the coefficients into effects at given moderators; at their mean without."""
        T = self.slopes.shape[1]
        base = np.eye(T, self.problem.p)
        return np.asarray(base + np.einsum("q,qtp->tp", self._move(at), self.slopes))

    def _move(self, at: Mapping[str, object] | None) -> Floats:
        """(q,) how far moderators are from their means."""
        if at is None:
            return np.zeros_like(self.centre)
        return np.asarray(read_new_rows(self.moderators, pd.DataFrame([dict(at)]))[0, 1:] - self.centre)

    def read(self, fit: Fit, at: Mapping[str, object] | None) -> tuple[Floats, Floats]:
        """(T - 1,) effects at given moderators, and their covariance."""
        L, size = self.find_contrasts(at), self.slopes.shape[1]
        more = [value * np.eye(size) for value in self._move(at).tolist()] if self.Z.size else []
        return self._combine(fit, np.hstack([L, *more]))

    def list_slopes(self, fit: Fit) -> pd.DataFrame:
        """moderator, treatment, estimate, std_error, lower, upper, level: slopes against the reference."""
        q, size, _ = self.slopes.shape
        own = np.eye(q * size).reshape(q, size, -1) if self.Z.size else np.zeros((q, size, 0))
        rows = np.concatenate([self.slopes, own], axis=2).reshape(q * size, -1)
        estimate, cov = self._combine(fit, rows)
        error = np.sqrt(np.diag(cov))
        half = quantile(fit.settings.level, fit.inference.df) * error
        return pd.DataFrame(
            {
                "moderator": np.repeat(np.array(self.moderators.columns[1:], dtype=object), size),
                "treatment": list(self.columns[:size]) * q,
                "estimate": estimate,
                "std_error": error,
                "lower": estimate - half,
                "upper": estimate + half,
                "level": fit.settings.level,
            }
        )

    def _combine(self, fit: Fit, rows: Floats) -> tuple[Floats, Floats]:
        """Combinations of the coefficients, and of the deviations behind them, with their covariance."""
        if not self.Z.size:
            return rows @ fit.point.beta, rows @ fit.inference.cov @ rows.T
        q, size, _ = self.slopes.shape
        psi = fit.point.psi
        plain = self.problem.replace_terms(self.problem.terms[:-q])
        effects, cov = solve_mixed(plain, psi[:-q], self.Z, np.repeat(psi[-q:], size))
        return rows @ effects, rows @ cov @ rows.T * fit.inference.factor


def moderate(design: NetworkDesign, formula: str, interaction: Interaction) -> Moderated:
    """The problem of a network with moderators.

    Parameters
    ----------
    design : NetworkDesign
        Connected comparisons.
    formula : str
        ``~ moderators``, columns of the table that the network was read from, the same for all arms of a
        trial.
    interaction : {"common", "treatment", "exchangeable"}
        One slope for all treatments against the reference, one for each, or those of each around one.

    Raises
    ------
    SynthesisError
        When a moderator is missing, or differs between the comparisons of a trial.
    CollinearModerators
        When a slope cannot be told apart; it is named.
    """
    if interaction not in INTERACTIONS:
        raise SynthesisError(
            f"Found interaction {interaction!r}; wanted 'common' or 'treatment', or 'exchangeable'."
        )
    if not formula.strip().startswith("~"):
        raise SynthesisError(f"Found formula {formula!r}; wanted '~ moderators', such as '~ year'.")
    moderators = _read_moderators(design, formula)
    x = moderators.X[:, 1:]
    starts = np.unique(design.study, return_index=True)[1]
    centre = x[starts].mean(axis=0)
    treated = design.problem.X
    base = treated if interaction == "treatment" else treated.sum(axis=1, keepdims=True)
    more = np.hstack([(x[:, [m]] - centre[m]) * base for m in range(x.shape[1])])
    names = _name_columns(design, moderators.columns[1:], interaction)
    X = np.hstack([treated, more])
    _require_told_apart(X, names)
    Z, terms = _let_slopes_vary((x - centre) if interaction == "exchangeable" else x[:, :0], treated)
    problem = Problem(design.problem.y, X, design.problem.V, (*design.problem.terms, *terms))
    slopes = _find_slopes(treated.shape[1], x.shape[1], interaction)
    return Moderated(problem, names, moderators, centre, slopes, Z)


def _let_slopes_vary(x: Floats, treated: Floats) -> tuple[Floats, tuple[Term, ...]]:
    """Deviations of every treatment's slope, with a variance for each moderator."""
    parts = [column[:, None] * treated for column in x.T]
    if not parts:
        return np.zeros((len(x), 0)), ()
    size = treated.shape[1]
    if size < 2:
        raise SynthesisError(
            "Slopes of one treatment against the reference cannot vary around their mean; use "
            "interaction='common'."
        )
    structure = Correlated(Uncorrelated(size))
    return np.hstack(parts), tuple(Term(np.zeros(len(x)), structure, part) for part in parts)


def _read_moderators(design: NetworkDesign, formula: str) -> Design:
    parts, source = read_formula(f"estimate {formula}"), design.contrasts.source
    require_columns(source, parts.columns)
    if not parts.columns:
        raise SynthesisError(f"Found formula {formula!r}, which names no moderator.")
    for name in parts.columns:
        empty = find_missing(source[name])
        if empty.any():
            study = design.studies[int(design.study[int(np.argmax(empty))])]
            raise SynthesisError(f"{study} has no {name}; fill it in, or leave the trial out.")
        several = source[name].groupby(design.study).nunique() > 1
        if several.any():
            study = design.studies[int(several.index[several][0])]
            raise SynthesisError(
                f"{name} differs between the comparisons of {study}; a moderator of a network "
                "describes the trial. Doses of a treatment are treatments of their own, or need a "
                "dose-response model."
            )
    made = make_design(parts, source)
    if made.columns[0] != "Intercept":
        raise SynthesisError(
            f"Found formula {formula!r}; leave the intercept in, it stands for the treatments."
        )
    return made


def _name_columns(
    design: NetworkDesign, moderators: tuple[str, ...], interaction: Interaction
) -> tuple[str, ...]:
    own = design.treatments[1:]
    if interaction != "treatment":
        return (*own, *moderators)
    return (*own, *(f"{moderator}:{name}" for moderator in moderators for name in own))


def _require_told_apart(X: Floats, names: tuple[str, ...]) -> None:
    if X.shape[0] <= X.shape[1]:
        raise TooFewStudies(
            f"Found {X.shape[0]} comparisons for {X.shape[1]} coefficients ({', '.join(names)}); "
            "wanted more. Use interaction='common', or fewer moderators."
        )
    dependent = find_dependent_columns(X)
    if dependent:
        said = ", ".join(names[column] for column in dependent)
        raise CollinearModerators(
            f"The slopes {said} cannot be told apart from the others: too few trials of those treatments "
            "differ in the moderator. Use interaction='common', or leave the moderator out."
        )


def _find_slopes(treatments: int, moderators: int, interaction: Interaction) -> Floats:
    own = treatments if interaction == "treatment" else 1
    slopes = np.zeros((moderators, treatments, treatments + moderators * own))
    for m in range(moderators):
        for k in range(treatments):
            slopes[m, k, treatments + m * own + (k if own > 1 else 0)] = 1.0
    return slopes
