"""Networks of treatments: every comparison at once, direct and indirect."""

from synovia.synthesis.network.components import ComponentNetwork, component_network
from synovia.synthesis.network.contrasts import Contrasts, read_contrasts
from synovia.synthesis.network.design import NetworkDesign, from_contrasts
from synovia.synthesis.network.network import Network, network

__all__ = [
    "ComponentNetwork",
    "Contrasts",
    "Network",
    "NetworkDesign",
    "component_network",
    "from_contrasts",
    "network",
    "read_contrasts",
]
