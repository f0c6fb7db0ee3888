"""``estimate ~ rcs(dose, 3)``: which column is the dose, and which curve it gets."""

import re
from collections.abc import Callable

from synovia.errors import SynthesisError
from synovia.synthesis.dose.bases import Basis, Linear, Log, Quadratic, Spline, read_spline
from synovia.synthesis.dose.emax import Emax

__all__ = ["read_curve"]

_NAME = r"([A-Za-z_][\w.]*)"
_FORMS: tuple[tuple[str, Callable[[re.Match[str]], Basis]], ...] = (
    (_NAME, lambda found: Linear()),  # noqa: ARG005 - one signature for all
    (rf"{_NAME}\s*\+\s*I\(\s*\1\s*(?:\*\*|\^)\s*2\s*\)", lambda found: Quadratic()),  # noqa: ARG005
    (rf"quadratic\(\s*{_NAME}\s*\)", lambda found: Quadratic()),  # noqa: ARG005
    (rf"rcs\(\s*{_NAME}\s*\)", lambda found: Spline(3)),  # noqa: ARG005
    (rf"rcs\(\s*{_NAME}\s*,\s*(.+)\)", lambda found: read_spline(found[2])),
    (rf"log\(\s*{_NAME}\s*\)", lambda found: Log()),  # noqa: ARG005
    (rf"log\(\s*{_NAME}\s*\+\s*([\d.eE+-]+)\s*\)", lambda found: Log(float(found[2]))),
    (rf"emax\(\s*{_NAME}\s*\)", lambda found: Emax()),  # noqa: ARG005
)


def read_curve(formula: str) -> tuple[str, str, Basis]:
    """Column of the estimates, column of the dose, and the curve.

    Parameters
    ----------
    formula : str
        ``estimate ~ dose``, ``~ dose + I(dose**2)`` or ``~ quadratic(dose)``, ``~ rcs(dose, 3)`` or
        ``~ rcs(dose, [1, 5, 20])`` or ``~ rcs(dose, quantiles=[0.1, 0.5, 0.9])``, ``~ log(dose)`` or
        ``~ log(dose + 1)``, ``~ emax(dose)``.

    Raises
    ------
    SynthesisError
        When it is none of these.

    Examples
    --------
    >>> read_curve("estimate ~ rcs(dose, 4)")
    ('estimate', 'dose', Spline(knots=4, of='doses'))
    """
    if not isinstance(formula, str):
        raise SynthesisError(f"Found formula {formula!r}; wanted text, such as 'estimate ~ rcs(dose, 3)'.")
    left, tilde, right = (part.strip() for part in formula.partition("~"))
    for form, make in _FORMS if left and tilde else ():
        found = re.fullmatch(form, right)
        if found:
            return left.strip("`"), found[1], make(found)
    raise SynthesisError(
        f"Cannot read formula {formula!r}; wanted 'estimate ~ dose', '~ quadratic(dose)', '~ rcs(dose, 3)', "
        "'~ rcs(dose, [1, 5, 20])', '~ log(dose + 1)' or '~ emax(dose)'."
    )
