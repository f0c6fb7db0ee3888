"""Component networks: what each part of a combined treatment adds."""

from collections.abc import Mapping, Sequence

import pandas as pd

from synovia.errors import SynthesisError
from synovia.synthesis.network.component_design import Naming, make_component_design
from synovia.synthesis.network.component_model import ComponentNetwork
from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.fitting import make_fit, make_settings
from synovia.synthesis.network.reading import read_network
from synovia.synthesis.network.settings import NetworkSettings
from synovia.synthesis.settings import Tau2

__all__ = ["ComponentNetwork", "component_network"]


class ComponentSettings(NetworkSettings):
    """Settings of a component network."""

    __slots__ = ()

    @property
    def model(self) -> str:
        """The model in words."""
        return f"additive component {super().model}"


def component_network(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame | Contrasts,
    *,
    measure: str | None = None,
    columns: Mapping[str, str] | None = None,
    separator: str = "+",
    inactive: str | None = None,
    interactions: Sequence[Sequence[str]] = (),
    matrix: pd.DataFrame | None = None,
    random: bool = True,
    tau2: Tau2 = "REML",
    inference: str = "z",
    level: float = 0.95,
) -> ComponentNetwork:
    r"""What each component of combined treatments adds, also across networks that no trial connects.

    Parameters
    ----------
    data : DataFrame or Contrasts
        Comparisons or arms as ``network`` takes them; treatments are named by their components,
        ``"vesicle + gel"``.
    measure : str, optional
        Effect measure, as for ``network``; needed for arms.
    columns : mapping of str to str, optional
        What the table calls its columns, such as ``{"study": "trial"}``.
    separator : str
        What stands between components.
    inactive : str, optional
        A component that adds nothing, such as ``"saline"``. Without it every name counts as a component.
    interactions : sequence of sequences of str
        Sets of components whose joint presence may add more or less than their sum.
    matrix : DataFrame, optional
        What treatments are made of, in place of their names: a row per treatment (the index), a column per
        component or interaction, 1 where the treatment has it and 0 where not. It may have rows of
        combinations that no trial gave.
    random : bool
        Whether trials of one comparison differ beyond chance.
    tau2 : str or float
        Estimator of their variance, or its value; "DL" is the generalised method of moments.
    inference : str
        "z", "t", "knapp-hartung" and the other kinds of ``meta``.
    level : float
        Confidence level.

    Returns
    -------
    ComponentNetwork
        Effects that cannot be separated are NaN and named in ``warnings``; what is estimable is given.

    Raises
    ------
    SynthesisError
        When a name, a component or a trial cannot be used; it is named.

    Notes
    -----
    With B the incidence of comparisons and treatments and C that of treatments and components,

    .. math:: y = BC\beta + u + e

    where an interaction is a column of C, the product of its components'. With C the identity it is the
    standard network. Welton, Caldwell, Adamopoulos & Vedhara (2009), American Journal of Epidemiology 169,
    1158-1165; Rücker, Petropoulou & Schwarzer (2020), Biometrical Journal 62, 808-821.

    Examples
    --------
    >>> trials = pd.DataFrame({"study": ["s1", "s2", "s3", "s4"], "treatment_1": ["A", "B", "A + B", "A + B"],
    ...                        "treatment_2": ["saline", "saline", "A", "saline"],
    ...                        "estimate": [1.0, 2.0, 2.2, 2.9], "std_error": [0.5, 0.5, 0.5, 0.4]})
    >>> parts = component_network(trials, inactive="saline", random=False)
    >>> parts.tidy()[["component", "estimate", "lower", "upper"]].round(2)
      component  estimate  lower  upper
    0         A      0.91   0.19   1.62
    1         B      2.05   1.45   2.66
    """
    _check_separator(separator)
    groups = tuple(tuple(str(name) for name in group) for group in interactions)
    contrasts = read_network(data, measure, columns)
    if matrix is not None and (inactive is not None or groups):
        raise SynthesisError(
            "Found matrix together with inactive or interactions; the matrix alone says what treatments are "
            "made of: leave an inactive component out, and give an interaction a column."
        )
    naming = Naming(separator, inactive, groups, matrix)
    design = make_component_design(contrasts, naming, random=random)
    asked = make_settings(contrasts, random=random, tau2=tau2, inference=inference, level=level)
    settings = ComponentSettings(
        "estimate ~ components",
        asked.variance,
        asked.random,
        asked.tau2,
        asked.inference,
        asked.level,
        cluster=asked.cluster,
    )
    return ComponentNetwork(design, make_fit(design, design.problem, settings, design.identified.labels))


def _check_separator(separator: str) -> None:
    if not separator.strip():
        raise SynthesisError(
            f"Found separator {separator!r}; wanted the text between components, such as '+'."
        )
