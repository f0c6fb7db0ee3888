"""Effects that arms without any event leave open on one side, where only the prior ends them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from synovia.kernel.axis import Axis
from synovia.synthesis.bayes.binomial_likelihood import Arms, Place, at_tau, find_peak

__all__ = ["Held", "Separated", "Turned", "find_rarest", "find_separated", "hold", "turn"]

Floats = NDArray[np.float64]

WIDTH = 1.5  # logits around which the likelihood of an arm without events rises from 0 to 1
UNIT = 15.0  # parts of the prior's standard deviation that the axis counts in: it reaches ten of them


@dataclass(frozen=True, slots=True, eq=False)
class Separated:
    """Treatments whose log odds, against all others, may move together without end.

    Attributes
    ----------
    members : ndarray of int
        Columns of the design that move together, the first of them standing for all.
    """

    members: NDArray[np.intp]


def find_separated(arms: Arms) -> tuple[Separated, ...]:
    r"""Groups of treatments that the likelihood leaves open on one side; none in most networks.

    Parameters
    ----------
    arms : Arms
        The data.

    Notes
    -----
    A shift of the log odds of treatments leaves the likelihood no lower, however far it goes, when in every
    trial arms with some events move alike, arms without any no further up, and arms with nothing but events
    no further down. Every trial says which treatments cannot move below which; treatments that cannot
    move below each other, directly or through others, move together (Albert & Anderson 1984, Biometrika 71,
    1-10). What falls into more than one group is not bounded by the data.

    Examples
    --------
    >>> from synovia.synthesis.bayes.binomial_likelihood import make_arms
    >>> given, codes = np.array([0, 1, 0, 2]), np.array([0, 0, 1, 1])
    >>> trials = make_arms(np.array([3.0, 5.0, 4.0, 0.0]), np.full(4, 20.0), given, codes)
    >>> [group.members.tolist() for group in find_separated(trials)]
    [[1]]
    """
    labels = _label(arms)
    groups = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
    return tuple(Separated(group - 1) for group in groups if 0 not in group)


def _label(arms: Arms) -> NDArray[np.intp]:
    """Which group each treatment belongs to."""
    treatment = arms.treatment
    size = arms.design.shape[1] + 1
    rank = 1 + (arms.events == arms.totals).astype(int) - (arms.events == 0).astype(int)
    first, second = np.nonzero(arms.codes[:, None] == arms.codes[None, :])
    # an arm with rank 0 or 1 is bounded above by one with rank 1 or 2
    below = (rank[first] <= 1) & (rank[second] >= 1)
    edges = csr_array(
        (np.ones(int(below.sum())), (treatment[first][below], treatment[second][below])), shape=(size, size)
    )
    return np.asarray(connected_components(edges, directed=True, connection="strong")[1], dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Turned:
    """A network seen from a treatment that it tells much about.

    Attributes
    ----------
    arms : Arms
        With that treatment as the reference, 0, and the asked reference in its place.
    matrix : ndarray of shape (T - 1, T - 1)
        From effects against it to those against the asked reference.
    order : ndarray of int of shape (T,)
        Its treatments among the asked ones.
    """

    arms: Arms
    matrix: Floats
    order: NDArray[np.intp]


def turn(arms: Arms) -> Turned:
    """See a network from a treatment that the data do not leave open.

    Parameters
    ----------
    arms : Arms
        The data.

    Notes
    -----
    Nothing changes when the asked reference is one of the largest group of treatments that bound each other.
    Otherwise the treatment of that group with the largest sum of y(n - y)/n takes its place. The baseline of
    a trial is still its first arm in the asked order.

    Examples
    --------
    >>> from synovia.synthesis.bayes.binomial_likelihood import make_arms
    >>> given, codes = np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1])
    >>> trials = make_arms(np.array([0.0, 5.0, 4.0, 6.0]), np.full(4, 20.0), given, codes)
    >>> turned = turn(trials)
    >>> turned.order.tolist(), [group.members.tolist() for group in find_separated(turned.arms)]
    ([1, 0, 2], [[0]])
    """
    labels = _label(arms)
    told = np.bincount(arms.treatment, weights=arms.events * (1 - arms.events / arms.totals))
    sizes = np.bincount(labels)[labels]
    order = np.arange(labels.size)
    if sizes[0] == sizes.max() and (labels.max() == 0 or sizes[0] > 1):
        return Turned(arms, np.eye(order.size - 1), order)
    base = int(np.argmax(np.where(sizes == sizes.max(), told, -1.0)))
    if base == 0:
        return Turned(arms, np.eye(order.size - 1), order)
    order[[0, base]] = base, 0
    matrix = np.eye(order.size - 1)
    matrix[:, base - 1] = -1.0
    return Turned(replace(arms, design=arms.design @ matrix, treatment=order[arms.treatment]), matrix, order)


def find_rarest(arms: Arms) -> Separated:
    """The treatment with the fewest events, or the fewest people without, against all others.

    Parameters
    ----------
    arms : Arms
        The data.
    """
    rest = np.bincount(arms.treatment, weights=arms.totals - arms.events)
    rarest = int(np.minimum(np.bincount(arms.treatment, weights=arms.events), rest).argmin())
    return Separated(np.array([rarest - 1]) if rarest else np.arange(arms.design.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Effects, one of which is held at a value while the others are integrated out.

    With v the value of the held effect, the effects that move together are v and v + e; the likelihood of e
    has v as an offset, and so has its prior mean.

    Attributes
    ----------
    rest : Arms
        The data, with the other effects in the design.
    others : ndarray of int
        Columns of the whole design that the rest has.
    column : int
        Column of the held effect.
    moves : ndarray of shape (T - 1,)
        1 where an effect moves with the held one.
    shifted : ndarray of shape (A,)
        1 where an arm does, against its trial's first; -1 where the first does and it does not.
    axis : Axis
        Of the held effect, in units of effect_sd / UNIT.
    pull : ndarray of shape (T - 2,)
        Prior means of the others where the held effect is 1.
    prior : ndarray of shape (T - 2, T - 2)
        Prior precision of the others.
    effect_sd : float
        Standard deviation of the prior of the held effect.
    """

    rest: Arms
    others: NDArray[np.intp]
    column: int
    moves: Floats
    shifted: Floats
    axis: Axis
    pull: Floats
    prior: Floats
    effect_sd: float

    @property
    def unit(self) -> float:
        """Logits in which the axis counts."""
        return self.effect_sd / UNIT

    def natural(self, at: Floats) -> Floats:
        """The held effect at places on its axis."""
        return np.asarray(self.unit * self.axis.natural(at))

    def log_slope(self, at: Floats) -> Floats:
        """Log of its slope there."""
        return np.asarray(np.log(self.unit) + self.axis.log_slope(at))

    def put(self, tau: Floats, value: Floats) -> Place:
        """Evaluations at values of tau and of the held effect."""
        return Place(tau, value[:, None] * self.shifted, value[:, None] * self.pull)

    def log_prior(self, value: Floats) -> Floats:
        """Log density of the prior of the held effect."""
        z = value / self.effect_sd
        return np.asarray(-0.5 * z * z - np.log(self.effect_sd) - 0.5 * np.log(2 * np.pi))

    def restore(self, value: Floats, mean: Floats, cov: Floats) -> tuple[Floats, Floats]:
        """Means and covariances of all effects from those of the others."""
        t = self.moves.size
        every, spread = value[:, None] * self.moves, np.zeros((value.size, t, t))
        every[:, self.others] += mean
        spread[:, self.others[:, None], self.others] = cov
        return every, spread

    def spread(self, at: Floats, step: float) -> Floats:
        """(m, T - 1, T - 1) covariance of the held effect within a step of the rule, spread evenly."""
        width = step * np.exp(self.log_slope(at))
        return np.asarray(width[:, None, None] ** 2 / 12 * np.outer(self.moves, self.moves))


