"""Published data sets that come with Synovia: the numbers, where they stand, and what was made of them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from io import StringIO
from typing import Any

import pandas as pd

from synovia.errors import Fault, InputError

__all__ = ["Example", "example", "examples"]

SETS = files("synovia.examples").joinpath("sets")


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A published data set.

    Attributes
    ----------
    name : str
        What ``example`` calls it.
    title : str
        What was studied.
    shows : str
        The models it is good for.
    about : str
        Question, direction of the effects, and what a reader should know before using the numbers.
    data : DataFrame
        One row per effect or per study; a fresh copy each time.
    columns : DataFrame
        Each column of ``data`` with its meaning and unit.
    source : str
        Full citation.
    doi : str
        Of the source, empty where none is known.
    references : tuple of str
        Further papers that printed results of these data.
    licence : str
        On what terms the numbers are here.
    printed : DataFrame
        Numbers the papers printed: ``model``, ``quantity``, ``printed`` (as text, with its digits),
        ``value``, ``place`` (paper, page, table) and ``seen`` (how the place is known). A printed number
        that the data do not give back to its last digit is not listed.
    """

    name: str
    title: str
    shows: str
    about: str
    data: pd.DataFrame
    columns: pd.DataFrame
    source: str
    doi: str
    references: tuple[str, ...]
    licence: str
    printed: pd.DataFrame

    def __str__(self) -> str:
        link = f" https://doi.org/{self.doi}" if self.doi else ""
        rows = f"{len(self.data)} rows: {', '.join(self.data.columns)}"
        return "\n".join(
            (f"{self.name}: {self.title}", self.about, rows, f"{self.source}{link}", self.licence)
        )

    __repr__ = __str__


def example(name: str) -> Example:
    """A published data set by name.

    Parameters
    ----------
    name : str
        One of the names that ``examples`` lists.

    Raises
    ------
    InputError
        When no data set has this name; the message lists those that do.

    Examples
    --------
    >>> from synovia.examples import example
    >>> bcg = example("bcg")
    >>> bcg.data[["label", "events_treatment", "n_treatment"]].head(2)
                  label  events_treatment  n_treatment
    0           Aronson                 4          123
    1  Ferguson & Simes                 6          306
    >>> print(bcg.printed.loc[0, ["quantity", "printed", "place"]].to_string())
    quantity                                     odds ratio
    printed                                           0.647
    place       van Houwelingen 2002, p. 596, in the text
    """
    names = _list_names()
    if name not in names:
        close = get_close_matches(name, names, n=3, cutoff=0.5)
        advice = f"Did you mean {' or '.join(close)}?" if close else ""
        raise InputError([Fault(f"example {name!r}", f"one of {', '.join(names)}", advice=advice)])
    said = _read_facts(name)
    return Example(
        name=name,
        title=said["title"],
        shows=said["shows"],
        about=said["about"],
        data=_read_data(name),
        columns=pd.DataFrame(list(said["columns"].items()), columns=["column", "meaning"]),
        source=said["source"],
        doi=said["doi"],
        references=tuple(said["references"]),
        licence=said["licence"],
        printed=_list_printed(said),
    )


def examples() -> pd.DataFrame:
    """Every data set that comes with Synovia.

    Returns
    -------
    DataFrame
        ``name``, ``title``, ``rows``, ``shows`` and ``source``, in the order of the names.

    Examples
    --------
    >>> from synovia.examples import examples
    >>> examples().loc[:1, ["name", "rows"]]
                    name  rows
    0  bangertdrowns2004    48
    1                bcg    13
    """
    found = [(name, _read_facts(name), _read_data(name)) for name in _list_names()]
    return pd.DataFrame(
        [(name, said["title"], len(data), said["shows"], said["source"]) for name, said, data in found],
        columns=["name", "title", "rows", "shows", "source"],
    )


def _list_names() -> list[str]:
    return sorted(path.name.removesuffix(".toml") for path in SETS.iterdir() if path.name.endswith(".toml"))


def _read_facts(name: str) -> dict[str, Any]:
    return tomllib.loads(SETS.joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def _read_data(name: str) -> pd.DataFrame:
    text = SETS.joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return pd.read_csv(StringIO(text), dtype={"study_id": str, "effect_id": str})


def _list_printed(said: Mapping[str, Any]) -> pd.DataFrame:
    rows = [
        (block["model"], quantity, text, float(text), block["place"], block["seen"])
        for block in said.get("printed", ())
        for quantity, text in block["numbers"].items()
    ]
    columns = ["model", "quantity", "printed", "value", "place", "seen"]
    return pd.DataFrame(rows, columns=columns).astype({"value": float})
