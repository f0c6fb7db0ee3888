"""Random effects, said in words or as objects.

In words, ``random`` reads like the model: ``"effect"`` gives every row its own random effect, a column one
shared by its rows, ``"study/effect"`` nests, ``"lab + study"`` crosses, ``"UN(outcome | study)"`` lets
outcomes of a study correlate, ``"UN(1 + dose | study)"`` lets slopes vary, ``"known(species)"`` correlates
levels as a given matrix says.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from synovia.errors import SynthesisError

__all__ = ["Inner", "Intercepts", "Known", "Places", "RandomEffects", "Slopes", "read_random"]

WORDS = {
    "UN": "UN", "UNSTRUCTURED": "UN", "CS": "CS", "EXCHANGEABLE": "CS", "HCS": "HCS", "DIAG": "DIAG",
    "DIAGONAL": "DIAG", "ID": "ID", "IDENTITY": "ID", "AR": "AR", "AR1": "AR", "HAR": "HAR", "CAR": "CAR",
}  # fmt: skip
"""Structures by the names that meta-analysts write."""

STRUCTURES = tuple(dict.fromkeys(WORDS.values()))

PLACES = {
    "SPEXP": "exponential", "SPGAU": "gaussian", "SPLIN": "linear", "SPRAT": "rational", "SPSPH": "spherical",
}  # fmt: skip

_CALL = re.compile(r"^(\w+)\s*\((.*)\)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Intercepts:
    """One random effect for each combination of values of some columns; of none, for each row.

    Examples
    --------
    >>> Intercepts(("study",)).label, Intercepts(("study", "effect")).label
    ('study', 'study/effect')
    """

    columns: tuple[str, ...]

    @property
    def label(self) -> str:
        """How the term is called."""
        return "/".join(self.columns)


@dataclass(frozen=True, slots=True)
class Inner:
    """Random effects for the levels of one column within the values of another.

    Attributes
    ----------
    inner : str
        Column of outcomes, arms or times.
    within : str
        Column whose values are independent of each other.
    structure : {"UN", "CS", "HCS", "DIAG", "ID", "AR", "HAR", "CAR"}
        Unstructured, compound symmetry with one variance or several, uncorrelated with several variances or
        one, autoregressive with one variance or several, continuous autoregressive.
    rho : float or None
        Correlation to hold, for structures with a single one.
    """

    inner: str
    within: str
    structure: str = "UN"
    rho: float | None = None

    @property
    def label(self) -> str:
        """How the term is called."""
        return f"{self.structure}({self.inner} | {self.within})"


@dataclass(frozen=True, slots=True)
class Slopes:
    """Random coefficients of a formula within the values of a column.

    Attributes
    ----------
    formula : str
        Right-hand side such as ``1 + dose``.
    within : str
        Column whose values are independent of each other.
    structure : {"UN", "DIAG"}
        Whether intercepts and slopes correlate.
    """

    formula: str
    within: str
    structure: str = "UN"

    @property
    def label(self) -> str:
        """How the term is called."""
        return f"{self.structure}({self.formula} | {self.within})"


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Random effects of the levels of a column, correlated as a given matrix says.

    Attributes
    ----------
    column : str
        Column of levels: species, laboratories, places.
    matrix : DataFrame
        Correlation, rows and columns named by the levels; used as given, not rescaled.
    """

    column: str
    matrix: pd.DataFrame

    @property
    def label(self) -> str:
        """How the term is called."""
        return f"known({self.column})"


@dataclass(frozen=True, slots=True)
class Places:
    """Random effects whose correlation falls with the distance between places.

    Attributes
    ----------
    coordinates : tuple of str
        Columns of coordinates; distances are Euclidean in their units.
    within : str
        Column whose values are independent of each other, or "" when all places belong together.
    kind : {"SPEXP", "SPGAU", "SPLIN", "SPRAT", "SPSPH"}
        How the correlation falls.
    """

    coordinates: tuple[str, ...]
    within: str = ""
    kind: str = "SPEXP"

    @property
    def label(self) -> str:
        """How the term is called."""
        return f"{self.kind}({' + '.join(self.coordinates)}{' | ' + self.within if self.within else ''})"


RandomEffects = Intercepts | Inner | Slopes | Known | Places


def read_random(
    random: str | RandomEffects | Sequence[RandomEffects] | None,
    known: Mapping[str, pd.DataFrame] | None = None,
) -> tuple[RandomEffects, ...]:
    """Random effects from words or objects.

    Parameters
    ----------
    random : str, object, sequence of objects, or None
        As in the head of this module; None for a common effect.
    known : mapping of str to DataFrame, optional
        Correlation matrices of the columns named in ``known(...)``.

    Raises
    ------
    SynthesisError
        When the words cannot be read; what can be written is listed.

    Examples
    --------
    >>> [effects.label for effects in read_random("lab + study/effect")]
    ['lab', 'study', 'study/effect']
    >>> read_random("UN(outcome | study)")
    (Inner(inner='outcome', within='study', structure='UN', rho=None),)
    """
    if random is None:
        return ()
    if isinstance(random, RandomEffects):
        return (random,)
    if not isinstance(random, str):
        _require_objects(random)
        return tuple(random)
    found: list[RandomEffects] = []
    for piece in _split_sum(random):
        found += _read_piece(piece, known or {}, random)
    return tuple(found)


def _require_objects(random: Sequence[object]) -> None:
    wrong = next((item for item in random if not isinstance(item, RandomEffects)), None)
    if wrong is not None:
        raise SynthesisError(
            f"Found {wrong!r} among the random effects; wanted words or Intercepts, Inner, Slopes, Known, "
            "Places."
        )


def _split_sum(text: str) -> list[str]:
    pieces, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "+" and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    return [piece.strip() for piece in pieces]


def _refuse(text: str) -> SynthesisError:
    return SynthesisError(
        f"Cannot read random={text!r}; wanted 'effect', a column, 'study/effect', 'lab + study', "
        f"'UN(outcome | study)' with one of {', '.join(STRUCTURES)}, 'UN(1 + dose | study)', "
        "'SPEXP(x + y)', or 'known(species)'."
    )


def _read_piece(piece: str, known: Mapping[str, pd.DataFrame], whole: str) -> list[RandomEffects]:
    call = _CALL.match(piece)
    if call is None:
        return _read_nested(piece, whole)
    name, inside = call[1].upper(), call[2]
    if name == "KNOWN":
        column = inside.strip()
        if column not in known:
            raise SynthesisError(f"random says known({column}); give known={{{column!r}: matrix}}.")
        return [Known(column, known[column])]
    left, bar, right = (part.strip() for part in inside.partition("|"))
    if name in PLACES and left:
        coordinates = tuple(part.strip() for part in left.split("+"))
        return [Places(coordinates, right if bar else "", name)]
    if name not in WORDS or not (left and right):
        raise _refuse(whole)
    if "+" in left or left in ("0", "1"):
        return [Slopes(left, right, WORDS[name])]
    return [Inner(left, right, WORDS[name])]


def _read_nested(piece: str, whole: str) -> list[RandomEffects]:
    names = [name.strip() for name in piece.split("/")]
    if not all(re.fullmatch(r"[\w.\- ]+", name) for name in names):
        raise _refuse(whole)
    return [Intercepts(tuple(names[: depth + 1])) for depth in range(len(names))]
