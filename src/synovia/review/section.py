"""What every section of the protocol shares: frozen, nothing unknown, no character that cannot be printed."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["Identifier", "Measure", "Section", "Tau2"]

Identifier = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+.\-]*$", description="short name, no blanks")
]
Measure = Literal["MD", "SMD", "ROM", "OR", "RR", "RD"]
Tau2 = Literal["REML", "ML", "DL", "PM"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Section(BaseModel):
    """One section of ``review.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _printable(cls, value: Any) -> Any:
        """A control character would act on the terminal or vanish from the report."""
        for text in value if isinstance(value, tuple) else (value,):
            found = _CONTROL.search(text) if isinstance(text, str) else None
            if found:
                raise ValueError(f"text without the control character U+{ord(found[0]):04X}")
        return value
