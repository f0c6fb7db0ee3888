"""Random terms: which rows share which random effects."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError
from synovia.kernel.structure import Bounds, Scalar, Structure

__all__ = ["RandomTerm", "RowScale", "Term"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

EXPONENT = 60.0  # log variances further out than exp(60) are nobody's data


class RandomTerm(Protocol):
    """What a random term must say, whatever it is made of.

    A term adds the covariance Z (I x G) Z' to Omega. ``rowwise`` terms add to its diagonal alone.
    """

    @property
    def size(self) -> int:
        """Number of rows n."""
        ...

    @property
    def groups(self) -> Integers:
        """(n,) group of each row."""
        ...

    @property
    def rowwise(self) -> bool:
        """Whether every row is its own group."""
        ...

    @property
    def parameters(self) -> int:
        """Entries of psi that belong to the term."""
        ...

    @property
    def bounds(self) -> Bounds:
        """Limits of psi."""
        ...

    @property
    def search_bounds(self) -> Bounds:
        """Limits of theta."""
        ...

    def start(self, variance: float | Floats) -> Floats:
        """Theta where a search begins, with so much variance, or so much from each effect."""
        ...

    def from_search(self, theta: Floats) -> Floats:
        """Psi of theta."""
        ...

    def to_search(self, psi: Floats) -> Floats:
        """A theta of psi, or of a psi close to it where the search has an edge."""
        ...

    def hold(self, index: int, value: float) -> "RandomTerm | None":
        """The term with one entry of psi held; None where that entry alone is a coordinate of theta."""
        ...

    def row_variances(self, psi: Floats) -> Floats:
        """(n,) what the term adds to the variance of each row."""
        ...

    def restrict(self, rows: Integers) -> "RandomTerm":
        """The term of some of the rows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    r"""Random effects shared by the rows of a group: :math:`z_i' u_{g(i)}`, :math:`u_g \sim N(0, G)`.

    Attributes
    ----------
    groups : ndarray of int of shape (n,)
        Group of each row, renumbered from 0. Every row its own group gives tau2 on the diagonal.
    structure : Structure
        How the q effects of a group vary.
    codes : ndarray of int of shape (n,)
        Which of the q effects a row has: its outcome, its time, its species.
    loadings : ndarray of shape (n, q) or None
        Instead of codes: how much a row has of each effect, for random slopes.
    rowwise : bool
        Whether every row is its own group.

    Raises
    ------
    SynthesisError
        When codes or loadings do not fit the structure or the rows.
    """

    groups: Integers
    structure: Structure = field(default_factory=Scalar)
    codes: Integers = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    loadings: Floats | None = None
    rowwise: bool = False

    def __init__(
        self, groups: ArrayLike, structure: Structure | None = None, codes: ArrayLike | None = None
    ) -> None:
        own = np.asarray(groups)
        if np.array_equal(own, np.arange(own.size)):
            values, count = np.arange(own.size), own.size
        else:
            found = np.unique(own, return_inverse=True)
            values, count = found[1].astype(np.intp), found[0].size
        chosen: Structure = Scalar() if structure is None else structure
        inner, loadings = _read_codes(codes, own.size, chosen.size)
        object.__setattr__(self, "groups", values)
        object.__setattr__(self, "structure", chosen)
        object.__setattr__(self, "codes", inner)
        object.__setattr__(self, "loadings", loadings)
        object.__setattr__(self, "rowwise", count == own.size)

    @property
    def size(self) -> int:
        """Number of rows n."""
        return self.groups.size

    @property
    def levels(self) -> int:
        """Number of groups."""
        return int(self.groups.max()) + 1

    @property
    def parameters(self) -> int:
        """Those of the structure."""
        return self.structure.parameters

    @property
    def bounds(self) -> Bounds:
        """Those of the structure."""
        return self.structure.bounds

    @property
    def search_bounds(self) -> Bounds:
        """Those of the structure."""
        return self.structure.search_bounds

    def start(self, variance: float | Floats) -> Floats:
        """That of the structure, with so much variance from each effect in a typical row."""
        own = np.broadcast_to(np.asarray(variance, dtype=np.float64), (self.structure.size,))
        if self.loadings is not None:
            own = own / np.maximum((self.loadings**2).mean(axis=0), 1e-12)
        return self.structure.start(own)

    def from_search(self, theta: Floats) -> Floats:
        """Psi of theta."""
        return self.structure.from_search(theta)

    def to_search(self, psi: Floats) -> Floats:
        """A theta of psi."""
        return self.structure.to_search(psi)

    def hold(self, index: int, value: float) -> "Term | None":
        """With one entry of psi held, where the structure needs other coordinates for it."""
        held = self.structure.hold(index, value)
        if held is None:
            return None
        return Term(self.groups, held, self.codes if self.loadings is None else self.loadings)

    def row_variances(self, psi: Floats) -> Floats:
        """(n,) z'Gz of each row."""
        G = self.structure.covariance(psi)
        if self.loadings is None:
            return np.asarray(np.diag(G)[self.codes])
        return np.asarray(((self.loadings @ G) * self.loadings).sum(axis=1))

    def gather(self, B: Floats) -> Floats:
        """(groups, q, m) Z'B: the rows of B summed by group and effect."""
        q, count = self.structure.size, self.levels
        if self.loadings is None:
            place = self.groups * q + self.codes
            sums = [np.bincount(place, weights=column, minlength=count * q) for column in B.T]
            return np.asarray(np.stack(sums, axis=-1).reshape(count, q, B.shape[1]), dtype=np.float64)
        sums = [
            np.bincount(self.groups, weights=load * column, minlength=count)
            for load in self.loadings.T
            for column in B.T
        ]
        return np.asarray(np.stack(sums, axis=-1).reshape(count, q, B.shape[1]), dtype=np.float64)

    def scatter(self, effects: Floats) -> Floats:
        """(n, m) Z u for effects u of shape (groups, q, m)."""
        if self.loadings is None:
            return np.asarray(effects[self.groups, self.codes])
        return np.asarray(np.einsum("nq,nqm->nm", self.loadings, effects[self.groups]))

    def apply(self, G: Floats, B: Floats) -> Floats:
        """(n, m) Z (I x G) Z' B."""
        if self.rowwise and self.structure.size == 1 and self.loadings is None:
            return np.asarray(G[0, 0] * B)
        return self.scatter(np.einsum("ij,gjm->gim", G, self.gather(B)))

    def restrict(self, rows: Integers) -> "Term":
        """The term of some of the rows, in the given order."""
        codes = self.codes[rows] if self.loadings is None else self.loadings[rows]
        return Term(self.groups[rows], self.structure, codes)


