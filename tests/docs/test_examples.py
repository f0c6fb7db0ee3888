"""Every example of the documentation runs, in the order of its page, in an empty folder."""

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    options: str
    text: str

    @property
    def file(self) -> str:
        found = re.search(r"file=(\S+)", self.options)
        assert found, f"{self.language} block without file="
        return found.group(1)


def blocks(page: Path) -> list[Block]:
    return [Block(*match.groups()) for match in FENCE.finditer(page.read_text(encoding="utf-8"))]


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each ``$`` line with the output that is shown under it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.strip()


def matches(shown: str, printed: str) -> bool:
    """The shown output, where ``...`` stands for anything."""
    pattern = ".*".join(re.escape(piece.strip()) for piece in shown.split("..."))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def run_console(block: Block) -> None:
    for command, shown in commands(block.text):
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, text=True, env=environment, check=False
        )
        assert (done.returncode != 0) == ("fails" in block.options), (
            f"$ {command}\n{done.stdout}{done.stderr}"
        )
        printed = done.stderr if "fails" in block.options else done.stdout
        assert matches(shown, printed), f"$ {command}\nshown:\n{shown}\nprinted:\n{printed}"


def write_file(block: Block) -> None:
    Path(block.file).parent.mkdir(parents=True, exist_ok=True)
    Path(block.file).write_text(block.text, encoding="utf-8")


def replace_in_file(block: Block) -> None:
    old, _, new = block.text.strip().partition(" -> ")
    text = Path(block.file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old} stands {text.count(old)} times in {block.file}"
    Path(block.file).write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_of(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if (ROOT / "reviews").is_dir():
        (tmp_path / "reviews").symlink_to(ROOT / "reviews")
    names: dict[str, object] = {}
    told = io.StringIO()
    for block in blocks(page):
        if block.language == "console" and "skip" not in block.options:
            run_console(block)
        elif block.language in ("csv", "toml", "ris") and "file=" in block.options:
            write_file(block)
        elif block.language == "replace":
            replace_in_file(block)
        elif block.language == "python":
            with contextlib.redirect_stdout(told := io.StringIO()):
                exec(compile(block.text, str(page), "exec"), names)  # noqa: S102
        elif block.language == "output":
            assert matches(block.text, told.getvalue()), f"shown:\n{block.text}\nprinted:\n{told.getvalue()}"


def test_every_page_is_linked_from_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    missing = [
        str(page.relative_to(ROOT / "docs"))
        for page in (ROOT / "docs").rglob("*.md")
        if page.name != "README.md" and str(page.relative_to(ROOT / "docs")) not in index
    ]
    assert missing == []


def test_internal_links_resolve() -> None:
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
