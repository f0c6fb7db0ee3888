"""A fit as a script for R's metafor, its data written out, so that anybody can check it without Synovia."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Diagonal, RandomTerm, RowScale, Term
from synovia.kernel.solution import Solution
from synovia.synthesis.r_curves import write_curve_terms
from synovia.synthesis.r_text import (
    write_covariance,
    write_integers,
    write_matrix,
    write_number,
    write_numbers,
    write_texts,
)
from synovia.synthesis.random import Inner, Intercepts, Known, Places, RandomEffects, Slopes
from synovia.synthesis.settings import CLUSTERED
from synovia.synthesis.terms import build_terms, find_column, group_by
from synovia.synthesis.weighting import read_row_weights

if TYPE_CHECKING:
    from synovia.synthesis.fit import Fit

__all__ = ["to_r"]

Floats = NDArray[np.float64]

METHODS = ("REML", "ML", "DL", "HE", "HS", "HSk", "SJ", "EB", "PM")
TESTS = {"knapp-hartung": "knha", "knapp-hartung-floor": "adhoc", "t": "t", "t-residual": "t", "z": "z"}
STRUCTURES = {"UN": "GEN", "DIAG": "GDIAG"}
SEARCH = "control=list(threshold=1e-12, maxiter=10000)"
CLIMB = 'control=list(optimizer="BFGS", reltol=1e-15, maxit=10000)'


@dataclass(slots=True)
class _Script:
    """What is written: columns of the data, lines before the call, arguments of the call, lines after."""

    columns: dict[str, str]
    before: list[str]
    arguments: list[str]
    after: list[str]
    notes: list[str]


def to_r(fit: Fit) -> str:
    """The fit as a script for R's metafor that holds its data.

    Parameters
    ----------
    fit : Fit
        A fit of estimates with their variances.

    Returns
    -------
    str
        Reads no file. Moderators are written as columns of the design, so that contrasts and splines are the
        same in R; every number has 17 significant digits. What metafor cannot do as Synovia does is said in
        comments.

    Raises
    ------
    SynthesisError
        When the fit is a model of counts.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> print(to_r(meta(trials, inference="z")))
    library(metafor)
    # estimate ~ 1: random effects; tau2 by REML
    dat <- data.frame(
      label = c("row 1", "row 2", "row 3"),
      yi = c(0.1, 0.4, 0.3),
      vi = c(0.02, 0.03, 0.01)
    )
    fit <- rma.uni(yi, vi, data=dat, method="REML", test="z", level=95,
      control=list(threshold=1e-12, maxiter=10000))
    print(fit, digits=6)
    """
    if isinstance(fit.point, Solution):
        raise SynthesisError(
            "The fit is a model of counts; scripts are written for estimates with variances."
        )
    columns = {
        "label": write_texts(fit.names.effects),
        "yi": write_numbers(fit.problem.y),
        "vi": write_numbers(fit.problem.V.diagonal),
    }
    script = _Script(columns, [], [], [], [])
    _write_mean(fit, script)
    call = _write_uni(fit, script) if _is_uni(fit) else _write_mv(fit, script)
    _write_robust(fit, script)
    return _join(fit, script, call)


def _join(fit: Fit, script: _Script, call: str) -> str:
    data = ",\n".join(f"  {name} = {values}" for name, values in script.columns.items())
    said = [f"# {fit.settings.formula}: {fit.settings.model}", *(f"# {note}" for note in script.notes)]
    head = ", ".join(script.arguments[:-1])
    lines = ["library(metafor)", *said, "dat <- data.frame(", data, ")", *script.before]
    lines.append(f"fit <- {call}({head},\n  {script.arguments[-1]})")
    return "\n".join([*lines, *script.after, "print(fit, digits=6)"])


def _write_mean(fit: Fit, script: _Script) -> None:
    """Columns of the design; R makes no intercept of its own unless there is nothing else."""
    if fit.names.coefficients == ("Intercept",):
        return
    names = []
    for place, name in enumerate(fit.names.coefficients):
        names.append(f"x{place + 1}")
        script.columns[names[-1]] = write_numbers(fit.problem.X[:, place])
        script.notes.append(f"x{place + 1}: {' '.join(name.split())}")
    script.arguments.append(f"mods = ~ 0 + {' + '.join(names)}")


def _is_uni(fit: Fit) -> bool:
    """Whether R's engine for independent rows has the model."""
    if fit.settings.curved or not isinstance(fit.problem.V, Diagonal):
        return False
    terms = fit.problem.terms
    return not terms or (len(terms) == 1 and (isinstance(terms[0], RowScale) or _is_plain(terms[0])))


def _is_plain(term: RandomTerm) -> bool:
    return isinstance(term, Term) and term.rowwise and term.parameters == 1 and term.structure.size == 1


