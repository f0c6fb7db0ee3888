"""Networks against R's netmeta, part by part."""

import re

from parity.grid import Case
from parity.topics import network_core, network_counts, network_incoherence

MODULES = (network_core, network_incoherence, network_counts)
PARTS = network_core.PARTS | network_counts.PARTS

COVERS = "|".join(f"(?:{module.COVERS})" for module in MODULES)


def check(case: Case) -> None:
    """One case, by the part that covers it."""
    next(module for module in MODULES if re.fullmatch(module.COVERS, case.id)).check(case)
