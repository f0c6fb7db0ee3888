"""How long a newcomer waits for nothing: the import and the help."""

from timing import PYTHON, median_seconds, print_row

empty = median_seconds([PYTHON, "-c", "pass"])
print_row("python alone", empty, 1.0)
print_row("import synovia", median_seconds([PYTHON, "-c", "import synovia"]), 0.5)
print_row("synovia --help", median_seconds([PYTHON, "-m", "synovia", "--help"]), 0.4)
