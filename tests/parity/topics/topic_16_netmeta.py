"""Networks against R's netmeta, part by part."""

import re

from parity.grid import Case
from parity.topics import network_core, network_incoherence

MODULES = (network_core, network_incoherence)
PARTS = network_core.PARTS

# netmetabin pools the counts themselves (Mantel-Haenszel, non-central hypergeometric), which is not offered here
COVERS = "|".join(f"(?:{module.COVERS})" for module in MODULES)


def check(case: Case) -> None:
    """One case, by the part that covers it."""
    next(module for module in MODULES if re.fullmatch(module.COVERS, case.id)).check(case)
