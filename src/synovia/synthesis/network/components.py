"""Component networks: what each part of a combined treatment adds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, Problem, point, quantile, tail
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.component_design import ComponentDesign, Naming, make_component_design
from synovia.synthesis.network.contrasts import Contrasts, read_contrasts
from synovia.synthesis.network.design import find_subnetworks
from synovia.synthesis.network.fitting import make_fit, make_settings
from synovia.synthesis.network.settings import NetworkSettings
from synovia.synthesis.settings import Tau2
from synovia.synthesis.summary import Summary, show_p, show_test

__all__ = ["ComponentNetwork", "component_network"]

Floats = NDArray[np.float64]

COLUMNS = ("estimate", "std_error", "statistic", "df", "p_value", "lower", "upper")


class ComponentSettings(NetworkSettings):
    """Settings of a component network."""

    __slots__ = ()

    @property
    def model(self) -> str:
        """The model in words."""
        return f"additive component {super().model}"


@dataclass(frozen=True, slots=True, eq=False)
class ComponentNetwork:
    """A component network meta-analysis.

    Attributes
    ----------
    design : ComponentDesign
        Components, treatments and what can be told apart.
    fit : Fit
        The synthesis: its coefficients are the estimable combinations of components.
    """

    design: ComponentDesign
    fit: Fit

    @property
    def components(self) -> tuple[str, ...]:
        """Components, then interactions."""
        return self.design.effects

    @property
    def treatments(self) -> tuple[str, ...]:
        """Combinations that trials used, in alphabetical order."""
        return self.design.treatments

    @property
    def tau2(self) -> float | Inapplicable:
        """Variance of a comparison's true effect between trials."""
        if self.fit.settings.random is None:
            return Inapplicable("a common-effect network has no between-trial variance")
        return float(self.fit.point.psi[0])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What cannot be separated, and what the fit says about itself."""
        return (*self.design.identified.explain(), *self.fit.warnings)

    @property
    def subnetworks(self) -> tuple[tuple[str, ...], ...]:
        """Parts of the network that no trial connects and shared components join."""
        return find_subnetworks(self.design.contrasts)

    def tidy(self) -> pd.DataFrame:
        """What each component adds.

        Returns
        -------
        DataFrame
            component, estimate, std_error, statistic, df, p_value, lower, upper, level, identified, method.
            An effect that cannot be separated from others is NaN, and ``warnings`` says from which.
        """
        listed = self._list(np.eye(len(self.components)))
        listed.insert(0, "component", list(self.components))
        return listed.assign(method=self.fit.method)

    def combinations(self, against: str | None = None) -> pd.DataFrame:
        """Every treatment that trials used.

        Parameters
        ----------
        against : str, optional
            Treatment to be against, which need not have been in a trial; nothing at all without it.

        Returns
        -------
        DataFrame
            treatment, then as ``tidy``.
        """
        base = np.zeros(len(self.components)) if against is None else self.design.row(against)
        listed = self._list(self.design.C - base)
        listed.insert(0, "treatment", list(self.treatments))
        return listed

    def compare(self, first: str, second: str | None = None, *, level: float | None = None) -> pd.DataFrame:
        """One combination against another, or against nothing; neither need have been in a trial.

        Returns
        -------
        DataFrame
            One row: treatment_1, treatment_2, then as ``tidy``, with prediction_lower and prediction_upper.
        """
        other = np.zeros(len(self.components)) if second is None else self.design.row(second)
        listed = self._list((self.design.row(first) - other)[None], level)
        listed.insert(0, "treatment_1", [first])
        listed.insert(1, "treatment_2", ["" if second is None else second])
        half = self._reach(listed["std_error"].to_numpy(), float(listed["level"].iloc[0]))
        return listed.assign(
            prediction_lower=listed["estimate"] - half, prediction_upper=listed["estimate"] + half
        )

    def differences(self) -> tuple[Floats, Floats]:
        """(T, T) row treatment minus column treatment, and its standard error; NaN where not estimable."""
        C = self.design.C
        size = len(self.treatments)
        every = (C[:, None, :] - C[None, :, :]).reshape(size * size, -1)
        estimate, error = self._estimate(every)
        return estimate.reshape(size, size), error.reshape(size, size)

    def test_additivity(self) -> pd.DataFrame:
        r"""Whether sums of components describe the network.

        Returns
        -------
        DataFrame
            model (additive, standard, difference), q, df, p_value. Without a difference in df the additive
            model is the standard one and its p-value is NaN.

        Notes
        -----
        Q of the standard network has an effect for each treatment, within each sub-network; what the
        additive model adds to it is chi-squared on the difference of their ranks when components add up.
        Rücker, Petropoulou & Schwarzer (2020), Biometrical Journal 62, 808-821, section 2.4.
        """
        own = _measure(self.fit.problem)
        contrasts = self.design.contrasts
        heads = {contrasts.treatments.index(part[0]) for part in self.subnetworks}
        kept = [place for place in range(len(contrasts.treatments)) if place not in heads]
        standard = _measure(Problem(contrasts.y, contrasts.incidence[:, kept], contrasts.V))
        rows = [own, standard, (max(own[0] - standard[0], 0.0), own[1] - standard[1])]
        return pd.DataFrame(
            {
                "model": ["additive", "standard", "difference"],
                "q": [q for q, _ in rows],
                "df": [df for _, df in rows],
                "p_value": [float(chdtrc(df, q)) if df else np.nan for q, df in rows],
            }
        )

    def glance(self) -> pd.DataFrame:
        """One row of facts about the whole network; ``i2`` is in percent, from Q of the additive model."""
        tests = self.test_additivity().set_index("model")
        q, df = float(tests["q"]["additive"]), int(tests["df"]["additive"])
        tau2 = np.nan if isinstance(self.tau2, Inapplicable) else self.tau2
        row = {
            "components": len(self.components),
            "treatments": len(self.treatments),
            "trials": len(self.design.contrasts.studies),
            "subnetworks": len(self.subnetworks),
            "tau2": tau2,
            "tau": np.sqrt(tau2),
            "i2": 100 * max(0.0, 1 - df / q) if q > 0 and df else np.nan,
            **{
                f"{part}_{name}": tests[part][name] for name in tests.index for part in ("q", "df", "p_value")
            },
            "method": self.fit.method,
            "warnings": " ".join(self.warnings),
        }
        return pd.DataFrame([row])

    def summary(self) -> Summary:
        """The components on a page: ``as_text``, ``as_html``, ``as_latex``."""
        share = f"{100 * self.fit.settings.level:g}%"
        rows = tuple(
            (
                str(row["component"]),
                f"{row['estimate']:.4f}",
                f"{row['std_error']:.4f}",
                f"{row['lower']:.4f} to {row['upper']:.4f}",
                show_p(row["p_value"]),
            )
            if row["identified"]
            else (str(row["component"]), "not separable", "", "", "")
            for row in self.tidy().to_dict("records")
        )
        tau2 = self.tau2
        facts = [
            ("Method", self.fit.method),
            ("tau2", str(tau2) if isinstance(tau2, Inapplicable) else f"{tau2:.4g}"),
        ]
        facts += [
            (f"Q {row['model']}", _tell(row["q"], row["df"], row["p_value"]))
            for row in self.test_additivity().to_dict("records")
        ]
        trials = len(self.design.contrasts.studies)
        title = f"{len(self.components)} components in {len(self.treatments)} treatments of {trials} trials"
        header = ("", "estimate", "std. error", f"{share} interval", "p")
        return Summary(title, header, rows, tuple(facts), self.warnings)

    def _estimate(self, rows: Floats) -> tuple[Floats, Floats]:
        """(m,) combinations of effects and their standard errors, NaN where they cannot be told."""
        identified = self.design.identified
        K = identified.express(rows)
        error = np.sqrt(np.maximum(((K @ self.fit.inference.cov) * K).sum(axis=1), 0.0))
        known = identified.contains(rows)
        return np.where(known, K @ self.fit.point.beta, np.nan), np.where(known, error, np.nan)

    def _list(self, rows: Floats, level: float | None = None) -> pd.DataFrame:
        chosen = self.fit.settings.level if level is None else level
        estimate, error = self._estimate(rows)
        df = self.fit.inference.degrees(self.design.identified.express(rows))
        with np.errstate(divide="ignore", invalid="ignore"):  # nothing against nothing is 0 with error 0
            statistic = estimate / error
        half = np.array([quantile(chosen, own) for own in df.tolist()]) * error
        numbers = (estimate, error, statistic, df, tail(statistic, df), estimate - half, estimate + half)
        listed = pd.DataFrame(dict(zip(COLUMNS, numbers, strict=True)))
        return listed.assign(level=chosen, identified=~np.isnan(estimate))

    def _reach(self, error: Floats, level: float) -> Floats:
        """Half the width of the prediction interval; NaN where there is none."""
        tau2, df = self.tau2, self.fit.problem.n - self.fit.problem.p
        if isinstance(tau2, Inapplicable) or df < 1:
            return np.full(error.size, np.nan)
        return np.asarray(quantile(level, float(df)) * np.sqrt(error**2 + tau2))


def component_network(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame | Contrasts,
    *,
    columns: Mapping[str, str] | None = None,
    separator: str = "+",
    inactive: str | None = None,
    interactions: Sequence[Sequence[str]] = (),
    random: bool = True,
    tau2: Tau2 = "REML",
    inference: str = "z",
    level: float = 0.95,
) -> ComponentNetwork:
    r"""What each component of combined treatments adds, also across networks that no trial connects.

    Parameters
    ----------
    data : DataFrame or Contrasts
        Comparisons as ``network`` takes them; treatments are named by their components, ``"vesicle + gel"``.
    columns : mapping of str to str, optional
        What the table calls its columns, such as ``{"study": "trial"}``.
    separator : str
        What stands between components.
    inactive : str, optional
        A component that adds nothing, such as ``"saline"``. Without it every name counts as a component.
    interactions : sequence of sequences of str
        Sets of components whose joint presence may add more or less than their sum.
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
    contrasts = data if isinstance(data, Contrasts) else read_contrasts(data, **dict(columns or {}))
    design = make_component_design(contrasts, Naming(separator, inactive, groups), random=random)
    asked = make_settings(contrasts, random=random, tau2=tau2, inference=inference, level=level)
    settings = ComponentSettings(
        "estimate ~ components", asked.variance, asked.random, asked.tau2, asked.inference, asked.level
    )
    return ComponentNetwork(design, make_fit(design, design.problem, settings, design.identified.labels))


def _check_separator(separator: str) -> None:
    if not separator.strip():
        raise SynthesisError(
            f"Found separator {separator!r}; wanted the text between components, such as '+'."
        )


def _measure(problem: Problem) -> tuple[float, int]:
    """Q at tau2 = 0 and its degrees of freedom."""
    return point(Problem(problem.y, problem.X, problem.V)).rss, problem.n - problem.p


def _tell(q: float, df: int, p_value: float) -> str:
    return f"{q:.2f} on 0 df" if df == 0 else show_test(f"{q:.2f}", df, p_value)
