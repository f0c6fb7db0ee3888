"""From contrasts of doses to a synthesis of the kernel, in one stage or in two."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import CollinearModerators, SynthesisError, TooFewStudies
from synovia.kernel import (
    Blocks,
    Choice,
    Convergence,
    Correlated,
    Problem,
    Structure,
    Term,
    Uncorrelated,
    Unstructured,
    measure_heterogeneity,
    ml,
    point,
    profile_q,
    reml,
)
from synovia.synthesis.choosing import infer
from synovia.synthesis.dose.design import DoseDesign
from synovia.synthesis.dose.emax import Curve, Emax, Step, find_curve
from synovia.synthesis.dose.moderation import PLAIN, Moderation
from synovia.synthesis.dose.moments import match_moments
from synovia.synthesis.dose.settings import DoseSettings
from synovia.synthesis.fit import Fit
from synovia.synthesis.names import Names
from synovia.synthesis.regression import Design
from synovia.synthesis.remarks import remark
from synovia.synthesis.rows import Rows
from synovia.synthesis.summary import count

__all__ = ["Posed", "fit_studies", "pose_one_stage", "pose_two_stages", "synthesise"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Posed:
    """A dose-response problem.

    Attributes
    ----------
    problem : Problem
        In the unit of the dose.
    frame : DataFrame
        One row per row of the problem.
    """

    problem: Problem
    frame: pd.DataFrame


def _make_structure(q: int, settings: DoseSettings) -> Structure:
    if q > 1 and getattr(settings.random, "structure", "UN") == "UN":
        return Unstructured(q)
    return Correlated(Uncorrelated(q), separate=True)


def pose_one_stage(design: DoseDesign, X: Floats, y: Floats, settings: DoseSettings, Z: Floats) -> Posed:
    """All contrasts of all studies at once; some coefficients vary between studies.

    Parameters
    ----------
    design : DoseDesign
        Studies and their covariance.
    X : ndarray of shape (n, p)
        Design of the mean: the curve, and the curve by each moderator.
    y : ndarray of shape (n,)
        Contrasts, or what linearisation made of them.
    settings : DoseSettings
        Structure of the random effects.
    Z : ndarray of shape (n, m)
        Columns whose coefficients vary between studies.
    """
    if not X.any(axis=0).all():
        raise CollinearModerators("A column of the curve is 0 at every dose; use a simpler curve.")
    problem = Problem(y, X, design.V)
    if settings.random is None:
        return Posed(problem, design.frame)
    structure = _make_structure(Z.shape[1], settings)
    return Posed(problem.replace_terms((Term(design.study, structure, Z),)), design.frame)


def fit_studies(design: DoseDesign, X: Floats) -> tuple[Floats, Floats]:
    """Coefficients of each study by generalised least squares, and their covariances.

    Returns
    -------
    ndarray of shape (k, q), ndarray of shape (k, q, q)

    Raises
    ------
    SynthesisError
        When a study has too few doses for the curve; it is named.
    """
    estimates, covariances = [], []
    for number, study in enumerate(design.studies):
        rows = np.flatnonzero(design.study == number)
        if rows.size < X.shape[1] or np.linalg.matrix_rank(X[rows] / np.abs(X).max(axis=0)) < X.shape[1]:
            raise TooFewStudies(
                f"Study {study} has {count(rows.size, 'dose')} besides its reference, too few or too alike "
                f"for {X.shape[1]} coefficients of its own; use stage=1, which borrows from other studies."
            )
        at = point(Problem(design.y[rows], X[rows], design.V.restrict(rows)))
        estimates.append(at.beta)
        covariances.append(at.cov)
    return np.array(estimates), np.array(covariances)


def pose_two_stages(
    design: DoseDesign,
    X: Floats,
    settings: DoseSettings,
    names: Sequence[str],
    moderation: Moderation = PLAIN,
) -> tuple[Posed, Floats, Floats]:
    """The curves of studies as estimates of one average curve.

    Parameters
    ----------
    design : DoseDesign
        Studies and their covariance.
    X : ndarray of shape (n, q)
        Design of the curve.
    settings : DoseSettings
        Structure of the random effects.
    names : sequence of str
        Names of the coefficients of the curve.
    moderation : Moderation
        Moderators of the studies.

    Returns
    -------
    Posed, ndarray of shape (k, q), ndarray of shape (k, q, q)
        The problem, and the coefficients of the studies with their covariances.
    """
    b, S = fit_studies(design, X)
    k, q = b.shape
    structure, groups = _make_structure(q, settings), np.repeat(np.arange(k), q)
    codes, index = np.tile(np.arange(q), k), [np.arange(q) + q * i for i in range(k)]
    terms = () if settings.random is None else (Term(groups, structure, codes),)
    stacked = np.tile(np.eye(q), (k, 1)) if moderation.empty else np.vstack(list(moderation.turn_all(q)))
    problem = Problem(b.ravel(), stacked, Blocks(list(S), index), terms)
    frame = pd.DataFrame(
        {
            "study_id": np.repeat(np.array(design.studies, dtype=object), q),
            "coefficient": np.tile(np.array(names, dtype=object), k),
            "estimate": b.ravel(),
            "std_error": np.sqrt(problem.V.diagonal),
        }
    )
    return Posed(problem, frame), b, S


def choose(posed: Posed, method: str, studies: tuple[Floats, Floats] | None = None) -> Choice:
    """Psi by a method.

    Parameters
    ----------
    posed : Posed
        The problem.
    method : {"REML", "ML", "MM", "fixed"}
        How.
    studies : tuple of ndarray, optional
        Coefficients and covariances of the studies, for "MM".
    """
    if not posed.problem.terms:
        told = Convergence(0, 0.0, at_boundary=False, converged=True, message="closed form, nothing to find")
        return Choice(np.empty(0), point(posed.problem), told)
    if method == "MM" and studies is not None:
        found = match_moments(*studies)
        G = found.covariance
        psi = Unstructured(len(G)).read(G)[: posed.problem.parameters]
        edge = float(np.linalg.eigvalsh(found.equated)[0]) < 0
        said = "closed form, negative eigenvalue set to 0" if edge else "closed form"
        told = Convergence(0, 0.0, at_boundary=edge, converged=True, message=said)
        return Choice(psi, point(posed.problem, psi), told)
    return (ml if method == "ML" else reml)(posed.problem)


def fit_emax(design: DoseDesign, basis: Emax, settings: DoseSettings) -> tuple[Posed, Choice, Curve]:
    """The Emax curve: one-stage problems around it until it rests. Its height varies between studies."""
    posed: list[Posed] = []
    choices: list[Choice] = []

    def linearise(beta: Floats) -> Step:
        X = design.contrasts(basis, beta)
        made = pose_one_stage(
            design, X, design.y - design.heights(basis, beta) + X @ beta, settings, X[:, :1]
        )
        choice = choose(made, str(settings.tau2))
        posed.append(made)
        choices.append(choice)

        def judge(tried: Floats) -> float:
            half = choice.point.factor.half_solve((design.y - design.heights(basis, tried))[:, None])
            return float((half**2).sum())

        return Step(choice.point.beta, judge)

    def contrast(half: float) -> tuple[float, float]:
        X = design.contrasts(basis, np.array([1.0, np.log(half)]))[:, :1]
        at = point(Problem(design.y, X, design.V))
        return float(at.beta[0]), at.rss

    curve = find_curve(linearise, contrast, design.doses)
    return posed[-1], choices[-1], curve


def synthesise(
    design: DoseDesign,
    posed: Posed,
    choice: Choice,
    settings: DoseSettings,
    names: Sequence[str],
    *,
    curve: Sequence[str] | None = None,
) -> Fit:
    """The result shape of every synthesis.

    Parameters
    ----------
    design : DoseDesign
        What was read.
    posed : Posed
        What was fitted.
    choice : Choice
        Its psi.
    settings : DoseSettings
        What was asked.
    names : sequence of str
        Names of the coefficients.
    curve : sequence of str, optional
        Names of the coefficients that vary between studies, where those of moderators come between them.
    """
    problem, coefficients = posed.problem, tuple(names)
    clusters = np.unique(posed.frame["study_id"], return_inverse=True)[1] if settings.cluster else None
    inference = infer(problem, choice.point, settings, clusters)
    variances = _name_variances(problem, coefficients if curve is None else tuple(curve))
    frame = posed.frame
    second = frame["coefficient"] if "coefficient" in frame.columns else frame["dose"].map("{:g}".format)
    labels = tuple(frame["study_id"].astype(str) + ": " + second.astype(str))
    rows = Rows(frame, np.ones(len(frame), dtype=bool), labels, problem.y, problem.V, design.warnings)
    measured = measure_heterogeneity(problem, choice.point, level=settings.level)
    single = len(design.studies) == 1
    alone = ("There is a single study: nothing was pooled, the curve is the study's own.",) if single else ()
    return Fit(
        problem=problem,
        names=Names(coefficients, labels, variances),
        settings=settings,
        point=choice.point,
        convergence=choice.convergence,
        inference=inference,
        heterogeneity=replace(measured, limits=partial(profile_q, problem, level=settings.level)),
        design=Design(problem.X, coefficients),
        rows=rows,
        status="single study" if single else "pooled",
        warnings=(*design.warnings, *alone, *remark(rows, settings, (choice, inference), variances)),
    )


def _name_variances(problem: Problem, names: tuple[str, ...]) -> tuple[str, ...]:
    if not problem.terms:
        return ()
    term = problem.terms[0]
    if not isinstance(term, Term):
        raise SynthesisError("A dose-response model has random coefficients only.")
    q = term.structure.size
    pairs = zip(*np.triu_indices(q, 1), strict=True)
    rho = [f"rho[{names[i]}, {names[j]}]" for i, j in pairs] if term.parameters > q else []
    return (*(f"tau2[{name}]" for name in names[:q]), *rho)
