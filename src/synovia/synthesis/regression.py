"""``estimate ~ moderators`` as a design matrix, with columns that a reader can recognise."""

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import CollinearModerators, SynthesisError, TooFewStudies
from synovia.kernel import find_dependent_columns

__all__ = ["Design", "Formula", "make_design", "read_formula", "read_new_rows"]

Floats = NDArray[np.float64]

FUNCTIONS = frozenset(
    {"C", "I", "Q", "Treatment", "Sum", "Helmert", "Diff", "Poly", "bs", "cr", "center", "scale", "poly",
     "log", "log10", "log2", "exp"}
)  # fmt: skip
"""What a formula may call. A formula comes from a protocol, and a protocol may come from anywhere."""

_PARTS = (
    ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.keyword, ast.BinOp, ast.UnaryOp,
    ast.operator, ast.unaryop, ast.Compare, ast.cmpop, ast.List, ast.Tuple,
)  # fmt: skip
_INTERCEPT = re.compile(r"^\s*1\s*$")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, read but not yet met by data.

    Attributes
    ----------
    estimate : str
        Column of the estimates.
    moderators : str
        Right-hand side.
    columns : tuple of str
        Columns that the right-hand side needs, in alphabetical order.
    """

    estimate: str
    moderators: str
    columns: tuple[str, ...]

    @property
    def is_intercept(self) -> bool:
        """Whether there is nothing but a mean."""
        return _INTERCEPT.match(self.moderators) is not None


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """The mean of a synthesis.

    Attributes
    ----------
    X : ndarray of shape (n, p)
        Design matrix.
    columns : tuple of str
        Names of its columns.
    spec : object or None
        What turns new rows into the same columns; None for an intercept alone.
    warnings : tuple of str
        What a reader should know about the moderators.
    needs : tuple of str
        Columns that new rows must have.
    """

    X: Floats
    columns: tuple[str, ...]
    spec: Any = None
    warnings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _load_formulaic() -> Any:
    import formulaic  # noqa: PLC0415 - takes longer to load than most syntheses take to fit

    return formulaic


def read_formula(formula: str) -> Formula:
    """Split a formula and refuse what is not arithmetic on columns.

    Parameters
    ----------
    formula : str
        ``column of estimates ~ moderators``, in Wilkinson's notation.

    Raises
    ------
    SynthesisError
        When the formula cannot be read, or calls something besides transformations of columns.

    Examples
    --------
    >>> read_formula("estimate ~ dose + source").columns
    ('dose', 'source')
    """
    if not isinstance(formula, str):
        raise SynthesisError(
            f"Found formula {formula!r}; wanted 'estimate ~ 1' or 'estimate ~ moderator + ...'."
        )
    left, tilde, right = (part.strip() for part in formula.partition("~"))
    if not (left and tilde and right):
        raise SynthesisError(
            f"Found formula {formula!r}; wanted 'estimate ~ 1' or 'estimate ~ moderator + ...'."
        )
    left = left.strip("`")
    if _INTERCEPT.match(right):
        return Formula(left, "1", ())
    formulaic = _load_formulaic()
    try:
        parsed = formulaic.Formula(right)
        factors = [factor for term in parsed for factor in term.factors]
        needed = [_find_columns(factor.expr, factor.eval_method.value) for factor in factors]
    except (formulaic.errors.FormulaicError, SyntaxError, TypeError, AttributeError) as problem:
        raise SynthesisError(f"Cannot read formula {formula!r}: {_first_line(problem)}.") from None
    return Formula(left, right, tuple(sorted(set().union(*needed))))


def _find_columns(expression: str, kind: str) -> set[str]:
    """Columns that one factor of a formula needs; refuses what is not arithmetic on them."""
    if kind != "python":
        return {expression} if kind == "lookup" else set()
    quoted = re.findall(r"`([^`]*)`", expression)
    nodes = list(ast.walk(ast.parse(re.sub(r"`[^`]*`", "0", expression), mode="eval")))
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    called = all(isinstance(function, ast.Name) and function.id in FUNCTIONS for function in calls)
    if not called or not all(isinstance(node, _PARTS) for node in nodes):
        raise SynthesisError(
            f"The formula contains {expression!r}; wanted columns, arithmetic and "
            f"{', '.join(sorted(FUNCTIONS))}."
        )
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return (names - FUNCTIONS) | set(quoted)


def make_design(formula: Formula, data: pd.DataFrame) -> Design:
    """The design matrix of the rows that are kept.

    Parameters
    ----------
    formula : Formula
        The right-hand side.
    data : DataFrame
        Rows without missing moderators.

    Raises
    ------
    SynthesisError
        When a moderator cannot be evaluated.
    CollinearModerators
        When columns cannot be told apart; they are named.
    """
    if formula.is_intercept:
        return Design(np.ones((len(data), 1)), ("Intercept",))
    tidy = _drop_unused_levels(data.loc[:, list(formula.columns)])
    matrix = _evaluate(_load_formulaic().model_matrix, formula.moderators, tidy)
    X, columns = matrix.to_numpy(dtype=np.float64), tuple(map(str, matrix.columns))
    require_more_effects(X, columns)
    _check_moderators(X, columns, formula)
    return Design(X, columns, matrix.model_spec, _tell_single_levels(tidy), formula.columns)


def require_more_effects(X: Floats, columns: tuple[str, ...]) -> None:
    """Refuse a design that leaves nothing to estimate heterogeneity from; a single study is no such design.

    Raises
    ------
    TooFewStudies
        When there are not more effects than coefficients.
    """
    n, p = X.shape
    if n <= p and p > 1:
        raise TooFewStudies(
            f"Found {n} effects for {p} coefficients ({', '.join(columns)}); wanted more effects than "
            "coefficients. Drop moderators."
        )


def _drop_unused_levels(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(
        **{
            str(name): data[name].cat.remove_unused_categories()
            for name in data.columns
            if isinstance(data[name].dtype, pd.CategoricalDtype)
        }
    )


def _evaluate(evaluate: Any, *what: object) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return evaluate(*what, na_action="raise", context={})
    except Exception as problem:
        raise SynthesisError(f"Cannot evaluate the moderators: {_first_line(problem)}.") from problem


def _first_line(problem: Exception) -> str:
    """What another library said, without the picture it draws below."""
    return str(problem).strip().partition("\n")[0].rstrip(". ")


def _check_moderators(X: Floats, columns: tuple[str, ...], formula: Formula) -> None:
    if not np.isfinite(X).all():
        bad = columns[int(np.argmin(np.isfinite(X).all(axis=0)))]
        raise SynthesisError(f"Moderator {bad} of {formula.moderators!r} has missing or infinite values.")
    dependent = find_dependent_columns(X)
    if not dependent:
        return
    said = [
        f"{columns[column]} follows from {' and '.join(columns[o] for o in others)}"
        if others
        else f"{columns[column]} is zero in every row"
        for column, others in dependent.items()
    ]
    raise CollinearModerators(f"Moderators cannot be told apart: {'; '.join(said)}. Leave one of them out.")


def _tell_single_levels(data: pd.DataFrame) -> tuple[str, ...]:
    said = []
    for name in data.columns:
        if pd.api.types.is_numeric_dtype(data[name]):
            continue
        counts = data[name].value_counts()
        said += [
            f"Level {level} of {name} has a single effect, which alone decides its coefficient."
            for level in sorted(map(str, counts.index[counts == 1]))
        ]
    return tuple(said)


def read_new_rows(design: Design, new: pd.DataFrame) -> Floats:
    """(m, p) design of new rows, with the levels and transformations of the fitted ones.

    Raises
    ------
    SynthesisError
        When a moderator is absent or has a level that was not fitted.
    """
    if design.spec is None:
        return np.ones((len(new), 1))
    for name in design.needs:
        if name not in new.columns:
            raise SynthesisError(f"The new rows have no column {name!r}, which the model needs.")
    matrix = _evaluate(_new_matrix(design.spec), new)
    return np.asarray(matrix.to_numpy(dtype=np.float64))


def _new_matrix(spec: Any) -> Any:
    def evaluate(new: pd.DataFrame, *, na_action: str, context: dict[str, object]) -> Any:
        return spec.update(na_action=na_action).get_model_matrix(new, context=context)

    return evaluate
