"""Settings of the whole suite."""

import hashlib
import os
import tempfile
from pathlib import Path

from hypothesis import settings

# how long one example takes says something about the machine, not about the code
settings.register_profile("synovia", deadline=None)
settings.load_profile("synovia")

# numba's cache looks at the file of a compiled function, not at the files of those that it calls
compiled = sorted((Path(__file__).parents[1] / "src" / "synovia" / "kernel").glob("batch*.py"))
mark = hashlib.sha256(b"".join(path.read_bytes() for path in compiled)).hexdigest()[:16]
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"synovia-compiled-{mark}"))
