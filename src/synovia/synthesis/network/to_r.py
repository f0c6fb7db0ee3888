"""Networks as scripts for R's netmeta that hold their data, to be checked without Synovia."""

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Blocks
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.settings import NetworkSettings

if TYPE_CHECKING:
    from synovia.synthesis.network.components import ComponentNetwork
    from synovia.synthesis.network.model import Network

__all__ = ["components_to_r", "counts_to_r", "network_to_r"]

METHODS = ("REML", "ML", "DL")
MEASURES = ("MD", "SMD", "ROM", "OR", "RR", "RD", "ASD", "IRR", "IRD", "HR")
COUNTED = {
    "MH": "arms and designs without events are left out",
    "NCH": "method='NCH' is the approximation for rare events; netmetabin has no exact likelihood",
    "LRP": "the same penalised likelihood; netmetabin may widen intervals by a dispersion factor",
}
READINGS = (
    "summary(net)",
    "netleague(net)",
    'netrank(net, small.values="undesirable")  # "desirable" where lower is better',
    "netsplit(net)",
    "decomp.design(net)",
    "netmeasures(net)",
    "netcontrib(net)",
)


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
    netrank(net, small.values="undesirable")  # "desirable" where lower is better
    netsplit(net)
    decomp.design(net)
    netmeasures(net)
    netcontrib(net)
    """
    settings = net.fit.settings
    if isinstance(settings, NetworkSettings) and settings.classes:
        raise SynthesisError("Neither netmeta nor metafor fits treatments nested in classes.")
    if isinstance(settings, NetworkSettings) and settings.designs:
        raise SynthesisError(
            "netmeta has no variance between designs; write the script of the network itself."
        )
    if net.moderated is not None:
        return net.fit.to_r()
    contrasts = net.design.contrasts
    options, notes = _describe(net.fit, contrasts)
    call = (
        'net <- netmeta(TE, seTE, treat1, treat2, studlab, data=dat, sm="'
        f'{_find_measure(contrasts)}", reference.group={_quote(net.reference)},\n  {", ".join(options)})'
    )
    return "\n".join([*_open(net.fit, notes), _write_data(contrasts), call, *READINGS])


def components_to_r(net: "ComponentNetwork") -> str:
    """A component network as a script for netcomb, or for discomb where no trial connects its parts.

    Parameters
    ----------
    net : ComponentNetwork
        Any.

    Returns
    -------
    str
        Reads no file; what each treatment is made of is given as ``C.matrix``, interactions included.
    """
    contrasts = net.design.contrasts
    options, notes = _describe(net.fit, contrasts)
    sm = f'sm="{_find_measure(contrasts)}"'
    if len(net.subnetworks) == 1:
        call = (
            f"net <- netmeta(TE, seTE, treat1, treat2, studlab, data=dat, {sm},\n  {', '.join(options)})\n"
            "comb <- netcomb(net, C.matrix=C)"
        )
    else:
        own = [option for option in options if not option.startswith("method.tau")]
        call = (
            f"comb <- discomb(TE, seTE, treat1, treat2, studlab, data=dat, C.matrix=C, {sm},\n"
            f"  {', '.join(own)})"
        )
        notes.append("discomb estimates tau2 by the method of moments")
    lines = [*_open(net.fit, notes), _write_data(contrasts), _write_matrix(net.design.C, net), call]
    return "\n".join([*lines, "summary(comb)"])


def _write_matrix(C: NDArray[np.float64], net: "ComponentNetwork") -> str:
    """What each treatment is made of."""
    rows, columns = (", ".join(map(_quote, names)) for names in (net.treatments, net.components))
    values = ", ".join(_numbers(C.ravel()))
    return (
        f"C <- matrix(c({values}),\n  nrow={C.shape[0]}, byrow=TRUE,\n"
        f"  dimnames=list(c({rows}), c({columns})))"
    )


def counts_to_r(frame: pd.DataFrame, method: str, described: str, reference: str) -> str:
    """A network of events as a script for netmetabin.

    Parameters
    ----------
    frame : DataFrame
        study, treatment, events, n.
    method : {"MH", "NCH", "LRP"}
        As netmeta calls them.
    described : str
        The model in words.
    reference : str
        Treatment that effects are against.
    """
    columns = ",\n  ".join(f"{name} = c({', '.join(_write_column(frame[name]))})" for name in frame.columns)
    return "\n".join(
        [
            "library(netmeta)",
            f"# {described}",
            f"# {COUNTED[method]}",
            f"arms <- data.frame(\n  {columns}\n)",
            "dat <- as.data.frame(pairwise(treatment, event=events, n=n, studlab=study, data=arms, "
            'sm="OR", allstudies=TRUE))',
            "net <- netmetabin(event1, n1, event2, n2, treat1, treat2, studlab, data=dat, "
            f'sm="OR",\n  method="{method}", reference.group={_quote(reference)})',
            "summary(net)",
            "netleague(net)",
            READINGS[2],
            "netsplit(net)",
        ]
    )


def _write_column(values: pd.Series) -> list[str]:
    return [_quote(value) if isinstance(value, str) else _number(float(value)) for value in values.tolist()]


def _open(fit: Fit, notes: Sequence[str]) -> list[str]:
    return ["library(netmeta)", *(f"# {line}" for line in (fit.method, *notes))]


def _find_measure(contrasts: Contrasts) -> str:
    measure = contrasts.measure
    return measure if measure in MEASURES else "MD"


def _describe(fit: Fit, contrasts: Contrasts) -> tuple[list[str], list[str]]:
    """Arguments of the call and what it does otherwise."""
    settings = fit.settings
    random = settings.random is not None
    options = [f"common={'FALSE' if random else 'TRUE'}", f"random={'TRUE' if random else 'FALSE'}"]
    notes = []
    if random and settings.tau2 in METHODS:
        options.append(f'method.tau="{settings.tau2}"')
        if settings.tau2 != "DL" and contrasts.position.any():
            notes.append("for REML and ML netmeta takes the comparisons of a trial for independent;")
            notes.append(
                f"tau.preset={_number(float(np.sqrt(fit.point.psi[0])))} gives it the tau of Synovia"
            )
    elif random:
        options.append(f"tau.preset={_number(float(np.sqrt(fit.point.psi[0])))}")
    if settings.inference != "z":
        notes.append("netmeta's intervals are normal")
    options.append(f"level={_number(settings.level)}")
    return options, notes


def _write_data(contrasts: Contrasts) -> str:
    """Every comparison within every trial as a data frame of R."""
    columns: dict[str, list[str]] = {name: [] for name in ("studlab", "treat1", "treat2", "TE", "seTE")}
    names, V = contrasts.treatments, contrasts.V
    starts = np.searchsorted(contrasts.study, np.arange(len(contrasts.studies) + 1)).tolist()
    blocks = V.blocks if isinstance(V, Blocks) else tuple(V.diagonal[:, None, None])
    for study, (low, high), block in zip(contrasts.studies, pairwise(starts), blocks, strict=True):
        arms = [int(contrasts.baseline[low]), *contrasts.arm[low:high].tolist()]
        y, cov = np.r_[0.0, contrasts.y[low:high]], np.pad(block, ((1, 0), (1, 0)))
        for one, other in combinations(range(len(arms)), 2):
            i, j = sorted((one, other), key=arms.__getitem__)
            columns["studlab"].append(_quote(study))
            columns["treat1"].append(_quote(names[arms[i]]))
            columns["treat2"].append(_quote(names[arms[j]]))
            columns["TE"].append(_number(float(y[i] - y[j])))
            columns["seTE"].append(_number(float(np.sqrt(cov[i, i] + cov[j, j] - 2 * cov[i, j]))))
    listed = ",\n".join(f"  {name} = c({', '.join(values)})" for name, values in columns.items())
    return f"dat <- data.frame(\n{listed}\n)"


def _numbers(values: NDArray[np.float64] | Sequence[float]) -> list[str]:
    return [_number(float(value)) for value in values]


def _number(value: float) -> str:
    return f"{value:.17g}" if f"{value:.15g}" != repr(value).removesuffix(".0") else f"{value:.15g}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
