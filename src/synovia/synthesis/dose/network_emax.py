"""Emax curves of a network: linear problems around the curves until they rest."""

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Problem, point
from synovia.synthesis.choosing import choose_psi
from synovia.synthesis.dose.emax import Curve, Step, limit_half, list_halves, settle
from synovia.synthesis.dose.network_design import DoseNetworkDesign
from synovia.synthesis.network.settings import NetworkSettings

__all__ = ["bend"]

Floats = NDArray[np.float64]

SWEEPS = 3  # over the ED50 of all agents; the grid is a start, not the answer


def bend(design: DoseNetworkDesign, settings: NetworkSettings) -> tuple[DoseNetworkDesign, Curve]:
    """The design linearised around the Emax curves that fit best.

    Parameters
    ----------
    design : DoseNetworkDesign
        With Emax curves.
    settings : NetworkSettings
        How tau2 is found at each step.

    Raises
    ------
    SynthesisError
        When the doses of an agent show no plateau; it is named.
    """
    names = ("tau2",)[: len(design.problem.terms)]

    def linearise(beta: Floats) -> Step:
        around = design.linearise(beta).problem
        at = choose_psi(around, settings, names).point

        def judge(tried: Floats) -> float:
            miss = design.nodes.contrasts.y - design.heights(tried)
            return float((at.factor.half_solve(miss[:, None]) ** 2).sum())

        return Step(at.beta, judge)

    def refuse(place: int | None) -> SynthesisError:
        owner = "" if place is None else design.layout.owners[place]
        who = {"": "The doses of an agent", "all": "The doses"}.get(owner, f"The doses of {owner}")
        return SynthesisError(
            f"{who} do not show where the effect levels off: ED50 runs away from the doses studied. Use "
            "ed50='common' when agents can share it, 'linear', 'log(dose + 1)', or collect more doses."
        )

    limits = np.full((design.layout.size, 2), [-np.inf, np.inf])
    for place, doses in _list_halves(design).items():
        limits[place] = limit_half(doses)
    curve = settle(linearise, _start(design), limits, refuse)
    return design.linearise(curve.beta), curve


def _list_halves(design: DoseNetworkDesign) -> dict[int, Floats]:
    """The place of every log ED50, with the doses that tell it."""
    nodes, found = design.nodes, {}
    for place in np.unique(design.layout.places[:, 1]).tolist():
        agents = np.flatnonzero(design.layout.places[:, 1] == place)
        found[int(place)] = np.concatenate([nodes.list_levels(int(agent)) for agent in agents])
    return found


def _start(design: DoseNetworkDesign) -> Floats:
    """The best ED50 of a grid, one at a time, each with the best plateaus of a common effect."""
    contrasts, plain = design.nodes.contrasts, np.ones((design.problem.n, 1))
    factor = point(Problem(contrasts.y, plain, contrasts.V)).factor
    B, y = factor.half_solve(contrasts.incidence), factor.half_solve(contrasts.y[:, None])[:, 0]
    halves = _list_halves(design)
    beta, heights = design.layout.guess(design.nodes), np.unique(design.layout.places[:, 0])

    def fit(tried: Floats) -> tuple[float, Floats]:
        slopes = design.layout.slopes(design.nodes.agent, design.nodes.dose, tried)[:, heights]
        found = np.linalg.lstsq(B @ slopes, y, rcond=None)[0]
        return float(((y - B @ slopes @ found) ** 2).sum()), np.asarray(found, dtype=np.float64)

    for _ in range(SWEEPS if len(halves) > 1 else 1):
        for place, doses in halves.items():
            tried = [
                np.where(np.arange(beta.size) == place, half, beta) for half in np.log(list_halves(doses))
            ]
            beta = min(tried, key=lambda one: fit(one)[0])
    beta[heights] = fit(beta)[1]
    return beta
