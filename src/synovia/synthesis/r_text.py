"""Numbers, words and matrices as R reads them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.kernel import Covariance, Diagonal

__all__ = [
    "write_covariance",
    "write_integers",
    "write_matrix",
    "write_number",
    "write_numbers",
    "write_text",
    "write_texts",
]

Floats = NDArray[np.float64]


def write_numbers(values: ArrayLike) -> str:
    """A vector of numbers, every digit of them."""
    return f"c({', '.join(write_number(value) for value in np.asarray(values, dtype=np.float64).tolist())})"


def write_number(value: float) -> str:
    """A number with every digit, NA for none."""
    return "NA" if np.isnan(value) else repr(float(value)).removesuffix(".0")


def write_integers(values: ArrayLike) -> str:
    """A vector of whole numbers."""
    return f"c({', '.join(str(value) for value in np.asarray(values).tolist())})"


def write_texts(values: Sequence[object]) -> str:
    """A vector of words."""
    return f"c({', '.join(write_text(str(value)) for value in values)})"


def write_text(value: str) -> str:
    """Words in quotation marks."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\r", " ")
    return f'"{escaped}"'


def write_matrix(values: Floats) -> str:
    """A matrix, row by row."""
    return f"matrix({write_numbers(values.ravel())}, nrow={values.shape[0]}, byrow=TRUE)"


def write_covariance(V: Covariance) -> list[str]:
    """Lines that make the matrix V from the column ``vi`` of the data and what is off its diagonal."""
    lines = ["V <- diag(dat$vi, nrow=nrow(dat))"]
    if isinstance(V, Diagonal):
        return lines
    rows, columns, values = V.entries()
    off = rows != columns
    if not off.any():
        return lines
    where = f"V[cbind({write_integers(rows[off] + 1)},\n  {write_integers(columns[off] + 1)})]"
    return [*lines, f"{where} <-\n  {write_numbers(values[off])}"]
