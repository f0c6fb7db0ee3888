"""Small published data sets, each with its source, its licence and the numbers its paper printed."""

from synovia.examples.example import Example, example, examples

__all__ = ["Example", "example", "examples"]
