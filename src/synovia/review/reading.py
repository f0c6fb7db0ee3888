"""Read ``review.toml``: every mistake with its line, what was found and what is allowed."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from synovia.errors import Fault, ProtocolError
from synovia.review.contradictions import contradictions
from synovia.review.protocol import Protocol
from synovia.review.toml_lines import Path, line_of

__all__ = ["read_protocol"]

_WANTED = {
    "too_short": "at least one",
    "string_too_short": "a text that is not empty",
    "finite_number": "a finite number",
    "date_from_datetime_inexact": "a day, such as 2026-01-31",
    "date_from_datetime_parsing": "a day, such as 2026-01-31",
    "date_type": "a day, such as 2026-01-31",
}
_SECTIONS = ("search", "treatment", "outcome", "window", "comparison", "variant", "network", "course")


def read_protocol(text: str, *, file: str = "review.toml", scales: Iterable[str] | None = None) -> Protocol:
    """The protocol that a TOML text declares.

    Parameters
    ----------
    text : str
        Content of ``review.toml``.
    file : str
        Name used in messages.
    scales : iterable of str, optional
        Scale ids that exist; when given, every measure of an outcome must be one of them.

    Raises
    ------
    ProtocolError
        With one fault per mistake: file, line, what was found, what is allowed.
    """
    source = _Source(text, file)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ProtocolError([_syntax_fault(source, problem)]) from None
    except RecursionError:
        raise ProtocolError([Fault("brackets nested too deep to read", "TOML", file)]) from None
    try:
        protocol = Protocol.model_validate_json(json.dumps(data, default=str), strict=False)
    except ValidationError as problem:
        raise ProtocolError(_faults(source, problem)) from None
    faults = [*_repeated_ids(protocol, source), *_unknown_references(protocol, source)]
    faults += _repeated_files(protocol, source)
    faults += contradictions(protocol, source.fault) if not faults else []
    if scales is not None:
        faults += _unknown_scales(protocol, source, sorted(scales))
    if faults:
        raise ProtocolError(faults)
    return protocol


@dataclass(frozen=True, slots=True)
class _Source:
    text: str
    file: str

    def fault(self, path: Path, found: str, wanted: str, advice: str = "") -> Fault:
        return Fault(found, wanted, self.file, line_of(self.text, path), advice=advice)


def _syntax_fault(source: _Source, problem: tomllib.TOMLDecodeError) -> Fault:
    message, line = str(problem), len(source.text.splitlines())
    if "(at line " in message:
        message, place = message.split(" (at line ", 1)
        line = int(place.split(",")[0])
    message = message.replace(" (at end of document)", "")
    advice = "Correct the line and try again."
    return Fault(f"text that is not TOML ({message})", "TOML", source.file, line, advice=advice)


def _faults(source: _Source, problem: ValidationError) -> list[Fault]:
    """One fault per mistake; a list that is only short because its items failed is not one."""
    errors = problem.errors()
    paths = [tuple(error["loc"]) for error in errors]
    return [
        source.fault(path, _found(error, path), _wanted(error, path))
        for error, path in zip(errors, paths, strict=True)
        if not (error["type"] == "too_short" and any(p[: len(path)] == path and p != path for p in paths))
    ]


def _found(error: Any, path: Path) -> str:
    name = ".".join(part for part in path if isinstance(part, str))
    if error["type"] == "missing":
        return f"no {name}"
    if error["type"] == "extra_forbidden":
        return f"key {name}"
    value = error["input"]
    if isinstance(value, dict):
        return f"{name} {value.get('id', '')!r}"
    text = f"{name} = {value!r}"
    return text if len(text) <= 80 else text[:77] + "..."


def _wanted(error: Any, path: Path) -> str:
    if error["type"] == "literal_error":
        return "one of " + str(error["ctx"]["expected"]).replace(" or ", ", ").replace("'", "")
    if error["type"] == "extra_forbidden":
        return "one of " + ", ".join(_allowed_keys(path))
    if error["type"] == "missing":
        return f"a value for {path[-1]}"
    if error["type"] in _WANTED:
        return _WANTED[error["type"]]
    message = str(error["msg"]).removeprefix("Value error, ")
    return message.replace("Input should be ", "").replace("String should match pattern", "text of the form")


def _allowed_keys(path: Path) -> list[str]:
    model: type[BaseModel] = Protocol
    for part in path[:-1]:
        if isinstance(part, str):
            model = _inner_model(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_inner_model(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)


def _repeated_ids(protocol: Protocol, source: _Source) -> Iterator[Fault]:
    for section in _SECTIONS:
        ids = [item.id for item in getattr(protocol, section)]
        folded = [name.casefold() for name in ids]
        for i, name in enumerate(ids):
            if folded[i] in folded[:i]:
                yield source.fault(
                    (section, i, "id"),
                    f"{section} {name!r} a second time",
                    "a different id for each, capitals aside",
                )


def _repeated_files(protocol: Protocol, source: _Source) -> Iterator[Fault]:
    """An export named by two searches would be counted twice in the flow."""
    files = [search.file for search in protocol.search]
    for i, name in enumerate(files):
        if name in files[:i]:
            first = protocol.search[files.index(name)].id
            yield source.fault(
                ("search", i, "file"), f"{name} a second time, as in search {first!r}", "one file each"
            )


def _references(protocol: Protocol) -> Iterator[tuple[Path, str, Sequence[str]]]:
    """Where a name is used, what kind of thing it must name, and the names."""
    for i, comparison in enumerate(protocol.comparison):
        at: Path = ("comparison", i)
        yield (*at, "treatment"), "treatment", comparison.treatment
        yield (*at, "comparator"), "treatment", comparison.comparator
        yield (*at, "outcomes"), "outcome", comparison.outcomes
        yield (*at, "windows"), "window", comparison.windows
    for i, variant in enumerate(protocol.variant):
        for name in ("comparison", "outcome", "window"):
            yield ("variant", i, name), name, (getattr(variant, name),)
    for i, network in enumerate(protocol.network):
        yield ("network", i, "outcome"), "outcome", (network.outcome,)
        yield ("network", i, "window"), "window", (network.window,)
        yield ("network", i, "treatments"), "treatment", network.treatments
        for j, node in enumerate(network.node):
            yield ("network", i, "node", j, "treatments"), "treatment", node.treatments
    for i, course in enumerate(protocol.course):
        yield ("course", i, "outcome"), "outcome", (course.outcome,)
        yield ("course", i, "treatment"), "treatment", (course.treatment,)
        yield ("course", i, "comparator"), "treatment", (course.comparator,)


def _unknown_references(protocol: Protocol, source: _Source) -> Iterator[Fault]:
    known = {section: [item.id for item in getattr(protocol, section)] for section in _SECTIONS}
    for path, kind, names in _references(protocol):
        for name in names:
            if name not in known[kind]:
                wanted = f"one of {', '.join(known[kind]) or 'none declared'}"
                advice = f"Declare it under [[{kind}]], or correct the spelling."
                yield source.fault(path, f"{kind} {name!r}", wanted, advice)


def _unknown_scales(protocol: Protocol, source: _Source, scales: Sequence[str]) -> Iterator[Fault]:
    for i, outcome in enumerate(protocol.outcome):
        for name in outcome.measures:
            if name not in scales:
                yield source.fault(
                    ("outcome", i, "measures"), f"scale {name!r}", f"one of {', '.join(scales)}"
                )
