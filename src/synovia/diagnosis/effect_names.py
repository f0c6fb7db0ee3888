"""What the groups of a random term, and the random effects of a group, are called."""

from dataclasses import dataclass

import numpy as np

from synovia.kernel import RandomTerm, Term
from synovia.synthesis import Fit
from synovia.synthesis.random import Inner, Intercepts, Known, Places, RandomEffects, Slopes
from synovia.synthesis.regression import make_design, read_formula
from synovia.synthesis.terms import build_terms, find_column

__all__ = ["EffectNames", "name_effects"]


@dataclass(frozen=True, slots=True)
class EffectNames:
    """Names of the random effects of one term.

    Attributes
    ----------
    term : str
        The term, as it was asked for.
    groups : tuple of str
        Its groups, in the order of their numbers.
    effects : tuple of str
        The effects of a group; one empty name where each group has a single effect.
    """

    term: str
    groups: tuple[str, ...]
    effects: tuple[str, ...]


def name_effects(fit: Fit) -> list[EffectNames]:
    """Names for every random term of a fit."""
    if not fit.problem.terms:
        return []
    if fit.settings.scale is not None:
        return [EffectNames("effect", fit.names.effects, ("",))]
    labels = build_terms(fit.settings.effects, fit.rows).labels
    effects = {effect.label: effect for effect in fit.settings.effects}
    return [
        _name(fit, term, label, effects[label]) for term, label in zip(fit.problem.terms, labels, strict=True)
    ]


def _name(fit: Fit, term: RandomTerm, label: str, effect: RandomEffects) -> EffectNames:
    columns = _columns(effect)
    first = np.unique(term.groups, return_index=True)[1].tolist()
    if columns and columns[-1] == "effect":
        own = [fit.names.effects[row] for row in first]
        outer = _join(fit, columns[:-1], first)
        groups = tuple("/".join(filter(None, pair)) for pair in zip(outer, own, strict=True))
    else:
        groups = tuple(_join(fit, columns, first)) if columns else ("all",)
    return EffectNames(label, groups, _inside(fit, term, effect))


def _columns(effect: RandomEffects) -> tuple[str, ...]:
    if isinstance(effect, Intercepts):
        return effect.columns
    if isinstance(effect, Inner | Slopes):
        return (effect.within,)
    return (effect.within,) if isinstance(effect, Places) and effect.within else ()


def _join(fit: Fit, columns: tuple[str, ...], rows: list[int]) -> list[str]:
    values = [fit.rows.used[find_column(column, fit.rows)] for column in columns]
    return ["/".join(str(value.iloc[row]) for value in values) for row in rows]


def _inside(fit: Fit, term: RandomTerm, effect: RandomEffects) -> tuple[str, ...]:
    """The effects of one group, in the order of their codes."""
    used = fit.rows.used
    if isinstance(effect, Slopes):
        return make_design(read_formula(f"x ~ {effect.formula}"), used).columns
    if not isinstance(term, Term) or term.structure.size == 1:
        return ("",)
    seen = {int(code): row for row, code in reversed(list(enumerate(term.codes)))}
    if isinstance(effect, Inner | Known):
        column = effect.inner if isinstance(effect, Inner) else effect.column
        values = used[find_column(column, fit.rows)].tolist()
    else:
        values = list(fit.names.effects)
    return tuple(
        str(values[seen[code]]) if code in seen else f"{code + 1}" for code in range(term.structure.size)
    )
