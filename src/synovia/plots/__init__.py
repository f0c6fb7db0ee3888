"""Drawings from tidy frames: every function takes axes and gives them back, so a table can be drawn again."""

from synovia.plots.draw import draw
from synovia.plots.evidence_map import evidence_map, evidence_map_figure
from synovia.plots.flow import flow, flow_figure
from synovia.plots.forest import forest, forest_figure
from synovia.plots.funnel import funnel
from synovia.plots.save import to_png, to_svg
from synovia.plots.timecourse import timecourse, timecourse_figure

__all__ = [
    "draw",
    "evidence_map",
    "evidence_map_figure",
    "flow",
    "flow_figure",
    "forest",
    "forest_figure",
    "funnel",
    "timecourse",
    "timecourse_figure",
    "to_png",
    "to_svg",
]
