"""A fit as a page: the same facts as text, HTML or LaTeX. No clock, no address."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from synovia.kernel import Inapplicable, Wald

__all__ = ["Summary", "count", "show", "show_p", "show_test", "show_wald"]

Cells = tuple[str, ...]

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """The answer of a synthesis on a page.

    Attributes
    ----------
    title : str
        What was pooled.
    header : tuple of str
        Column names of the table of coefficients.
    rows : tuple of tuple of str
        Its cells.
    facts : tuple of (str, str)
        Everything else that has a name.
    warnings : tuple of str
        What the fit says about itself.
    """

    title: str
    header: Cells
    rows: tuple[Cells, ...]
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]

    def as_text(self) -> str:
        """Plain text in fixed-width columns."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        name_width = max(len(name) for name, _ in self.facts)
        lines = [self.title, ""]
        lines += [_align(cells, widths) for cells in (self.header, *self.rows)]
        lines += ["", *(f"{name:<{name_width}}  {value}" for name, value in self.facts)]
        lines += ["", *(f"Warning: {warning}" for warning in self.warnings)] if self.warnings else []
        return "\n".join(lines)

    def as_html(self) -> str:
        """Two HTML tables with everything escaped."""
        warnings = "".join(f"<p>Warning: {html.escape(text)}</p>" for text in self.warnings)
        facts = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>'
            for name, value in self.facts
        )
        head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in self.header)
        body = "".join(f"<tr>{_html_cells(cells)}</tr>" for cells in self.rows)
        return (
            f"<table><caption>{html.escape(self.title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table><table><tbody>{facts}</tbody></table>{warnings}"
        )

    def as_latex(self) -> str:
        """Two LaTeX tabulars, for a document that loads no package."""
        columns = "l" + "r" * (len(self.header) - 1)
        body = "\n".join(_latex_row(cells) for cells in self.rows)
        facts = "\n".join(_latex_row(pair) for pair in self.facts)
        notes = "".join(f"\n\nWarning: {_latex(text)}" for text in self.warnings)
        return (
            f"{_latex(self.title)}\n\n\\begin{{tabular}}{{{columns}}}\n\\hline\n{_latex_row(self.header)}\n\\hline\n"
            f"{body}\n\\hline\n\\end{{tabular}}\n\n\\begin{{tabular}}{{ll}}\n{facts}\n\\end{{tabular}}{notes}"
        )

    def __str__(self) -> str:
        return self.as_text()

    def _repr_html_(self) -> str:
        return self.as_html()


def _align(cells: Cells, widths: Sequence[int]) -> str:
    first = f"{cells[0]:<{widths[0]}}"
    return "  ".join(
        [first, *(f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True))]
    )


def _html_cells(cells: Cells) -> str:
    return f'<th scope="row">{html.escape(cells[0])}</th>' + "".join(
        f"<td>{html.escape(cell)}</td>" for cell in cells[1:]
    )


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"


def count(number: int, singular: str, plural: str = "") -> str:
    """How many of what."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def show(value: float | Inapplicable, digits: int) -> str:
    """A quantity to so many decimals, or why it does not exist."""
    return str(value) if isinstance(value, Inapplicable) else f"{value:.{digits}f}"


def show_p(p_value: float) -> str:
    """A p-value to four decimals."""
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.4f}"


def show_test(statistic: str, df: int, p_value: float | Inapplicable) -> str:
    """A statistic with its degrees of freedom and p-value."""
    if isinstance(p_value, Inapplicable):
        return statistic
    shown = show_p(p_value)
    return f"{statistic} on {df} df, p {shown if shown[0] == '<' else '= ' + shown}"


def show_wald(result: Wald) -> str:
    """A joint test in words."""
    shown = show_p(result.p_value)
    p = f"p {shown if shown[0] == '<' else '= ' + shown}"
    if result.distribution == "F":
        return f"F = {result.statistic:.2f} on {result.df} and {result.df_residual:g} df, {p}"
    return f"chi-squared = {result.statistic:.2f} on {result.df} df, {p}"
