"""Time courses: how an effect goes over the follow-ups, with the covariance of repeated measurements."""

import pandas as pd

from synovia.synthesis.course.basis import Basis, read_basis
from synovia.synthesis.course.covariance import Repeats
from synovia.synthesis.course.design import make_course_design
from synovia.synthesis.course.fitting import fit_course
from synovia.synthesis.course.model import TimeCourse
from synovia.synthesis.course.reading import Columns, read_follow_ups
from synovia.synthesis.course.settings import CourseSettings
from synovia.synthesis.random import Slopes
from synovia.synthesis.settings import CLUSTERED, KENWARD_ROGER, Tau2

__all__ = ["time_course"]


def time_course(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame,
    *,
    basis: str | Basis,
    study: str = "study",
    time: str = "time",
    estimate: str = "estimate",
    variance: str = "variance",
    treatment: str | None = None,
    comparator: str | None = None,
    arm: str | None = None,
    reference: str | None = None,
    origin: bool = True,
    correlation: float = 0.5,
    structure: str = "AR",
    random: str | None = "UN",
    tau2: Tau2 = "REML",
    inference: str | None = None,
    level: float = 0.95,
) -> TimeCourse:
    r"""How an effect goes over time, from follow-ups of the same people.

    Parameters
    ----------
    data : DataFrame
        One row per follow-up: of one effect; of arms, with ``treatment``; or of comparisons of arms, with
        ``treatment`` and ``comparator`` (as ``course_contrasts`` makes them), which may form a network.
    basis : str or Basis
        Shape: "linear", "piecewise(4, 12, 26)", "spline(4, 12, 26)", "fp(0.5)", "emax", or an object of
        ``synovia.synthesis.course``.
    study, time, estimate, variance : str
        Columns; times in any one unit, variances on the scale of the estimate squared.
    treatment, comparator : str, optional
        Columns of what was given, and of what it is compared with.
    arm : str, optional
        Column that tells apart arms of a study that had one treatment, or several series of a study.
    reference : str, optional
        Treatment that courses of comparisons are against; the comparator of most rows without it.
    origin : bool
        Whether a shape said in words starts at 0 at time 0, as changes and randomised comparisons do.
    correlation : float
        Between follow-ups of the same people, from 0 to below 1; ``sensitivity`` varies it.
    structure : {"AR", "CAR", "CS"}
        Whether the correlation is that of successive visits, of times one unit apart, or of all times.
    random : {"UN", "CS", "DIAG"} or None
        How coefficients vary between studies: each with its variance and correlations; with one variance and
        one correlation; uncorrelated, which depends on the basis; or not at all.
    tau2 : str, float or mapping
        "REML" or "ML", or values by name. With one function of time, any estimator of ``meta``.
    inference : str, optional
        As for ``meta``; the robust kinds take studies as clusters. Without it "kenward-roger" where variances
        are estimated by REML, whose intervals keep their level with few studies, and "z" elsewhere.
    level : float
        Confidence level.

    Returns
    -------
    TimeCourse

    Raises
    ------
    SynthesisError
        When a row, a column or a setting cannot be used, or the data do not tell the shape; it is named.

    Notes
    -----
    .. math:: y_i(t) = \sum_k b_k(t)\,(\beta_k + u_{ik}) + e_i(t), \quad u_i \sim N(0, G), \quad
        \operatorname{Cov}(e_i(s), e_i(t)) = \rho(s, t)\sqrt{v_i(s) v_i(t)}

    Jansen, Vieira & Cope (2015), Statistics in Medicine 34, 2294-2311; Pedder, Dias, Bennetts, Boucher &
    Welton (2019), Research Synthesis Methods 10, 267-286; Ishak, Platt, Joseph, Hanley & Caro (2007),
    Clinical Trials 4, 525-539.

    Examples
    --------
    >>> visits = pd.DataFrame({"study": ["a", "a", "b", "b", "c", "c"], "time": [4.0, 12.0] * 3,
    ...                        "estimate": [-5.0, -8.0, -4.0, -9.0, -6.0, -7.0], "variance": [4.0] * 6})
    >>> course = time_course(visits, basis="piecewise(4, 12)", random=None)
    >>> course.predict([4, 8, 12])[["time", "estimate", "lower", "upper"]].round(2)
       time  estimate  lower  upper
    0   4.0      -5.0  -7.26  -2.74
    1   8.0      -6.5  -8.46  -4.54
    2  12.0      -8.0 -10.26  -5.74
    """
    columns = Columns(study, time, estimate, variance, treatment, comparator, arm)
    follow_ups = read_follow_ups(data, columns)
    design = make_course_design(follow_ups, read_basis(basis, origin=origin), reference, random)
    chosen = _choose_inference(inference, random, tau2)
    settings = CourseSettings(
        formula="estimate ~ course(time)",
        variance="variance",
        random=None if random is None else Slopes("course(time)", "study", random),
        tau2="REML" if random is None else tau2,
        inference=chosen,
        level=level,
        cluster="study" if chosen in CLUSTERED else None,
        repeats=Repeats(correlation, structure),
        between=random,
    )
    return TimeCourse(design, fit_course(design, settings), settings)


def _choose_inference(inference: str | None, random: str | None, tau2: Tau2) -> str:
    if inference is not None:
        return inference
    return KENWARD_ROGER if random is not None and tau2 == "REML" else "z"
