"""LaTeX accents and symbols of a BibTeX value as plain letters."""

import re
import unicodedata

__all__ = ["to_letters"]

_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "r": "\u030a", "d": "\u0323",
}  # fmt: skip
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å",
    "AA": "Å", "i": "ı", "j": "ȷ", "textendash": "–", "textemdash": "—", "textquoteright": "’",
    "textquoteleft": "‘", "textregistered": "®", "texttrademark": "™", "textdegree": "°", "textmu": "µ",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "kappa": "κ", "mu": "µ", "tau": "τ", "pm": "±",
    "times": "×", "leq": "≤", "geq": "≥", "le": "≤", "ge": "≥", "copyright": "©",
}  # fmt: skip
_SIGN_ACCENT = re.compile(r"""\\([`'^~"=.])[ ]{0,2}(?:\{\\?([A-Za-z])\}|\\?([A-Za-z]))""")
_LETTER_ACCENT = re.compile(r"\\([uvHckrd])(?:\{\\?([A-Za-z])\}|[ ]{1,2}\\?([A-Za-z]))")
_COMMAND = re.compile(r"\\([A-Za-z]{1,20})(?:\{\}|[ ](?=[A-Za-z])|(?![A-Za-z]))")
_ESCAPED = re.compile(r"\\([&%$#_{}])")
_FORMATTING = re.compile(
    r"\\(?:emph|textit|textbf|textsc|textsuperscript|textsubscript|mathrm|url|href)(?=\{)"
)
_HELD = {"{": "\ue000", "}": "\ue001", "$": "\ue002"}
_RELEASED = {ord(held): sign for sign, held in _HELD.items()}


def to_letters(value: str) -> str:
    r"""A BibTeX value as text: accents composed, escapes and grouping braces resolved.

    A command that is not known stays as it stands.

    Examples
    --------
    >>> to_letters(r"{S}chr{\"o}der \& Bj\o rn")
    'Schröder & Bjørn'
    """
    if "\\" in value:
        value = _SIGN_ACCENT.sub(_compose, value)
        value = _LETTER_ACCENT.sub(_compose, value)
        value = _FORMATTING.sub("", value)
        value = _COMMAND.sub(lambda match: _LETTERS.get(match[1], match[0]), value)
        value = _ESCAPED.sub(lambda match: _HELD.get(match[1], match[1]), value)
    value = value.replace("{", "").replace("}", "").replace("---", "—").replace("--", "–")
    return " ".join(re.sub(r"\$([^$]{0,200})\$", r"\1", value).replace("~", " ").translate(_RELEASED).split())


def _compose(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", (match[2] or match[3]) + _ACCENTS[match[1]])
