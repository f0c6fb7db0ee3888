"""Write which arms every synthesis of the shipped review uses, for the recomputation in R.

Only the choice of arms is Synovia's when R starts: measure, time and statistic of each. R takes the printed
numbers of those arms from the evidence itself; estimate and variance stand here to be held against its own.

    python validation/export_knee_oa.py
"""

import shutil
import tempfile
from pathlib import Path

import pandas as pd

import synovia as sv
from synovia.review.review import Review

HERE = Path(__file__).parent
SHIPPED = HERE.parent / "reviews" / "knee-oa"
TARGET = HERE / "knee_oa_effects.csv"
GROUPS = HERE / "knee_oa_groups.csv"
PLACE = ["measure", "scale", "timepoint", "weeks", "statistic", "line"]


def open_copy(folder: Path) -> Review:
    """The shipped review, in a folder of its own, so that nothing is written beside the evidence."""
    copy = folder / "knee-oa"
    shutil.copytree(SHIPPED, copy, ignore=shutil.ignore_patterns("out", ".synovia"))
    return sv.open(copy)


def list_effects(review: Review) -> pd.DataFrame:
    """One row per synthesis, variant and effect, with the rows of the evidence that it stands on."""
    tables = review.tables
    used = tables["contributions"].assign(variance=lambda rows: rows["std_error"] ** 2)
    used = used.assign(line=used["lines"].str.split(";").str[0].astype(float))
    estimates = tables["estimates"][["synthesis_id", "variant", "outcome"]]
    effect_measure = tables["estimates"][["synthesis_id", "variant", "measure"]]
    arms = tables["effects"][["effect_id", "arm_id", "comparator_id"]].drop_duplicates()
    rows = (
        used.merge(estimates, on=["synthesis_id", "variant"])
        .merge(effect_measure.rename(columns={"measure": "effect"}), on=["synthesis_id", "variant"])
        .merge(arms, on="effect_id")
        .merge(tables["arm_data"][["study_id", *PLACE]], on=["study_id", "line"], suffixes=("", "_of_arm"))
    )
    names = ["synthesis_id", "variant", "effect", "outcome", "study_id", "arm_id", "comparator_id"]
    return rows[[*names, "measure", "scale", "timepoint", "weeks", "statistic", "estimate", "variance"]]


def write_effects(review: Review, target: Path = TARGET) -> None:
    """Write the list as CSV, numbers in full."""
    list_effects(review).to_csv(target, index=False, lineterminator="\n")


def list_groups(review: Review) -> pd.DataFrame:
    """One row per arm in each group of each network and each course, with where its numbers are printed.

    Arms that stand in one group (one node of one trial, at one time) are rows with the same ``group``.
    """
    tables = review.tables
    used = tables["network_arms"].rename(columns={"network_id": "analysis", "node": "group"})
    outcome = tables["networks"].drop_duplicates("network_id").set_index("network_id")["outcome"]
    used = used.assign(
        outcome=used["analysis"].map(outcome), arm_id=used["arm_id"].str.split(" + ", regex=False)
    )
    arms = tables["arm_data"]
    followed = tables["course_follow_ups"].rename(columns={"course_id": "analysis"})
    course = tables["courses"].drop_duplicates("course_id").set_index("course_id")
    sides = followed.assign(
        outcome=followed["analysis"].map(course["outcome"]), lines=followed["lines"].str.split("; ")
    ).explode("lines")
    lines = arms.assign(lines=arms["lines"].str.split("; ")).explode("lines")
    found = sides[["analysis", "variant", "study_id", "outcome", "lines"]].merge(
        lines[["study_id", "outcome", "lines", "treatment", *PLACE[:-1], "arm_id"]],
        on=["study_id", "outcome", "lines"],
    )
    names = ["analysis", "variant", "study_id", "group", "arm_id", "outcome"]
    of_courses = found.rename(columns={"treatment": "group"})[[*names, *PLACE[:-1]]].drop_duplicates()
    keys = ["study_id", "arm_id", "outcome", "measure", "weeks", "statistic"]
    of_networks = used.explode("arm_id")[[*names, "measure", "weeks", "statistic"]].merge(
        arms[[*keys, "scale", "timepoint"]], on=keys
    )
    return pd.concat([of_networks, of_courses], ignore_index=True)[[*names, *PLACE[:-1]]]


def write_groups(review: Review, target: Path = GROUPS) -> None:
    """Write the list as CSV."""
    list_groups(review).to_csv(target, index=False, lineterminator="\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        shipped = open_copy(Path(folder))
        write_effects(shipped)
        write_groups(shipped)
