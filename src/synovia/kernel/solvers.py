"""Which solver a problem gets."""

from synovia.kernel.blocks import make_blocks_solver
from synovia.kernel.covariance import Covariance, Diagonal
from synovia.kernel.nested import make_nested_solver, suits
from synovia.kernel.solver import DiagonalSolver, Solver, Terms

__all__ = ["make_solver"]


def make_solver(V: Covariance, terms: Terms) -> Solver:
    """The cheapest solver that is exact for this covariance and these random terms.

    Parameters
    ----------
    V : Covariance
        Known covariance, n rows.
    terms : tuple of RandomTerm
        Random terms over the same rows.
    """
    if isinstance(V, Diagonal):
        if all(term.rowwise for term in terms):
            return DiagonalSolver(V.v, terms)
        if suits(terms):
            return make_nested_solver(V.v, terms)
    return make_blocks_solver(V, terms)
