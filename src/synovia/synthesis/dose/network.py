"""Dose-response networks: several agents, each with its curve above one common reference."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import pandas as pd

from synovia.errors import SynthesisError
from synovia.synthesis.dose.bases import Basis, require_basis
from synovia.synthesis.dose.emax import Emax
from synovia.synthesis.dose.formulas import read_curve
from synovia.synthesis.dose.layout import Slopes
from synovia.synthesis.dose.network_design import make_dose_network_design
from synovia.synthesis.dose.network_emax import bend
from synovia.synthesis.dose.network_model import DoseNetwork
from synovia.synthesis.dose.nodes import read_dose_network
from synovia.synthesis.network.fitting import make_fit, make_settings
from synovia.synthesis.settings import CLUSTERED, Tau2

__all__ = ["dose_network"]

SHORT = {"linear": "dose", "quadratic": "quadratic(dose)", "rcs": "rcs(dose, 3)", "emax": "emax(dose)"}
"""Curves that one word names."""


UNSETTLED = "Gauss-Newton had not settled after {} steps; do not trust the curves."


def dose_network(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame,
    basis: str | Basis = "linear",
    *,
    study: str = "study",
    agent: str = "agent",
    dose: str = "dose",
    unit: str = "dose_unit",
    measure: str | None = None,
    columns: Mapping[str, str] | None = None,
    reference: str | None = None,
    slopes: Slopes = "agent",
    ed50: Literal["agent", "common"] = "agent",
    random: bool = True,
    tau2: Tau2 = "REML",
    inference: str = "z",
    level: float = 0.95,
) -> DoseNetwork:
    r"""Fit dose-response curves of several agents to trials that compare their doses.

    Parameters
    ----------
    data : DataFrame
        Without ``measure`` one row per comparison: study, agent_1, dose_1, agent_2, dose_2, estimate (arm 1
        minus arm 2) and std_error or variance; of a trial with m arms all m(m - 1)/2, or m - 1 against one
        arm with its baseline_variance. With it one row per arm: study, agent, dose, and mean, sd and n, or
        events and n, or events and time. Dose 0 is the reference, of whichever agent.
    basis : str or Basis
        "linear", "quadratic", "rcs" (three knots), "rcs(dose, [1, 5, 20])", "log(dose + 1)", "emax", or an
        object such as ``Spline((1.0, 5.0, 20.0))``.
    study, agent, dose, unit : str
        Columns; of comparisons the last three are followed by ``_1`` and ``_2``. The unit of the dose may be
        left out of the table; where it is there, an agent has one.
    measure : {"MD", "SMD", "ROM", "OR", "RR", "RD", "ASD", "IRR", "IRD"}, optional
        Effect measure of arms; ratios become logarithms.
    columns : mapping of str to str, optional
        What the table calls the other columns, such as ``{"mean": "pain"}``.
    reference : str, optional
        Agent without a dose, such as "placebo"; its dose may be left empty.
    slopes : {"agent", "common"}
        Whether each agent has coefficients of its own (and knots at quantiles of its own doses), or all
        share one curve, which needs doses that mean the same for all.
    ed50 : {"agent", "common"}
        Of Emax curves whether agents share the dose of half the plateau, while each keeps its own plateau.
        It too needs doses that mean the same for all.
    random : bool
        Whether trials of one comparison differ beyond chance.
    tau2 : str or float
        Estimator of their variance, "REML", "ML", "DL" or "PM"; or its value.
    inference : str
        "z", "t", "knapp-hartung" or "kenward-roger".
    level : float
        Confidence level.

    Returns
    -------
    DoseNetwork

    Raises
    ------
    SynthesisError
        When no trial links an agent to the reference, an agent has too few doses for its curve, its doses
        show no plateau, or a row cannot be used; it is named.

    Notes
    -----
    A comparison of dose d of agent a with dose c of agent b in trial i estimates

    .. math:: y_i = \{b(d) - b(0)\}'\beta_a - \{b(c) - b(0)\}'\beta_b + u_i + e_i, \quad
        u_i \sim N\bigl(0, \tau^2 (I + J)/2\bigr)

    with the exact covariance of e that a shared arm brings; the effect of dose 0 is one for all agents. Emax,
    :math:`E_a d / (ED_{50,a} + d)`, is fitted by Gauss-Newton: a linear problem around the current curves,
    tau2 and all, until they rest; its standard errors and Q are those of the linear problem there.

    Mawdsley, Bennetts, Dias, Boucher & Welton (2016), CPT: Pharmacometrics & Systems Pharmacology 5, 393-401;
    Pedder, Dias, Bennetts, Boucher & Welton (2021), Medical Decision Making 41, 194-208.

    Examples
    --------
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3", "s4"], "agent_1": ["a", "a", "b", "b"],
    ...                        "dose_1": [1, 2, 4, 2], "agent_2": ["placebo", "placebo", "placebo", "a"],
    ...                        "dose_2": [0, 0, 0, 1], "estimate": [1.0, 2.2, 2.0, 0.1],
    ...                        "std_error": [0.4, 0.4, 0.4, 0.5]})
    >>> found = dose_network(trials, reference="placebo", random=False)
    >>> found.compare("a", 2, "b", 2)[["agent_1", "agent_2", "estimate", "std_error"]].round(3)
      agent_1 agent_2  estimate  std_error
    0       a       b     1.102      0.367
    """
    if inference in CLUSTERED:
        raise SynthesisError(
            f"Found inference {inference!r}, whose clusters a network does not have; wanted 'z', 't', "
            "'knapp-hartung' or 'kenward-roger'."
        )
    curve, said = _read_basis(basis)
    nodes = read_dose_network(
        data, (study, agent, dose, unit), measure=measure, columns=dict(columns or {}), reference=reference
    )
    if slopes == "common" or ed50 == "common":
        nodes.require_one_unit()
    design = make_dose_network_design(nodes, curve, slopes, ed50, random=random)
    settings = make_settings(nodes.contrasts, random=random, tau2=tau2, inference=inference, level=level)
    shared = ", one ED50" if ed50 == "common" else ""
    asked = replace(
        settings, formula=f"estimate ~ {said}" + (f" by agent{shared}" if slopes == "agent" else "")
    )
    told: tuple[str, ...] = ()
    if isinstance(curve, Emax):
        design, rest = bend(design, asked)
        told = () if rest.settled else (UNSETTLED.format(rest.steps),)
    contrasts = replace(design.nodes.contrasts, y=design.problem.y)
    fit = make_fit(replace(design.nodes, contrasts=contrasts), design.problem, asked, design.coefficients)
    return DoseNetwork(design, replace(fit, warnings=(*fit.warnings, *told)))


def _read_basis(basis: str | Basis) -> tuple[Basis, str]:
    if not isinstance(basis, str):
        require_basis(basis)
        return basis, "+".join(basis.names("dose"))
    said = SHORT.get(basis.strip(), basis.strip())
    _, column, curve = read_curve(f"estimate ~ {said}")
    if column != "dose":
        raise SynthesisError(
            f"Found basis {basis!r}; wanted {', '.join(map(repr, SHORT))}, 'rcs(dose, [1, 5, 20])' or "
            "'log(dose + 1)'."
        )
    return curve, said
