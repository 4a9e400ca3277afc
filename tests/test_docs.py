"""What the documentation says is tried: commands run, references are current, the vector holds."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]
BIN = Path(sys.executable).parent
pytestmark = pytest.mark.xdist_group("docs")
READS_ONLY = re.compile(
    r"coding-agent (doctor|(replay|audit|show|verify|tasks list)( (-[-\w]+|(replays|tasks)[\w/.-]*|\d+))*)"
)


def shell_blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    joined = "\n".join(shell_blocks(page)).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, Path], bool]:
    """What another page documents, too, is not run again: copies the run of a roll-out into a folder, and knows what only
    reads what every page has. False: nobody has run it yet."""
    kept: dict[str, Path] = {}
    known: set[tuple[str, str]] = set()

    def copy(line: str, note: str, folder: Path) -> bool:
        if READS_ONLY.fullmatch(line):
            known_already = (line, note) in known
            known.add((line, note))
            return known_already
        what, _, out = line.replace(" --policy repair", "").partition(" --out ")
        if not re.fullmatch(r"coding-agent rollout [\w/ -]+", what) or not re.fullmatch(r"[\w/-]+", out):
            return False
        if (run := kept.setdefault(what, folder / out)) == folder / out:
            return False
        shutil.copytree(run, folder / out)
        return True

    return copy


@pytest.mark.parametrize("page", [p for p in PAGES if shell_blocks(p)], ids=lambda page: page.name)
def test_every_documented_command_runs(page: Path, tmp_path: Path, played: Callable[[str, str, Path], bool]) -> None:
    for name in ("tasks", "replays", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "pytest.ini").write_text("[pytest]\nnorecursedirs = tasks examples\n")
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    for command in commands(page):
        line, _, note = command.partition("  # exit ")
        if line.startswith(("make", "git clone", "cd ", "pip ", "export ")):
            continue
        if line.startswith("pytest") and "--coding-agent-" not in line:
            continue  # of this repository itself
        if played(line, note, tmp_path):
            continue
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == int(note or 0), f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def test_the_documented_test_of_one_episode_runs(tmp_path: Path) -> None:
    (text,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs/regression-tests.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "a-good-one.jsonl").write_bytes((ROOT / "replays" / "ep123.jsonl").read_bytes())
    (tmp_path / "test_own.py").write_text(text)
    done = subprocess.run([BIN / "pytest"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout


def test_every_field_of_every_event_says_what_it_is() -> None:
    rows = (ROOT / "docs/reference/events.md").read_text().splitlines()
    fields = [row for row in rows if row.startswith("| `")]
    assert len(fields) > 100
    assert [row for row in fields if row.endswith("|  |")] == []


def test_every_documented_make_target_exists() -> None:
    targets = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for page in PAGES:
        for command in commands(page):
            if command.startswith("make"):
                words = [word for word in shlex.split(command)[1:] if "=" not in word and not word.startswith("#")]
                assert set(words[:1]) <= targets, f"{page.name}: {command}"


def test_the_generated_references_are_current() -> None:
    script = ROOT / "scripts" / "make_reference.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_published_vector_is_a_line() -> None:
    from coding_agent.events.line import CHAIN_SEED, STATE_SEED, next_state, read_line

    text = (ROOT / "docs" / "reference" / "log-format.md").read_text()
    (vector,) = re.findall(r"```json\n(.*)\n```", text)
    record = read_line(vector.encode() + b"\n", seq=0, chain=CHAIN_SEED)
    assert record.state == next_state(STATE_SEED, record.event)


def test_ci_calls_the_readmes_test_command() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
