"""Dose-response curves on a page, and what is drawn of one."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synovia.kernel import Inapplicable, Wald, quantile
from synovia.synthesis.summary import Summary, count, show_p, show_wald

if TYPE_CHECKING:
    from synovia.synthesis.dose.network_model import DoseNetwork
    from synovia.synthesis.dose.result import DoseResponse

__all__ = ["show_studies", "write_network_page", "write_page"]


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
    moderators = found.test_moderators()
    facts = (
        *_rename(page, found.test_effect()),
        *([("Moderators", _say(moderators))] if isinstance(moderators, Wald) else []),
        ("Nonlinearity", _say(found.test_nonlinearity())),
        ("Fit", f"deviance {measured.deviance:.2f} on {measured.df:.0f} df, R2 {100 * measured.r2:.1f}%"),
    )
    return replace(page, title=title, rows=_list_rows(found.tidy()), facts=facts)


def write_network_page(found: "DoseNetwork") -> Summary:
    """The network on a page.

    Parameters
    ----------
    found : DoseNetwork
        Curves of several agents.
    """
    nodes, page = found.design.nodes, found.fit.summary()
    title = (
        f"Dose-response network of {count(len(found.agents), 'agent')} ({', '.join(found.agents)}) against "
        f"{found.reference}: {count(int((nodes.agent >= 0).sum()), 'dose')} in "
        f"{count(len(nodes.contrasts.studies), 'trial')}; {found.fit.settings.formula}"
    )
    facts = (*_rename(page, found.test_effect()), ("Curves against single doses", _say(found.test_curves())))
    return replace(page, title=title, rows=_list_rows(found.tidy()), facts=facts)


def _list_rows(table: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Coefficients with four digits: slopes may be small."""
    return tuple(
        (
            str(row["term"]),
            f"{row['estimate']:.4g}",
            f"{row['std_error']:.4g}",
            f"{row['lower']:.4g} to {row['upper']:.4g}",
            show_p(row["p_value"]),
        )
        for row in table.to_dict("records")
    )


def _rename(page: Summary, effect: Wald | Inapplicable) -> list[tuple[str, str]]:
    """Facts of the fit, with the test of the dose in place of that of all coefficients."""
    return [
        ("Any effect of dose", _say(effect)) if name == "Moderators" else (name, said)
        for name, said in page.facts
    ]


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
