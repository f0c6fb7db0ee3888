"""Networks of treatments: every comparison at once, direct and indirect."""

from synovia.synthesis.network.arms import read_arms
from synovia.synthesis.network.binary import hypergeometric_network, mantel_haenszel_network
from synovia.synthesis.network.components import ComponentNetwork, component_network
from synovia.synthesis.network.connection import Connection, connect
from synovia.synthesis.network.contrasts import Contrasts, read_contrasts
from synovia.synthesis.network.count_network import CountNetwork
from synovia.synthesis.network.design import NetworkDesign, from_arms, from_contrasts
from synovia.synthesis.network.direct import direct_evidence, hat_matrix
from synovia.synthesis.network.funnel import adjust_comparisons
from synovia.synthesis.network.league import League, league
from synovia.synthesis.network.model import Network
from synovia.synthesis.network.outcome_view import OutcomeView
from synovia.synthesis.network.outcomes import OutcomeNetwork, outcome_network
from synovia.synthesis.network.partial_order import PartialOrder, partial_order
from synovia.synthesis.network.penalised import penalised_network
from synovia.synthesis.network.pooling import network
from synovia.synthesis.network.ranking import Ranking, p_scores, rank
from synovia.synthesis.network.subgroups import NetworkSubgroups, network_subgroups

__all__ = [
    "ComponentNetwork",
    "Connection",
    "Contrasts",
    "CountNetwork",
    "League",
    "Network",
    "NetworkDesign",
    "NetworkSubgroups",
    "OutcomeNetwork",
    "OutcomeView",
    "PartialOrder",
    "Ranking",
    "adjust_comparisons",
    "component_network",
    "connect",
    "direct_evidence",
    "from_arms",
    "from_contrasts",
    "hat_matrix",
    "hypergeometric_network",
    "league",
    "mantel_haenszel_network",
    "network",
    "network_subgroups",
    "outcome_network",
    "p_scores",
    "partial_order",
    "penalised_network",
    "rank",
    "read_arms",
    "read_contrasts",
]
