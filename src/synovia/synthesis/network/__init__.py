"""Networks of treatments: every comparison at once, direct and indirect."""

from synovia.synthesis.network.contrasts import Contrasts, read_contrasts
from synovia.synthesis.network.design import NetworkDesign, from_contrasts
from synovia.synthesis.network.network import Network, network

__all__ = ["Contrasts", "Network", "NetworkDesign", "from_contrasts", "network", "read_contrasts"]
