"""A field of medicine as data: its scales, their direction and range, and the published thresholds."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from synovia.errors import Fault, ProtocolError

__all__ = ["Field", "Mcid", "Scale", "load_field"]

Basis = Literal["seen in source", "Synovia's reading"]


@dataclass(frozen=True, slots=True)
class Mcid:
    """One published threshold of importance on one scale; there is never a single true one.

    Attributes
    ----------
    value : float
        Size of the difference, never negative unless the source prints it so.
    upper : float or None
        Upper end when the source prints a range from ``value`` to ``upper``.
    unit : str
        Unit of the threshold: points of the scale, mm, SD units, percent of baseline.
    kind : {"individual", "group"}
        ``individual``: change within one person (MCID, MCII, MIC), for responders.
        ``group``: difference between the means of two groups (MID), for pooled estimates.
    method : str
        How it was found: anchor, distribution, consensus.
    population : str
        In whom.
    citation : str
        Where it was published.
    basis : {"seen in source", "Synovia's reading"}
        Whether the number was read in a source that can be opened, or is Synovia's reading.
    """

    value: float
    upper: float | None
    unit: str
    kind: Literal["individual", "group"]
    method: str
    population: str
    citation: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class Scale:
    """One version of one scale: its range and which way is better.

    Attributes
    ----------
    id, name, instrument, version : str
        Names; two versions of one instrument are two scales.
    minimum, maximum : float
        Range of a score.
    better : {"lower", "higher"}
        Direction of improvement.
    unit : str
        Unit of the printed score.
    zero_is_normal : bool
        Whether a score of 0 is what normal tissue or a healthy person has; a normalised mean
        difference without a sham group is allowed only then.
    mcids : tuple of Mcid
        Published thresholds, each with its source.
    source : str
        Where range and direction come from.
    basis : {"seen in source", "Synovia's reading"}
        How sure range and direction are.
    parts : tuple of str
        Subscales or scored features, with their ranges.
    """

    id: str
    name: str
    instrument: str
    version: str
    minimum: float
    maximum: float
    better: Literal["lower", "higher"]
    unit: str
    zero_is_normal: bool
    mcids: tuple[Mcid, ...]
    source: str
    basis: Basis = "Synovia's reading"
    parts: tuple[str, ...] = ()

    @property
    def span(self) -> float:
        """Width of the range."""
        return self.maximum - self.minimum

    @property
    def direction(self) -> int:
        """1 when higher is worse, -1 when higher is better."""
        return 1 if self.better == "lower" else -1

    def holds(self, value: float) -> bool:
        """Whether a score can occur on the scale."""
        return self.minimum <= value <= self.maximum

    def to_100(self, mean: float) -> float:
        """A score on 0-100 where higher is worse, whatever the direction of the scale.

        Parameters
        ----------
        mean : float
            Score or mean of scores, in units of the scale.

        Returns
        -------
        float
            ``100 (mean - minimum) / span`` when lower is better, else 100 minus that.

        Examples
        --------
        >>> from synovia.fields import load_field
        >>> field = load_field("knee_oa")
        >>> field.scale("womac-pain-likert").to_100(5.0)
        25.0
        >>> field.scale("koos-pain").to_100(80.0)
        20.0
        """
        distance = mean - self.minimum if self.better == "lower" else self.maximum - mean
        return 100.0 * distance / self.span

    def change_to_100(self, change: float) -> float:
        """A change of score on 0-100 where a positive change is a worsening.

        Examples
        --------
        >>> from synovia.fields import load_field
        >>> load_field("knee_oa").scale("koos-pain").change_to_100(12.0)
        -12.0
        """
        return 100.0 * self.direction * change / self.span

    def sd_to_100(self, sd: float) -> float:
        """A standard deviation (or standard error) on 0-100; direction does not matter.

        Examples
        --------
        >>> from synovia.fields import load_field
        >>> load_field("knee_oa").scale("pain-vas-10").sd_to_100(2.5)
        25.0
        """
        return 100.0 * sd / self.span


@dataclass(frozen=True, slots=True)
class Field:
    """A field of medicine: its name and its registered scales.

    Attributes
    ----------
    id, name : str
        ``knee_oa``, "Knee osteoarthritis".
    scales : tuple of Scale
        In the order of the registry.
    """

    id: str
    name: str
    scales: tuple[Scale, ...]

    @property
    def scale_ids(self) -> tuple[str, ...]:
        """Ids of all registered scales."""
        return tuple(scale.id for scale in self.scales)

    def knows(self, scale_id: str) -> bool:
        """Whether the scale is registered."""
        return scale_id in self.scale_ids

    def scale(self, scale_id: str) -> Scale:
        """The registered scale of that id.

        Raises
        ------
        ProtocolError
            When no scale has this id; the message names the known ids and the closest one.

        Examples
        --------
        >>> from synovia.fields import load_field
        >>> load_field("knee_oa").scale("womac-pain-likert").maximum
        20.0
        """
        for scale in self.scales:
            if scale.id == scale_id:
                return scale
        raise ProtocolError([unknown("scale", scale_id, self.scale_ids)])


def unknown(kind: str, name: str, known: tuple[str, ...]) -> Fault:
    """A fault for a name that does not exist, with the closest names that do."""
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    advice = f"Did you mean {' or '.join(close)}?" if close else ""
    return Fault(f"{kind} {name!r}", f"one of {', '.join(known)}", advice=advice)


def field_names() -> tuple[str, ...]:
    """Fields that ship with Synovia."""
    rooms = (room for room in files("synovia.fields").iterdir() if room.is_dir())
    return tuple(sorted(room.name for room in rooms if room.joinpath("scales.toml").is_file()))


def load_field(name: str = "knee_oa") -> Field:
    """A field of medicine by name, read from the registry that ships with Synovia.

    Parameters
    ----------
    name : str
        Name of the field.

    Raises
    ------
    ProtocolError
        When no field has this name.

    Examples
    --------
    >>> from synovia.fields import load_field
    >>> field = load_field("knee_oa")
    >>> field.scale("ikdc").better
    'higher'
    """
    names = field_names()
    if name not in names:
        raise ProtocolError([unknown("field", name, names)])
    return _read(name)


@cache
def _read(name: str) -> Field:
    text = files("synovia.fields").joinpath(name, "scales.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)
    return Field(name, str(entries["name"]), tuple(_scale(entry) for entry in entries["scale"]))


def _scale(entry: Mapping[str, Any]) -> Scale:
    return Scale(
        id=entry["id"],
        name=entry["name"],
        instrument=entry["instrument"],
        version=entry["version"],
        minimum=float(entry["minimum"]),
        maximum=float(entry["maximum"]),
        better=entry["better"],
        unit=entry["unit"],
        zero_is_normal=entry["zero_is_normal"],
        mcids=tuple(_mcid(threshold) for threshold in entry.get("mcid", ())),
        source=entry["source"],
        basis=entry["basis"],
        parts=tuple(entry.get("parts", ())),
    )


def _mcid(entry: Mapping[str, Any]) -> Mcid:
    upper = entry.get("upper")
    return Mcid(
        value=float(entry["value"]),
        upper=None if upper is None else float(upper),
        unit=entry["unit"],
        kind=entry["kind"],
        method=entry["method"],
        population=entry["population"],
        citation=entry["citation"],
        basis=entry["basis"],
    )
