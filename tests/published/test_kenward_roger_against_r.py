"""Kenward-Roger inference, computed by R's pbkrtest and by Synovia from the same 25 rows."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synovia.kernel import Diagonal, Problem, Term, Wald, reml, wald
from synovia.kernel.kenward_roger import kenward_roger

HERE = Path(__file__).parents[2] / "validation"
TERMS = {"nested": ("lab",), "crossed": ("lab", "lab2")}

SEARCHED = 1e-6  # lme4 stops its search at about 1e-8 of a standard deviation
SAMPLING = 1e-3  # part of lmer's residual variance; any number below it gives the same model


@pytest.mark.parametrize("name", list(TERMS))
def test_standard_errors_degrees_of_freedom_and_f(name: str) -> None:
    data = pd.read_csv(HERE / "kenward_roger.csv")
    theirs = json.loads((HERE / "kenward_roger.json").read_text())[name]
    n = len(data)
    design = np.column_stack([np.ones(n), data["x"], data["z"]])
    terms = (*(Term(data[column]) for column in TERMS[name]), Term(np.arange(n)))
    problem = Problem(data["y"], design, Diagonal(np.full(n, SAMPLING)), terms)
    choice = reml(problem)
    assert [*choice.psi[:-1], choice.psi[-1] + SAMPLING] == pytest.approx(theirs["psi"], rel=SEARCHED)
    found = kenward_roger(problem, choice)
    assert found.std_error == pytest.approx(theirs["std_error"], rel=SEARCHED)
    assert found.degrees(np.eye(3)) == pytest.approx(theirs["df"], rel=SEARCHED)
    joint = wald(choice.point.beta, found, np.eye(3)[1:])
    assert isinstance(joint, Wald)
    assert [joint.statistic, joint.df_residual, joint.p_value] == pytest.approx(theirs["joint"], rel=SEARCHED)
