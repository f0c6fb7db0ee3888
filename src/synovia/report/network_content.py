"""What the report shows of a network, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from synovia import tables
from synovia.report.mid import Mid
from synovia.tables import Table

__all__ = ["NETWORK_TABLES", "PRIMARY", "NetworkAnswer", "NetworkCase"]

PRIMARY = "primary"

NETWORK_TABLES: tuple[Table, ...] = (
    tables.NETWORKS,
    tables.NETWORK_NODES,
    tables.NETWORK_ARMS,
    tables.NETWORK_EFFECTS,
    tables.NETWORK_RANKS,
    tables.NETWORK_RANK_PROBABILITIES,
    tables.NETWORK_INCOHERENCE,
    tables.NETWORK_CONTRIBUTIONS,
    tables.NETWORK_POSTERIORS,
)
"""Tables of a network, each with its ``network_id`` and ``variant``."""


@dataclass(frozen=True, slots=True)
class NetworkCase:
    """One sensitivity analysis of a network.

    Attributes
    ----------
    id, label : str
        As the protocol says.
    smallest_arm, smaller_than : int
        Which sizes of trials it keeps; 0 for all.
    sd_factor : float
        Whether it leaves out trials with unusual SDs; 0 if not.
    """

    id: str
    label: str
    smallest_arm: int = 0
    smaller_than: int = 0
    sd_factor: float = 0.0


@dataclass(frozen=True, slots=True)
class NetworkAnswer:
    """One network with everything that was computed for it.

    Attributes
    ----------
    network_id, label : str
        Id and heading of the network.
    outcome, window : str
        As written inside a sentence.
    reference : str
        Node that effects are against.
    labels : mapping of str to str
        How each node is written inside a sentence, in the order of the protocol.
    tables : mapping of str to DataFrame
        Rows of this network, by name of NETWORK_TABLES.
    omissions : DataFrame
        OMISSIONS of this network.
    cases : tuple of NetworkCase
        Its sensitivity analyses.
    better : {"lower", "higher"}
        Which effects are good.
    mid : Mid or None
        Difference that matters, on the scale of the effect.
    prior : str
        The declared prior on the SD between trials, in words; empty without one.
    """

    network_id: str
    label: str
    outcome: str
    window: str
    reference: str
    labels: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    omissions: pd.DataFrame = field(default_factory=lambda: tables.empty(tables.NETWORK_OMISSIONS))
    cases: tuple[NetworkCase, ...] = ()
    better: Literal["lower", "higher"] = "lower"
    mid: Mid | None = None
    prior: str = ""

    def rows(self, table: Table, variant: str = PRIMARY) -> pd.DataFrame:
        """Rows of a table in one analysis; empty when there are none."""
        frame = self.tables.get(table.name)
        if frame is None:
            return tables.empty(table)
        return frame[frame["variant"] == variant].reset_index(drop=True)

    def facts(self, variant: str = PRIMARY) -> Mapping[str, object]:
        """The row of NETWORKS of one analysis; empty when there is none."""
        rows = self.rows(tables.NETWORKS, variant)
        return {str(name): value for name, value in rows.iloc[0].items()} if len(rows) else {}

    def against_reference(self, variant: str = PRIMARY) -> pd.DataFrame:
        """Rows of NETWORK_EFFECTS against the reference."""
        rows = self.rows(tables.NETWORK_EFFECTS, variant)
        return rows[rows["comparator"] == self.reference].reset_index(drop=True)

    @property
    def fitted(self) -> bool:
        """Whether there is a network at all."""
        return self.facts().get("status") == "fitted"
