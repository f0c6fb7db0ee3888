"""Scripts that results write for R, all run in one session of it."""

import re
import shutil
import subprocess
from collections.abc import Mapping

import pytest

Told = dict[str, dict[str, list[float]]]


def run_in_r(scripts: Mapping[str, str]) -> Told:
    """What each script says: lines of a name behind @ and its numbers; empty where a script stopped."""
    program = shutil.which("Rscript")
    if (
        program is None
        or subprocess.run([program, "-e", "library(metafor)"], capture_output=True, check=False).returncode
    ):
        pytest.skip("R's metafor is not installed")
    pieces = [f'cat("\\n@@{name}\\n")\ntry({{\n{script}}})' for name, script in scripts.items()]
    done = subprocess.run(
        [program, "-"], input="\n".join(pieces), capture_output=True, text=True, check=False
    )
    return {
        part.partition("\n")[0]: {
            name: [float(value) for value in values.split()]
            for name, values in re.findall(r"^@(\w+) (.*?)\s*$", part, re.MULTILINE)
        }
        for part in done.stdout.split("\n@@")[1:]
    }
