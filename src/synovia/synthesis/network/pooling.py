"""Network meta-analysis: all treatments at once, from direct and indirect comparisons."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from synovia.errors import SynthesisError
from synovia.kernel.solution import require_point
from synovia.synthesis.network.classes import Classed, classify
from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.design import NetworkDesign, make_network_design
from synovia.synthesis.network.fitting import make_fit, make_settings
from synovia.synthesis.network.model import Network, add_reference, read_effects
from synovia.synthesis.network.reading import read_network
from synovia.synthesis.network.regression import Interaction, moderate
from synovia.synthesis.network.settings import NetworkSettings
from synovia.synthesis.settings import CLUSTERED, Tau2

__all__ = ["fit_network", "network"]


def network(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame | Contrasts,
    *,
    measure: str | None = None,
    columns: Mapping[str, str] | None = None,
    reference: str | None = None,
    random: bool = True,
    tau2: Tau2 = "REML",
    inference: str = "z",
    level: float = 0.95,
    formula: str | None = None,
    interaction: Interaction = "common",
    classes: Mapping[str, str] | None = None,
) -> Network:
    r"""Compare all treatments of a connected network of trials.

    Parameters
    ----------
    data : DataFrame or Contrasts
        Comparisons, with columns study, treatment_1, treatment_2, estimate (treatment 1 minus treatment 2)
        and std_error or variance; of a trial with m arms all m(m - 1)/2, or m - 1 against one arm with its
        baseline_variance. Or arms, one row each: study, treatment, and mean, sd and n, or events and n, or
        events and time. Or what ``read_contrasts`` or ``read_arms`` made.
    measure : {"MD", "SMD", "ROM", "OR", "RR", "RD", "ASD", "IRR", "IRD", "HR"}, optional
        Effect measure; needed for arms, whose ratios become logarithms. Of comparisons it says what the
        estimates are, ratios as logarithms.
    columns : mapping of str to str, optional
        What the table calls these columns, such as ``{"study": "trial"}``.
    reference : str, optional
        Treatment that effects are against; the first in alphabetical order without it. It changes nothing
        else.
    random : bool
        Whether trials of one comparison differ beyond chance.
    tau2 : str or float
        Estimator of their variance, "REML", "ML", "DL" (the generalised method of moments of netmeta) or
        "PM"; or its value.
    inference : str
        "z", "t", "knapp-hartung" and the other kinds of ``meta``; for "CR0" to "CR3" trials are the clusters.
    level : float
        Confidence level.
    formula : str, optional
        ``~ moderators`` of the trials, columns of the table: a network meta-regression.
    interaction : {"common", "treatment", "exchangeable"}
        Whether a moderator changes all treatments against the reference alike, each in its own way, or in
        ways that vary around a common one (with tau2="REML" or "ML").
    classes : mapping of str to str, optional
        Class of each treatment; treatments of a class vary around it. Needs tau2="REML" or "ML".

    Returns
    -------
    Network

    Raises
    ------
    SynthesisError
        When the network does not hang together, or a trial cannot be used; it is named.

    Notes
    -----
    With design-consistent effects d against the reference, a trial i with baseline b estimates

    .. math:: y_{i,bk} = d_k - d_b + u_{i,bk} + e_{i,bk}, \quad
        \operatorname{Cov}(u_{i,bk}, u_{i,bl}) = \tau^2/2

    with the exact covariance of e that the shared baseline brings. Lu & Ades (2004), Statistics in Medicine
    23, 3105-3124; Rücker (2012), Research Synthesis Methods 3, 312-324; White et al. (2012), Research
    Synthesis Methods 3, 111-125.

    Examples
    --------
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3", "s4"], "treatment_1": ["B", "C", "C", "C"],
    ...                        "treatment_2": ["A", "A", "B", "A"], "estimate": [1.0, 2.0, 1.5, 2.2],
    ...                        "std_error": [0.5, 0.5, 0.5, 0.4]})
    >>> network(trials).effects()[["treatment", "reference", "estimate", "lower", "upper"]].round(2)
      treatment reference  estimate  lower  upper
    0         B         A      0.84   0.09   1.59
    1         C         A      2.18   1.62   2.74
    """
    contrasts = read_network(data, measure, columns)
    design = make_network_design(contrasts, reference, random=random)
    settings = make_settings(contrasts, random=random, tau2=tau2, inference=inference, level=level)
    if formula is not None and classes is not None:
        raise SynthesisError("Found formula and classes; wanted one of them at a time.")
    if (classes is not None or formula is not None) and inference == "kenward-roger":
        raise SynthesisError(
            "Kenward-Roger is offered for networks without moderators and classes; use 'z', 't' or "
            "'knapp-hartung'."
        )
    if (classes is not None or interaction == "exchangeable") and inference in CLUSTERED:
        raise SynthesisError(
            "Cluster-robust errors are those of fixed effects; for classes and exchangeable slopes use 'z', "
            "'t' or 'knapp-hartung'."
        )
    if formula is not None:
        moderated = moderate(design, formula, interaction)
        vary = moderated.moderators.columns[1:] if interaction == "exchangeable" else ()
        fit = make_fit(design, moderated.problem, replace(settings, slopes=vary), moderated.columns)
        return read_effects(design, fit, moderated, None)
    if classes is not None:
        return _fit_classes(design, classify(design, classes), replace(settings, classes=True))
    return fit_network(design, settings)


def fit_network(design: NetworkDesign, settings: NetworkSettings) -> Network:
    """Fit the design of a network.

    Parameters
    ----------
    design : NetworkDesign
        Connected comparisons.
    settings : NetworkSettings
        Estimator and interval.
    """
    problem = design.problem
    fit = make_fit(design, problem, settings, design.treatments[1:])
    return Network(design, fit, *add_reference(fit.point.beta, fit.inference.cov))


def _fit_classes(design: NetworkDesign, classed: Classed, settings: NetworkSettings) -> Network:
    fit = make_fit(design, classed.problem, settings, classed.classes)
    effects, cov = classed.predict(require_point(fit.point))
    return Network(design, fit, *add_reference(effects, cov * fit.inference.factor))
