"""Identifiers of records in their one written form."""

import pandas as pd

from synovia.tables import RECORDS, check
from synovia.tables.identifier import normalise_doi, normalise_pmid, registry_ids

__all__ = ["clean"]


def clean(records: pd.DataFrame) -> pd.DataFrame:
    """Records with their DOI, PubMed and registry numbers in one written form.

    A value that is no identifier becomes empty. Cleaning twice changes nothing.

    Parameters
    ----------
    records : DataFrame
        Table ``records``.

    Returns
    -------
    DataFrame
        The same rows in the same order.

    Raises
    ------
    TableError
        When a declared column is absent.

    Examples
    --------
    >>> from synovia.tables import RECORDS, frame
    >>> records = frame(RECORDS, [{"record_id": "a-0001", "doi": "https://doi.org/10.1002/ART.1"}])
    >>> clean(records)["doi"].tolist()
    ['10.1002/art.1']
    """
    declared = check(RECORDS, records)
    return declared.assign(
        doi=_column([normalise_doi(text) for text in declared["doi"]], declared.index),
        pmid=_column([normalise_pmid(text) for text in declared["pmid"]], declared.index),
        registry_id=_column(
            ["; ".join(registry_ids(text)) for text in declared["registry_id"]], declared.index
        ),
    )


def _column(texts: list[str], index: pd.Index) -> pd.Series:
    return pd.Series(texts, index=index, dtype="object")
