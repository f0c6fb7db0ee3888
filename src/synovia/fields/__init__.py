"""A field of medicine as data: scales with range and direction, and published thresholds."""

from synovia.fields.registry import Field, Mcid, Scale, load_field

__all__ = ["Field", "Mcid", "Scale", "load_field"]
