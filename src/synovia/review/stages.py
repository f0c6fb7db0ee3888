"""The chain from exports and evidence to pooled results: what each stage reads and gives, as data.

The work itself is in ``work``, which is loaded only when a stage has to be computed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from synovia import tables
from synovia.fields import Field
from synovia.review.cache import code_digest
from synovia.review.evidence import Evidence
from synovia.review.protocol import Protocol
from synovia.tables import EVIDENCE, Table, digest

__all__ = ["STAGES", "Materials", "Stage", "keys"]


@dataclass(frozen=True, slots=True)
class Materials:
    """What goes into a review: the protocol, the exports as received, and what people entered."""

    protocol: Protocol
    field: Field
    searches: Mapping[str, bytes]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the chain.

    Attributes
    ----------
    name, label : str
        Name in messages and what it does, in words.
    after : tuple of str
        Stages whose tables it reads.
    needs : callable
        Plain values of the materials it reads; their digest is part of its key.
    gives : tuple of Table
        Tables it computes.
    """

    name: str
    label: str
    after: tuple[str, ...]
    needs: Callable[[Materials], object]
    gives: tuple[Table, ...]


def keys(materials: Materials) -> dict[str, str]:
    """Key of every stage: the digest of all that its tables depend on."""
    found: dict[str, str] = {}
    for stage in STAGES:
        parts = {"code": code_digest(), "needs": digest.of_rows(stage.needs(materials))}
        found[stage.name] = digest.of_parts({**parts, **{name: found[name] for name in stage.after}})
    return found


def _sections(*names: str) -> Callable[[Materials], object]:
    return lambda materials: [materials.protocol.model_dump(mode="json")[name] for name in names]


def _rows(*names: str) -> Callable[[Materials], list[object]]:
    return lambda m: [[(row.line, dict(row.values)) for row in m.evidence.rows[name]] for name in names]


STAGES: tuple[Stage, ...] = (
    Stage(
        "collect",
        "reading the exports",
        (),
        lambda m: [
            _sections("search")(m),
            {name: digest.of_bytes(data) for name, data in m.searches.items()},
        ],
        (tables.RECORDS, tables.REJECTS),
    ),
    Stage(
        "deduplicate",
        "linking duplicates",
        ("collect",),
        _rows("merges"),
        (tables.PAIRS, tables.CLUSTERS),
    ),
    Stage(
        "screen",
        "folding decisions",
        ("deduplicate",),
        lambda m: [_sections("screening")(m), _rows("decisions", "links")(m)],
        (tables.DECISIONS, tables.VERDICTS),
    ),
    Stage(
        "extract",
        "reading and converting numbers",
        (),
        lambda m: [
            m.protocol.review.field,
            _sections("treatment", "outcome", "extraction")(m),
            _rows(*(t.name for t in EVIDENCE))(m),
        ],
        (*EVIDENCE, tables.ARM_DATA, tables.CONVERSIONS, tables.UNCONVERTED),
    ),
    Stage(
        "synthesise",
        "computing effects and pooling",
        ("extract",),
        _sections("outcome", "window", "model", "comparison", "variant"),
        (
            tables.ESTIMATES,
            tables.EFFECTS,
            tables.COVARIANCES,
            tables.OMISSIONS,
            tables.CONTRIBUTIONS,
            tables.COEFFICIENTS,
        ),
    ),
    Stage(
        "connect",
        "comparing all treatments in networks",
        ("extract",),
        lambda m: [
            m.protocol.review.field,
            _sections("treatment", "outcome", "window", "model", "network")(m),
        ],
        (
            tables.NETWORKS,
            tables.NETWORK_NODES,
            tables.NETWORK_ARMS,
            tables.NETWORK_EFFECTS,
            tables.NETWORK_RANKS,
            tables.NETWORK_RANK_PROBABILITIES,
            tables.NETWORK_INCOHERENCE,
            tables.NETWORK_CONTRIBUTIONS,
            tables.NETWORK_POSTERIORS,
            tables.NETWORK_OMISSIONS,
        ),
    ),
    Stage(
        "follow",
        "following effects over time",
        ("extract",),
        _sections("outcome", "model", "course"),
        (tables.COURSES, tables.COURSE_FOLLOW_UPS, tables.COURSE_ESTIMATES),
    ),
)
"""The chain, in the order in which it runs."""
