"""A dose-response curve on a page, and what is drawn of it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from synovia.kernel import Inapplicable, Wald, quantile
from synovia.synthesis.summary import Summary, show_p, show_wald

if TYPE_CHECKING:
    from synovia.synthesis.dose.result import DoseResponse

__all__ = ["show_studies", "write_page"]


def write_page(found: "DoseResponse") -> Summary:
    """The synthesis on a page.

    Parameters
    ----------
    found : DoseResponse
        A curve.
    """
    page, design, measured = found.fit.summary(), found.design, found.measure_fit().iloc[0]
    unit = f" in {design.unit}" if design.unit else ""
    title = (
        f"{design.n} doses{unit} against {len(design.studies)} reference doses: {found.fit.settings.formula}"
    )
    rows = tuple(
        (
            str(row["term"]),
            f"{row['estimate']:.4g}",
            f"{row['std_error']:.4g}",
            f"{row['lower']:.4g} to {row['upper']:.4g}",
            show_p(row["p_value"]),
        )
        for row in found.tidy().to_dict("records")
    )
    effect, moderators = _say(found.test_effect()), found.test_moderators()
    named = (
        ("Any effect of dose", effect) if name == "Moderators" else (name, said) for name, said in page.facts
    )
    facts = (
        *named,
        *([("Moderators", _say(moderators))] if isinstance(moderators, Wald) else []),
        ("Nonlinearity", _say(found.test_nonlinearity())),
        ("Fit", f"deviance {measured.deviance:.2f} on {measured.df:.0f} df, R2 {100 * measured.r2:.1f}%"),
    )
    return replace(page, title=title, rows=rows, facts=facts)


def _say(test: Wald | Inapplicable) -> str:
    return show_wald(test) if isinstance(test, Wald) else str(test)


def show_studies(found: "DoseResponse") -> dict[str, Any]:
    """The curve and the contrasts of the studies, each moved to where the curve puts its reference.

    Parameters
    ----------
    found : DoseResponse
        A curve.
    """
    design, points = found.design, found.design.frame
    low = float(design.doses.min())
    moved = found.read_studies(design.reference) - found.read_studies(np.full(design.n, low))
    half = quantile(found.fit.settings.level, np.inf) * points["std_error"]
    points = points.assign(
        label=points["study_id"],
        estimate=points["estimate"] + moved,
        lower=points["estimate"] + moved - half,
        upper=points["estimate"] + moved + half,
        weight=1 / points["std_error"] ** 2,
    )
    dose = design.columns.dose
    name = f"{dose} ({design.unit})" if design.unit else dose
    return {
        "points": points,
        "line": found.predict(),
        "dose": name[:1].upper() + name[1:],
        "scale_label": f"{'Ratio' if design.ratios else 'Effect'} against dose {low:g}",
        "log": design.ratios,
    }
