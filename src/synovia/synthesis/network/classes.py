"""Treatments nested in classes: every product informs its class, and the class informs every product."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import CollinearModerators, SynthesisError
from synovia.kernel import Correlated, Point, Problem, Term, Uncorrelated, find_dependent_columns
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.mixed import solve_mixed

__all__ = ["Classed", "classify"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Classed:
    r"""A network whose treatments vary around the effect of their class.

    Attributes
    ----------
    problem : Problem
        A column per class but the reference's; the last random term is that of the treatments.
    classes : tuple of str
        Names of the columns.
    fixed : ndarray of shape (T - 1, p)
        Class of each treatment.
    loadings : ndarray of shape (T - 1, q)
        Deviation of each treatment; treatments alone in their class have none.
    Z : ndarray of shape (n, q)
        Deviations in each comparison.

    Notes
    -----
    .. math:: d_k = D_{c(k)} + v_k, \quad v_k \sim N(0, \tau^2_{class})

    with one variance for all classes. Dias, Ades, Welton, Jansen & Sutton (2018), Network Meta-Analysis for
    Decision Making, chapter 8; Owen, Tincello & Abrams (2015), Value in Health 18, 116-125.
    """

    problem: Problem
    classes: tuple[str, ...]
    fixed: Floats
    loadings: Floats
    Z: Floats

    def predict(self, at: Point) -> tuple[Floats, Floats]:
        """(T - 1,) effects of the treatments and (T - 1, T - 1) the covariance of their errors."""
        q = self.loadings.shape[1]
        plain = self.problem.replace_terms(self.problem.terms[:-1])
        effects, cov = solve_mixed(plain, at.psi[:-1], self.Z, np.full(q, float(at.psi[-1])))
        A = np.hstack([self.fixed, self.loadings])
        return A @ effects, A @ cov @ A.T


def classify(design: NetworkDesign, classes: Mapping[str, str]) -> Classed:
    """The problem of a network with classes.

    Parameters
    ----------
    design : NetworkDesign
        Connected comparisons.
    classes : mapping of str to str
        Class of a treatment; treatments it does not name are a class of their own.

    Raises
    ------
    SynthesisError
        When it names treatments that the network does not have, or no class has two treatments.
    """
    unknown = [name for name in classes if name not in design.treatments]
    if unknown:
        raise SynthesisError(
            f"Found a class for {unknown[0]!r}; the network has {', '.join(design.contrasts.treatments)}."
        )
    own = [str(classes.get(name, name)) for name in design.treatments]
    _check_names(design.treatments, own, classes)
    columns = tuple(dict.fromkeys(name for name in own[1:] if name != own[0]))
    fixed = np.array([[float(name == column) for column in columns] for name in own[1:]])
    shared = [k for k, name in enumerate(own) if k > 0 and own.count(name) > 1]
    if not shared:
        raise SynthesisError(
            "No class has two treatments; wanted classes={treatment: class} that joins some."
        )
    loadings = np.eye(len(own) - 1)[:, [k - 1 for k in shared]]
    X = design.problem.X @ fixed
    _require_told_apart(X, columns)
    Z = design.problem.X @ loadings
    term = Term(np.zeros(design.problem.n), Correlated(Uncorrelated(len(shared))), Z)
    problem = Problem(design.problem.y, X, design.problem.V, (*design.problem.terms, term))
    return Classed(problem, columns, fixed, loadings, Z)


def _check_names(treatments: tuple[str, ...], own: list[str], classes: Mapping[str, str]) -> None:
    for treatment, name in zip(treatments, own, strict=True):
        if treatment not in classes and name in classes.values():
            raise SynthesisError(
                f"{treatment!r} is a treatment without a class and the name of a class; give it a class."
            )


def _require_told_apart(X: Floats, columns: tuple[str, ...]) -> None:
    if not columns:
        raise SynthesisError("All treatments are in the class of the reference; wanted at least two classes.")
    dependent = find_dependent_columns(X)
    if dependent:
        said = ", ".join(columns[column] for column in dependent)
        raise CollinearModerators(
            f"The classes {said} cannot be told apart: no trial connects them to others."
        )
