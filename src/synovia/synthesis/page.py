"""What a fit says on a page: its coefficients, and everything else that has a name."""

import math
from typing import TYPE_CHECKING

from synovia.kernel import Inapplicable, Inference, Problem, Range, Wald
from synovia.kernel.solution import Solution
from synovia.synthesis.heterogeneity import tell_boundary
from synovia.synthesis.rows import count_studies
from synovia.synthesis.summary import Summary, count, show, show_p, show_test, show_wald

if TYPE_CHECKING:
    from synovia.synthesis.fit import Fit

__all__ = ["name_inference", "write_page"]


def write_page(fit: "Fit") -> Summary:
    """The synthesis on a page: ``as_text``, ``as_html``, ``as_latex``.

    Parameters
    ----------
    fit : Fit
        Any fit.
    """
    share = f"{100 * fit.settings.level:g}%"
    header = ("", "estimate", "std. error", f"{share} interval", "p")
    rows = tuple(
        (
            str(row["term"]),
            f"{row['estimate']:.4f}",
            f"{row['std_error']:.4f}",
            f"{row['lower']:.4f} to {row['upper']:.4f}",
            show_p(row["p_value"]),
        )
        for row in fit.tidy().to_dict("records")
    )
    studies = count_studies(fit.rows.used, fit.settings.outer)
    counted = f"{count(fit.problem.n, 'effect')} from {count(studies, 'study', 'studies')}"
    title = f"{counted}: {fit.settings.formula}"
    facts = [("Method", fit.method), *_describe_heterogeneity(fit, share), *_describe_rest(fit, share)]
    return Summary(title, header, rows, tuple(facts), fit.warnings)


def _describe_heterogeneity(fit: "Fit", share: str) -> list[tuple[str, str]]:
    measured = fit.heterogeneity
    tau2 = str(fit.tau2) if isinstance(fit.tau2, Inapplicable) else f"{fit.tau2:.4g}"
    if isinstance(measured.tau2, Range):
        tau2 += f" ({share} Q-profile {measured.tau2.lower:.4g} to {measured.tau2.upper:.4g})"
    several = [] if fit.names.variances in ((), ("tau2",)) else _list_variances(fit)
    percent = "" if isinstance(measured.i2, Inapplicable) else "%"
    return [
        ("tau2", tau2),
        *several,
        ("I2", f"{show(measured.i2, 1)}{percent}"),
        ("Q", show_test(show(measured.q, 2), measured.q_df, measured.q_p_value)),
    ]


def _list_variances(fit: "Fit") -> list[tuple[str, str]]:
    return [
        (name, f"{value:.4g}")
        for name, value in zip(fit.names.variances, fit.point.psi.tolist(), strict=False)
    ]


def _describe_rest(fit: "Fit", share: str) -> list[tuple[str, str]]:
    facts = []
    if isinstance(fit.point, Solution):
        facts += [(t.name, show_test(f"{t.statistic:.2f}", t.df, t.p_value)) for t in fit.point.tests]
    moderators = fit.test_moderators()
    if isinstance(moderators, Wald):
        facts.append(("Moderators", show_wald(moderators)))
    if fit.design.columns == ("Intercept",) and fit.scale is None:
        row = fit.predict().iloc[0]
        known = not math.isnan(row.prediction_lower)
        limits = f"{row.prediction_lower:.4f} to {row.prediction_upper:.4f} ({row.prediction_method})"
        facts.append(("Prediction", f"{share} {limits}" if known else row.prediction_method))
    return [*facts, ("Search", fit.convergence.message), *tell_boundary(fit)]


def name_inference(inference: Inference, problem: Problem) -> str:
    """How standard errors became intervals, in words."""
    if inference.contrast_df is not None or math.isinf(inference.df):
        return f"{inference.name} interval"
    unit = "blocks" if problem.units == problem.blocks else "levels"
    counted = "" if problem.units == problem.n else f" from {problem.units} independent {unit}"
    name = "t interval with" if inference.name == "t" else f"{inference.name} interval, t with"
    return f"{name} {inference.df:g} df{counted}"
