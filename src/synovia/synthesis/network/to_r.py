"""A network as a script for R's netmeta that holds its data, to be checked without Synovia."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.network.direct import list_comparisons
from synovia.synthesis.network.settings import NetworkSettings

if TYPE_CHECKING:
    from synovia.synthesis.network.model import Network

__all__ = ["network_to_r"]

METHODS = ("REML", "ML", "DL")
MEASURES = ("MD", "SMD", "ROM", "OR", "RR", "RD", "ASD", "IRR", "IRD")


def network_to_r(net: "Network") -> str:
    """The network as a script for netmeta that holds its data.

    Parameters
    ----------
    net : Network
        Without classes; a network with moderators is written for metafor, which netmeta does not fit.

    Returns
    -------
    str
        Reads no file: all comparisons of every trial, with 17 significant digits. What netmeta does otherwise
        is said in comments.

    Raises
    ------
    SynthesisError
        When treatments are nested in classes, which neither program fits.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis.network import network
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3"], "treatment_1": ["B", "C", "C"],
    ...                        "treatment_2": ["A", "A", "B"], "estimate": [1.0, 2.0, 1.5],
    ...                        "std_error": [0.5, 0.5, 0.25]})
    >>> print(network_to_r(network(trials, random=False)))
    library(netmeta)
    # network, common effects; normal interval
    dat <- data.frame(
      studlab = c("s1", "s2", "s3"),
      treat1 = c("A", "A", "B"),
      treat2 = c("B", "C", "C"),
      TE = c(-1, -2, -1.5),
      seTE = c(0.5, 0.5, 0.25)
    )
    net <- netmeta(TE, seTE, treat1, treat2, studlab, data=dat, sm="MD", reference.group="A",
      common=TRUE, random=FALSE, level=0.95)
    summary(net)
    netleague(net)
    """
    settings = net.fit.settings
    if isinstance(settings, NetworkSettings) and settings.classes:
        raise SynthesisError("Neither netmeta nor metafor fits treatments nested in classes.")
    if net.moderated is not None:
        return net.fit.to_r()
    options, notes = _describe(net)
    columns = ",\n".join(f"  {name} = c({', '.join(values)})" for name, values in _write_data(net).items())
    call = (
        'net <- netmeta(TE, seTE, treat1, treat2, studlab, data=dat, sm="'
        f'{_find_measure(net)}", reference.group={_quote(net.reference)},\n  {", ".join(options)})'
    )
    said = "\n".join(f"# {line}" for line in (net.fit.method, *notes))
    return f"library(netmeta)\n{said}\ndat <- data.frame(\n{columns}\n)\n{call}\nsummary(net)\nnetleague(net)"


def _find_measure(net: "Network") -> str:
    measure = net.design.contrasts.measure
    return measure if measure in MEASURES else "MD"


def _describe(net: "Network") -> tuple[list[str], list[str]]:
    """Arguments of the call and what it does otherwise."""
    settings = net.fit.settings
    random = settings.random is not None
    options = [f"common={'FALSE' if random else 'TRUE'}", f"random={'TRUE' if random else 'FALSE'}"]
    notes = []
    if random and settings.tau2 in METHODS:
        options.append(f'method.tau="{settings.tau2}"')
        if settings.tau2 != "DL" and len(max(net.design.arms, key=len)) > 2:
            notes.append("for REML and ML netmeta takes the comparisons of a trial for independent;")
            notes.append(
                f"tau.preset={_number(float(np.sqrt(net.fit.point.psi[0])))} gives it the tau of Synovia"
            )
    elif random:
        options.append(f"tau.preset={_number(float(np.sqrt(net.fit.point.psi[0])))}")
    if settings.inference != "z":
        notes.append("netmeta's intervals are normal")
    options.append(f"level={_number(settings.level)}")
    return options, notes


def _write_data(net: "Network") -> dict[str, list[str]]:
    first, second, y, v = list_comparisons(net)
    sizes = [len(arms) * (len(arms) - 1) // 2 for arms in net.design.arms]
    studies = [name for name, size in zip(net.design.studies, sizes, strict=True) for _ in range(size)]
    return {
        "studlab": [_quote(name) for name in studies],
        "treat1": [_quote(net.treatments[i]) for i in first.tolist()],
        "treat2": [_quote(net.treatments[i]) for i in second.tolist()],
        "TE": _numbers(y),
        "seTE": _numbers(np.sqrt(v)),
    }


def _numbers(values: NDArray[np.float64] | Sequence[float]) -> list[str]:
    return [_number(float(value)) for value in values]


def _number(value: float) -> str:
    return f"{value:.17g}" if f"{value:.15g}" != repr(value).removesuffix(".0") else f"{value:.15g}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
