"""A fitted component network: what each part adds, and what combinations of parts add."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, Problem, point, quantile, tail
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.component_design import ComponentDesign
from synovia.synthesis.network.design import find_subnetworks
from synovia.synthesis.network.league import Compared, League, league
from synovia.synthesis.network.ranking import DRAWS, SEED, Better, Ranking, rank
from synovia.synthesis.network.to_r import components_to_r
from synovia.synthesis.summary import Summary, show_p, show_test

__all__ = ["ComponentNetwork"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

COLUMNS = ("estimate", "std_error", "statistic", "df", "p_value", "lower", "upper")


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

    def combinations(self, against: str | None = None, *, also: Sequence[str] = ()) -> pd.DataFrame:
        """Every treatment that trials used, and combinations that none did.

        Parameters
        ----------
        against : str, optional
            Treatment to be against, which need not have been in a trial; nothing at all without it.
        also : sequence of str
            Further combinations of the components.

        Returns
        -------
        DataFrame
            treatment, then as ``tidy``, and untried: whether no trial gave the treatment, so that the number
            rests on additivity alone.
        """
        base = np.zeros(len(self.components)) if against is None else self.design.row(against)
        rows = np.vstack([self.design.C, *(self.design.row(name) for name in also)])
        listed = self._list(rows - base)
        listed.insert(0, "treatment", [*self.treatments, *also])
        untried = [not self.design.is_tried(name) for name in also]
        return listed.assign(untried=[*([False] * len(self.treatments)), *untried])

    def compare(self, first: str, second: str | None = None, *, level: float | None = None) -> pd.DataFrame:
        """One combination against another, or against nothing; neither need have been in a trial.

        Returns
        -------
        DataFrame
            One row: treatment_1, treatment_2, then as ``tidy``, with prediction_lower, prediction_upper and
            untried: which of the two no trial gave, so that the number rests on additivity alone.
        """
        other = np.zeros(len(self.components)) if second is None else self.design.row(second)
        listed = self._list((self.design.row(first) - other)[None], level)
        listed.insert(0, "treatment_1", [first])
        listed.insert(1, "treatment_2", ["" if second is None else second])
        half = self._reach(listed["std_error"].to_numpy(), float(listed["level"].iloc[0]))
        return listed.assign(
            prediction_lower=listed["estimate"] - half,
            prediction_upper=listed["estimate"] + half,
            untried="; ".join(
                name for name in (first, second) if name is not None and not self.design.is_tried(name)
            ),
        )

    @property
    def estimates(self) -> Floats:
        """(T,) effects of the treatments against nothing but inactive components.

        Raises
        ------
        SynthesisError
            When some cannot be told apart.
        """
        return np.asarray(self._express() @ self.fit.point.beta)

    @property
    def covariance(self) -> Floats:
        """(T, T) covariance of ``estimates``."""
        K = self._express()
        return np.asarray(K @ self.fit.inference.cov @ K.T)

    def degrees(self, first: Integers, second: Integers) -> Floats:
        """Degrees of freedom of comparisons by the places of their treatments."""
        C = self.design.C
        return self.fit.inference.degrees(self.design.identified.express(C[first] - C[second]))

    def league(
        self,
        *,
        order: tuple[str, ...] | None = None,
        above: Compared | None = None,
        ratio: bool | None = None,
        level: float | None = None,
        digits: int = 2,
    ) -> League:
        """Every comparison in one square, with another network, such as the standard one, above."""
        shown: str | Compared = "nothing" if above is None else above
        return league(self, order=order, above=shown, ratio=ratio, level=level, digits=digits)

    def rank(self, *, better: Better, mid: float = 0.0, draws: int = DRAWS, seed: int = SEED) -> Ranking:
        """P-scores and ranks of the combinations that trials used; see ``synovia.synthesis.network.rank``.

        Raises
        ------
        SynthesisError
            When some differences between them cannot be estimated.
        """
        return rank(self, better=better, mid=mid, draws=draws, seed=seed)

    def to_r(self) -> str:
        """The network as a script for R's netcomb, or discomb where it falls apart, that holds its data."""
        return components_to_r(self)

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

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _express(self) -> Floats:
        C, identified = self.design.C, self.design.identified
        lost = [
            name
            for name, held in zip(self.treatments, identified.contains(C - C[:1]), strict=True)
            if not held
        ]
        if lost:
            raise SynthesisError(
                f"The difference of {lost[0]!r} from {self.treatments[0]!r} cannot be estimated, so that the "
                "treatments cannot be ranked; compare() those that can."
            )
        return identified.express(C)

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


def _measure(problem: Problem) -> tuple[float, int]:
    """Q at tau2 = 0 and its degrees of freedom."""
    return point(Problem(problem.y, problem.X, problem.V)).rss, problem.n - problem.p


def _tell(q: float, df: int, p_value: float) -> str:
    return f"{q:.2f} on 0 df" if df == 0 else show_test(f"{q:.2f}", df, p_value)