def _write_uni(fit: Fit, script: _Script) -> str:
    arguments = ["yi", "vi", *script.arguments, "data=dat"]
    tau2 = fit.settings.tau2
    if not fit.problem.terms:
        arguments.append('method="EE"')
    elif isinstance(tau2, str) and tau2 in METHODS:
        arguments.append(f'method="{tau2}"')
    else:
        script.notes.append("tau2 is given, because R finds it in another way or it was given here too.")
        arguments.append(f"tau2={write_number(float(fit.point.psi[0]))}")
    if fit.problem.terms and isinstance(fit.problem.terms[0], RowScale):
        arguments.append(_write_scale(fit.problem.terms[0], script))
    if fit.settings.weights is not None:
        arguments.append(f"weights={write_numbers(read_row_weights(fit.rows, fit.settings.weights))}")
    script.arguments = [
        *arguments,
        *_say_test(fit, script),
        SEARCH if fit.settings.scale is None else "digits=8",
    ]
    return "rma.uni"


def _write_scale(term: RowScale, script: _Script) -> str:
    names = [f"w{place + 1}" for place in range(term.parameters)]
    script.columns |= {name: write_numbers(column) for name, column in zip(names, term.W.T, strict=True)}
    return f"scale = ~ 0 + {' + '.join(names)}"


def _say_test(fit: Fit, script: _Script) -> list[str]:
    kind = fit.settings.inference
    test = TESTS.get(kind, "z")
    if kind not in TESTS and kind not in CLUSTERED:
        script.notes.append(f"metafor has no {kind} intervals; those below are normal.")
    return [f'test="{test}"', f"level={100 * fit.settings.level:g}"]


def _write_mv(fit: Fit, script: _Script) -> str:
    script.before += write_covariance(fit.problem.V)
    arguments = ["yi", "V", *script.arguments]
    if fit.settings.curved:
        return _write_curved(fit, arguments, script)
    parts = [_write_term(fit, number, script) for number in range(len(fit.problem.terms))]
    if parts:
        arguments.append(f"random = list({', '.join(part.formula for part in parts)})")
    structures = [part.structure for part in parts if part.structure]
    if structures:
        arguments.append(f"struct={write_texts(structures)}")
    known = [part.known for part in parts if part.known]
    if known:
        arguments += [f"R=list({', '.join(known)})", "Rscale=FALSE"]
    arguments += _hold(fit, parts, script)
    arguments += ["data=dat", f'method="{"REML" if fit.settings.restricted else "ML"}"']
    script.arguments = [*arguments, *_say_mv_test(fit, script), CLIMB]
    return "rma.mv"


def _write_curved(fit: Fit, arguments: list[str], script: _Script) -> str:
    """A model whose random coefficients are columns of a curve."""
    text = write_curve_terms(fit)
    script.columns |= text.columns
    script.before += text.before
    script.notes += text.notes
    if text.formulas:
        arguments.append(f"random = list({', '.join(text.formulas)})")
    if text.structures:
        arguments.append(f"struct={write_texts(text.structures)}")
    if text.known:
        arguments += [f"R=list({', '.join(text.known)})", "Rscale=FALSE"]
    if np.isfinite(text.sigma2).any():
        arguments.append(f"sigma2={write_numbers(text.sigma2)}")
    arguments += ["data=dat", f'method="{"REML" if fit.settings.restricted else "ML"}"']
    script.arguments = [*arguments, *_say_mv_test(fit, script), CLIMB]
    return "rma.mv"


@dataclass(frozen=True, slots=True)
class _Part:
    """One random term in R: its formula, structure and known matrix, and where its values are held."""

    formula: str
    structure: str = ""
    known: str = ""
    variances: int = 1
    correlations: int = 0


def _write_term(fit: Fit, number: int, script: _Script) -> _Part:
    effect = _find_effect(fit, number)
    term = fit.problem.terms[number]
    group = f"g{number + 1}"
    script.columns[group] = write_integers(term.groups + 1)
    if isinstance(effect, Intercepts):
        return _Part(f"~ 1 | {group}")
    if not isinstance(term, Term):
        raise SynthesisError("A location-scale model has no script with dependent estimates.")
    if isinstance(effect, Known):
        script.columns[group] = write_texts([f"level {code + 1}" for code in term.codes.tolist()])
        script.before.append(_write_known(effect, term, fit, group))
        return _Part(f"~ 1 | {group}", known=f"{group}={group}_known")
    if isinstance(effect, Places):
        names = [f"{group}_{place + 1}" for place in range(len(effect.coordinates))]
        for name, column in zip(names, effect.coordinates, strict=True):
            script.columns[name] = write_numbers(
                fit.rows.used[find_column(column, fit.rows)].to_numpy(np.float64)
            )
        return _Part(f"~ {' + '.join(names)} | {group}", structure=effect.kind, correlations=1)
    if isinstance(effect, Slopes):
        return _write_slopes(effect, term, group, script)
    return _write_inner(effect, term, group, fit, script)


