"""What a person asks of a network."""

from dataclasses import dataclass

from synovia.errors import SynthesisError
from synovia.synthesis.random import RandomEffects, read_random
from synovia.synthesis.settings import WORDS, Settings

__all__ = ["NetworkSettings"]


@dataclass(frozen=True, slots=True)
class NetworkSettings(Settings):
    """Settings of a network: those of a synthesis whose random effects belong to trials.

    Attributes
    ----------
    classes : bool
        Whether treatments of a class vary around their class.
    designs : bool
        Whether designs vary around the network.
    slopes : tuple of str
        Moderators whose slopes vary between treatments.
    """

    classes: bool = False
    designs: bool = False
    slopes: tuple[str, ...] = ()

    @property
    def effects(self) -> tuple[RandomEffects, ...]:
        """The random effects of trials; those of classes are not read from a table."""
        if self.classes or self.designs or self.slopes:
            what = "classes" if self.classes else "random designs" if self.designs else "exchangeable slopes"
            raise SynthesisError(f"A network with {what} is fitted from its trials; call network again.")
        return read_random(self.random, self.known)

    @property
    def variances(self) -> tuple[str, ...]:
        """Names of the variances."""
        own = ("tau2",) if self.random is not None else ()
        groups = (("class",) if self.classes else (), ("design",) if self.designs else (), self.slopes)
        return (*own, *(f"tau2[{name}]" for group in groups for name in group))

    @property
    def outer(self) -> str | None:
        """Trials are what is independent."""
        return "study"

    @property
    def model(self) -> str:
        """The model in words."""
        if self.random is None and not (self.classes or self.slopes):
            return "network, common effects"
        how = f"by {WORDS[self.tau2]}" if isinstance(self.tau2, str) else f"given as {self.tau2}"
        parts = ["of trials"] if self.random is not None else []
        parts += ["of treatments within classes"] if self.classes else []
        parts += ["of designs"] if self.designs else []
        parts += ["of slopes of treatments"] if self.slopes else []
        return f"network, random effects {' and '.join(parts)}; tau2 {how}"
