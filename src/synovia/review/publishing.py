"""The results of a finished review as bytes: the report, the derived tables, the figures."""

from synovia import formats, plots, report
from synovia.review.answer import gather_content, review_cautions
from synovia.review.output import Output
from synovia.review.run import Derived
from synovia.tables import DERIVED

__all__ = ["publish"]


def publish(derived: Derived) -> Output:
    """The report, every derived table as CSV, the figures as SVG and PNG, and the sentences that answer.

    Parameters
    ----------
    derived : Derived
        The review after its chain has run.
    """
    content = gather_content(derived)
    files = {"report.html": report.render(content).encode()}
    for table in DERIVED:
        files[f"tables/{table.name}.csv"] = formats.write_table(table, derived.frames[table.name]).encode()
    for name, figure in report.pictures(content):
        files[f"figures/{name}.svg"] = plots.to_svg(figure, title=name.replace("-", " ")).encode()
        files[f"figures/{name}.png"] = plots.to_png(figure)
    return Output(files, report.speak(content), review_cautions(derived))
