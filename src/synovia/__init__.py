"""Synovia: a field's scattered studies, turned into an honest answer that stays alive.

>>> import synovia as sv
>>> review = sv.open("reviews/knee-oa")                    # doctest: +SKIP
>>> pain = review.effects("pain", at="3 months")           # doctest: +SKIP
>>> sv.meta(pain, "estimate ~ 1", random="study_id")       # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synovia.effects import effect_sizes
    from synovia.errors import SynoviaError
    from synovia.examples import example, examples
    from synovia.fields import load_field
    from synovia.formats import read_export
    from synovia.plots import evidence_map, flow, forest, funnel, timecourse
    from synovia.review.review import open  # noqa: A004 - read as sv.open
    from synovia.screening import kappa
    from synovia.synthesis import Fit, meta, subgroups

_HOMES = {
    "Fit": "synovia.synthesis",
    "SynoviaError": "synovia.errors",
    "effect_sizes": "synovia.effects",
    "evidence_map": "synovia.plots",
    "example": "synovia.examples",
    "examples": "synovia.examples",
    "flow": "synovia.plots",
    "forest": "synovia.plots",
    "funnel": "synovia.plots",
    "kappa": "synovia.screening",
    "load_field": "synovia.fields",
    "meta": "synovia.synthesis",
    "open": "synovia.review.review",
    "read_export": "synovia.formats",
    "subgroups": "synovia.synthesis",
    "timecourse": "synovia.plots",
}

__all__ = [
    "Fit",
    "SynoviaError",
    "effect_sizes",
    "evidence_map",
    "example",
    "examples",
    "flow",
    "forest",
    "funnel",
    "kappa",
    "load_field",
    "meta",
    "open",
    "read_export",
    "subgroups",
    "timecourse",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'synovia' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
