"""Records that share an identifier, linked, or kept apart where they cannot be one report."""

from collections.abc import Collection, Iterable

import pandas as pd

from synovia.records.clean import clean
from synovia.records.nature import Nature, describe, tell_apart
from synovia.tables import PAIRS, frame

__all__ = ["KEPT_APART", "link_exact"]

KEPT_APART = "kept apart"
"""Rule of a pair that shares an identifier and is nevertheless not one report."""

_MOST_COMPARED = 20


def link_exact(records: pd.DataFrame, *, registers: Collection[str] = ()) -> pd.DataFrame:
    """Pairs of records with the same DOI, PubMed number or, between register entries, registry number.

    A paper that names a registry number is another report than the register's entry, so registry numbers
    link register entries only, each by the first number it names, its own. Definite differences have the
    last word: such a pair is listed with the rule ``kept apart`` and its reason, and
    :func:`~synovia.records.cluster` never joins it.

    Parameters
    ----------
    records : DataFrame
        Table ``records``.
    registers : collection of str
        Searches that ran in a trial register; all their records are register entries.

    Returns
    -------
    DataFrame
        Table ``pairs``, sorted; in a group of records with one identifier each is linked to the first.

    Raises
    ------
    TableError
        When a declared column of ``records`` is absent.

    Examples
    --------
    >>> from synovia.tables import RECORDS, frame
    >>> records = frame(RECORDS, [
    ...     {"record_id": "a-0001", "doi": "10.1002/art.1", "title": "Knee pain"},
    ...     {"record_id": "b-0001", "doi": "10.1002/ART.1", "title": "Knee pain."},
    ... ])
    >>> link_exact(records)[["record_id", "other_id", "rule", "evidence"]].to_numpy().tolist()
    [['a-0001', 'b-0001', 'doi', 'doi 10.1002/art.1']]
    """
    ordered = clean(records).sort_values("record_id", kind="stable")
    rows = [{str(name): value for name, value in row.items()} for row in ordered.to_dict("records")]
    natures = [describe(row, is_register=row["search_id"] in registers) for row in rows]
    evidence: dict[tuple[str, str, str], list[str]] = {}
    for rule in ("doi", "pmid", "registry_id"):
        groups: dict[str, list[Nature]] = {}
        for row, nature in zip(rows, natures, strict=True):
            value = _identifier(rule, str(row[rule]), nature)
            if value:
                groups.setdefault(value, []).append(nature)
        for value, group in groups.items():
            for one, other, reason in _compare(group):
                key = (one, other, KEPT_APART if reason else rule)
                shared = f"{rule.removesuffix('_id')} {value}"
                evidence.setdefault(key, []).append(f"{shared}, but {reason}" if reason else shared)
    return frame(PAIRS, [_pair(key, texts) for key, texts in sorted(evidence.items())])


def _identifier(rule: str, text: str, nature: Nature) -> str:
    if rule != "registry_id":
        return text
    return text.split(";", 1)[0] if nature.is_register else ""


def _compare(group: list[Nature]) -> Iterable[tuple[str, str, str]]:
    """Each record of a group with the first record it agrees with, and with those it cannot be."""
    heads: list[Nature] = []
    for nature in group:
        for head in heads[:_MOST_COMPARED]:
            reason = tell_apart(head, nature)
            yield head.record_id, nature.record_id, reason
            if not reason:
                break
        else:
            heads.append(nature)


def _pair(key: tuple[str, str, str], texts: list[str]) -> dict[str, object]:
    return {"record_id": key[0], "other_id": key[1], "rule": key[2], "evidence": "; ".join(texts)}