def _find_effect(fit: Fit, number: int) -> RandomEffects:
    label = build_terms(fit.settings.effects, fit.rows).labels[number]
    return next(effect for effect in fit.settings.effects if effect.label == label)


def _write_known(effect: Known, term: Term, fit: Fit, group: str) -> str:
    values = fit.rows.used[find_column(effect.column, fit.rows)].astype(str).tolist()
    order = [values[int(np.argmax(term.codes == code))] for code in range(term.structure.size)]
    matrix = effect.matrix.set_axis([str(name) for name in effect.matrix.index]).set_axis(
        [str(name) for name in effect.matrix.columns], axis=1
    )
    names = write_texts([f"level {code + 1}" for code in range(len(order))])
    body = write_matrix(matrix.loc[order, order].to_numpy(dtype=np.float64))
    return f"{group}_known <- {body}\ndimnames({group}_known) <- list({names}, {names})"


def _write_slopes(effect: Slopes, term: Term, group: str, script: _Script) -> _Part:
    loadings = np.empty((0, 0)) if term.loadings is None else term.loadings
    names = [f"{group}_z{place + 1}" for place in range(loadings.shape[1])]
    script.columns |= {name: write_numbers(column) for name, column in zip(names, loadings.T, strict=True)}
    q = len(names)
    correlations = q * (q - 1) // 2 if effect.structure == "UN" else 0
    return _Part(f"~ 0 + {' + '.join(names)} | {group}", STRUCTURES[effect.structure], "", q, correlations)


def _write_inner(effect: Inner, term: Term, group: str, fit: Fit, script: _Script) -> _Part:
    inner = f"{group}_inner"
    if effect.structure == "CAR":
        values = fit.rows.used[find_column(effect.inner, fit.rows)]
        script.columns[inner] = write_numbers(pd.to_numeric(values).to_numpy(np.float64))
    else:
        script.columns[inner] = write_integers(term.codes + 1)
    q = term.structure.size
    variances = q if effect.structure in ("UN", "HCS", "DIAG", "HAR") else 1
    correlations = {"UN": q * (q - 1) // 2, "DIAG": 0, "ID": 0}.get(effect.structure, 1)
    return _Part(f"~ {inner} | {group}", effect.structure, "", variances, correlations)


def _hold(fit: Fit, parts: list[_Part], script: _Script) -> list[str]:
    """Values that were given rather than estimated."""
    tau2 = fit.settings.tau2
    held = dict(tau2) if isinstance(tau2, Mapping) else {}
    if tau2 not in ("REML", "ML") and not held and parts:
        script.notes.append("tau2 is given, because R's rma.mv knows REML and ML alone.")
        held = dict(zip(fit.names.variances, fit.point.psi.tolist(), strict=True))
    arguments = _hold_rho(fit, parts)
    if held and all(not part.structure for part in parts):
        arguments.append(f"sigma2={write_numbers([held.get(name, np.nan) for name in fit.names.variances])}")
    elif held:
        script.notes.append(f"held here and to be held in R: {', '.join(held)}")
    return arguments


def _hold_rho(fit: Fit, parts: list[_Part]) -> list[str]:
    named = zip(("rho", "phi"), (number for number, part in enumerate(parts) if part.structure), strict=False)
    found = []
    for name, number in named:
        effect = _find_effect(fit, number)
        if isinstance(effect, Inner) and effect.rho is not None:
            found.append(f"{name}={write_number(effect.rho)}")
    return found


def _say_mv_test(fit: Fit, script: _Script) -> list[str]:
    kind, level = fit.settings.inference, f"level={100 * fit.settings.level:g}"
    if kind == "t-residual":
        return ['test="t"', level]
    if kind == "t":
        return ['test="t"', f"dfs={write_number(fit.inference.df)}", level]
    if kind in ("z", *CLUSTERED):
        return ['test="z"', level]
    script.notes.append(f"metafor's rma.mv has no {kind} intervals; those below are normal.")
    if kind in TESTS:
        script.after.append(
            f"# standard errors here: times {write_number(float(np.sqrt(fit.inference.factor)))}"
        )
    return ['test="z"', level]


def _write_robust(fit: Fit, script: _Script) -> None:
    kind, cluster = fit.settings.inference, fit.settings.cluster
    if kind not in CLUSTERED or cluster is None:
        return
    script.columns["cluster"] = write_integers(group_by((cluster,), fit.rows) + 1)
    if kind in ("CR0", "CR1p"):
        script.after.append(
            f"fit <- robust(fit, cluster=dat$cluster, adjust={'TRUE' if kind == 'CR1p' else 'FALSE'})"
        )
        return
    script.after.append(
        "print(clubSandwich::coef_test(fit, cluster=dat$cluster, "
        f'vcov=clubSandwich::vcovCR(fit, cluster=dat$cluster, type="{kind}")))'
    )
