"""Arrangements of studies that a hypothesis makes equally likely: signs and orders, all or a sample."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError

__all__ = ["Orders", "Signs"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

MOST = 5_000_000
"""Arrangements that are still enumerated: a minute of two cores, and half a gigabyte for 12 studies."""


@dataclass(frozen=True, slots=True)
class Signs:
    """Which estimates change their sign.

    Attributes
    ----------
    k : int
        Number of estimates.
    """

    k: int

    @property
    def count(self) -> int:
        """How many arrangements there are: 2 to the k."""
        return 1 << self.k

    def enumerate_all(self) -> Floats:
        """(k, 2^k) of 1 and -1, the observed arrangement first."""
        _refuse_too_many(self.count)
        bits = np.arange(self.count)[None, :] >> np.arange(self.k)[:, None]
        return np.where(bits & 1, -1.0, 1.0)

    def draw(self, number: int, rng: np.random.Generator) -> Floats:
        """(k, number) of 1 and -1: the observed arrangement, then others drawn at random."""
        signs = rng.choice([1.0, -1.0], size=(number, self.k)).T
        signs[:, 0] = 1.0
        return signs


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """Which row of the design each study gets.

    Attributes
    ----------
    kinds : ndarray of int of shape (k,)
        Number of each row, the same for rows that are equal: orders that differ by them are one.
    """

    kinds: Integers

    @property
    def count(self) -> int:
        """How many distinct arrangements there are: k! over the factorials of how often each row occurs."""
        repeated = np.bincount(self.kinds)
        return math.factorial(self.kinds.size) // math.prod(math.factorial(int(n)) for n in repeated)

    def enumerate_all(self) -> Integers:
        """(k, count) rows of the design, every distinct arrangement once."""
        _refuse_too_many(self.count)
        first = np.unique(self.kinds, return_index=True)[1]
        chosen = np.empty((1, 0), dtype=np.int16)
        left = np.bincount(self.kinds)[None, :]
        for _ in range(self.kinds.size):
            parts = list(self._extend(chosen, left))
            chosen = np.concatenate([part[0] for part in parts])
            left = np.concatenate([part[1] for part in parts])
        return np.asarray(first[chosen].T)

    @staticmethod
    def _extend(chosen: NDArray[np.int16], left: Integers) -> Iterator[tuple[NDArray[np.int16], Integers]]:
        """Each arrangement with each kind of row that is left put behind it."""
        for kind in range(left.shape[1]):
            free = left[:, kind] > 0
            rest = left[free]
            rest[:, kind] -= 1
            new = np.full((rest.shape[0], 1), kind, dtype=np.int16)
            yield np.hstack([chosen[free], new]), rest

    def draw(self, number: int, rng: np.random.Generator) -> Integers:
        """(k, number) rows of the design: the observed order, then others drawn at random."""
        k = self.kinds.size
        orders = rng.permuted(np.tile(np.arange(k), (number, 1)), axis=1).T
        orders[:, 0] = np.arange(k)
        return orders


def _refuse_too_many(count: int) -> None:
    if count > MOST:
        raise SynthesisError(
            f"There are {count:,} arrangements, more than the {MOST:,} that are enumerated; ask for a number "
            "of random ones, such as permutations=10_000."
        )
