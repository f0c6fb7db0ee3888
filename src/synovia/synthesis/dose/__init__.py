"""Dose-response: how an effect changes with the dose, in one stage or two."""

from synovia.synthesis.dose.bases import Basis, Linear, Log, Quadratic, Spline, place_knots
from synovia.synthesis.dose.contrasts import dose_contrasts
from synovia.synthesis.dose.counts import Counts, adjust_margins, match_variances
from synovia.synthesis.dose.design import Columns, DoseDesign, read_doses
from synovia.synthesis.dose.dose_response import dose_response, fit_curve
from synovia.synthesis.dose.emax import Emax
from synovia.synthesis.dose.moments import Moments, match_moments
from synovia.synthesis.dose.network import dose_network
from synovia.synthesis.dose.network_design import DoseNetworkDesign
from synovia.synthesis.dose.network_model import DoseNetwork
from synovia.synthesis.dose.nodes import Nodes
from synovia.synthesis.dose.result import DoseResponse
from synovia.synthesis.dose.settings import DoseSettings
from synovia.synthesis.dose.units import RATIOS, UNITS, convert_doses

__all__ = [
    "RATIOS",
    "UNITS",
    "Basis",
    "Columns",
    "Counts",
    "DoseDesign",
    "DoseNetwork",
    "DoseNetworkDesign",
    "DoseResponse",
    "DoseSettings",
    "Emax",
    "Linear",
    "Log",
    "Moments",
    "Nodes",
    "Quadratic",
    "Spline",
    "adjust_margins",
    "convert_doses",
    "dose_contrasts",
    "dose_network",
    "dose_response",
    "fit_curve",
    "match_moments",
    "match_variances",
    "place_knots",
    "read_doses",
]