def hold(arms: Arms, separated: Separated, prior: Floats, baseline_sd: float) -> Held:
    """Give the effect that stands for a separated group an axis of its own.

    Parameters
    ----------
    arms : Arms
        The data.
    separated : Separated
        The group.
    prior : ndarray of shape (T - 1, T - 1)
        Precision of the normal prior of the effects, mean 0.
    baseline_sd : float
        Of the normal prior of the baselines, mean 0.

    Notes
    -----
    The axis is centred where half an event in each bare arm would put the effect: there the likelihood bends.
    """
    column = int(separated.members[0])
    others = np.delete(np.arange(arms.design.shape[1]), column)
    moves = np.zeros(arms.design.shape[1])
    moves[separated.members] = 1.0
    edge = find_peak(_soften(arms), at_tau(np.full(1, 0.5)), prior=prior, baseline_sd=baseline_sd).effects
    own = prior[others[:, None], others]
    pull: Floats = np.asarray(-np.linalg.solve(own, prior[others] @ moves), dtype=np.float64)
    effect_sd = float(moves @ prior @ moves + pull @ prior[others] @ moves) ** -0.5
    share = UNIT / effect_sd
    return Held(
        rest=replace(arms, design=arms.design[:, others]),
        others=others,
        column=column,
        moves=moves,
        shifted=arms.design @ moves,
        axis=Axis(-np.inf, np.inf, squared=False).scale(float(edge[0, column]) * share, WIDTH * share),
        pull=pull,
        prior=own,
        effect_sd=effect_sd,
    )


def _soften(arms: Arms) -> Arms:
    """The arms with half an event in those that have none, and half less in those with nothing else."""
    bare = (arms.events == 0) | (arms.events == arms.totals)
    return replace(arms, events=arms.events + 0.5 * bare, totals=arms.totals + bare)
