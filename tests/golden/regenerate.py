"""Write the golden report of the synthetic mini-review again. Look at the difference before committing it."""

import shutil
import tempfile
from pathlib import Path

from synovia.review.folder import Folder
from synovia.review.results import produce

HERE = Path(__file__).parent
REVIEW = HERE / "synthetic-mini-review"
EXPECTED = HERE / "expected"


def build(folder: Path) -> dict[str, bytes]:
    """Results of the mini-review, built in a private copy, by name; pixels are left to the eye."""
    copy = folder / "review"
    shutil.copytree(REVIEW, copy, ignore=shutil.ignore_patterns("out", ".synovia"))
    results = produce(Folder.at(copy))
    return {name: (copy / "out" / name).read_bytes() for name in results.files if not name.endswith(".png")}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        for name, data in build(Path(temporary)).items():
            (EXPECTED / name).parent.mkdir(parents=True, exist_ok=True)
            (EXPECTED / name).write_bytes(data)
