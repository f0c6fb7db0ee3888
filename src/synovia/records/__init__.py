"""From many exports to one set of reports: clean identifiers, linked duplicates, clusters that can be undone.

A linkage is a function from records to table ``pairs``; :func:`cluster` takes the pairs of any number.
"""

from synovia.records.clean import clean
from synovia.records.cluster import cluster
from synovia.records.match import KEPT_APART, link_exact

__all__ = ["KEPT_APART", "clean", "cluster", "link_exact"]