def _read_codes(codes: ArrayLike | None, n: int, q: int) -> tuple[Integers, Floats | None]:
    if codes is None:
        if q != 1:
            raise SynthesisError(
                f"The structure has {q} random effects per group; say which of them each row has."
            )
        return np.zeros(n, dtype=np.intp), None
    given = np.asarray(codes)
    if given.ndim == 2:
        if given.shape != (n, q):
            raise SynthesisError(f"Found loadings of shape {given.shape}; wanted ({n}, {q}).")
        return np.zeros(n, dtype=np.intp), given.astype(np.float64)
    inner = given.astype(np.intp)
    if inner.size != n or inner.min() < 0 or inner.max() >= q:
        raise SynthesisError(f"Found codes outside 0 to {q - 1}, or not one for each of {n} rows.")
    return inner, None


@dataclass(frozen=True, slots=True, eq=False)
class RowScale:
    r"""A random effect of its own for every row, with a variance that depends on covariates.

    The coefficients are those of its log: :math:`\tau_i^2 = \exp(w_i'\alpha)`.

    Attributes
    ----------
    W : ndarray of shape (n, m)
        Covariates of the scale.

    Notes
    -----
    Viechtbauer & López-López (2022), Research Synthesis Methods 13, 697-715: location-scale models.
    """

    W: Floats

    @property
    def size(self) -> int:
        """Number of rows n."""
        return int(self.W.shape[0])

    @property
    def groups(self) -> Integers:
        """(n,) every row its own."""
        return np.arange(self.size)

    @property
    def rowwise(self) -> bool:
        """Always."""
        return True

    @property
    def parameters(self) -> int:
        """Coefficients of the scale."""
        return int(self.W.shape[1])

    @property
    def bounds(self) -> Bounds:
        """Any number."""
        return ((-np.inf, np.inf),) * self.parameters

    @property
    def search_bounds(self) -> Bounds:
        """Any number."""
        return self.bounds

    def start(self, variance: float | Floats) -> Floats:
        """Coefficients that give every row about this variance."""
        level = np.log(max(float(np.mean(variance)), np.exp(-EXPONENT)))
        found = np.linalg.lstsq(self.W, np.full(self.size, level), rcond=None)[0]
        return np.asarray(found, dtype=np.float64)

    def from_search(self, theta: Floats) -> Floats:
        """The same numbers."""
        return theta

    def to_search(self, psi: Floats) -> Floats:
        """The same numbers."""
        return psi

    def hold(self, index: int, value: float) -> None:  # noqa: ARG002 - one signature for all
        """The search moves each coefficient by itself."""
        return

    def row_variances(self, psi: Floats) -> Floats:
        """(n,) variance of each row's random effect."""
        return np.asarray(np.exp(np.clip(self.W @ psi, -EXPONENT, EXPONENT)))

    def row_slopes(self, psi: Floats) -> Floats:
        """(parameters, n) slopes of those variances."""
        return np.asarray(self.W.T * self.row_variances(psi))

    def row_curvature(self, psi: Floats, slope: Floats) -> Floats:
        """(parameters, parameters) second derivatives of the sum of ``slope`` times the variances."""
        return np.asarray((self.W.T * (slope * self.row_variances(psi))) @ self.W)

    def restrict(self, rows: Integers) -> "RowScale":
        """The term of some of the rows, in the given order."""
        return RowScale(self.W[rows])
