"""The commit of a checkout, beside what git itself says of it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coding_agent import __version__
from coding_agent.rollout.checkout import commit
from coding_agent.rollout.start import harness

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git, to make checkouts with")
ROOT = Path(__file__).parents[2]
NOBODY = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")


def git(folder: Path, *arguments: object) -> str:
    command = ["git", *NOBODY, "-C", str(folder), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "clone")
    git(tmp_path / "clone", "commit", "--quiet", "--allow-empty", "-m", "first")
    return tmp_path / "clone"


def test_a_branch_is_followed_to_its_commit(clone: Path) -> None:
    assert commit(clone) == git(clone, "rev-parse", "HEAD")


def test_a_detached_head_is_the_commit(clone: Path) -> None:
    git(clone, "checkout", "--quiet", "--detach")
    assert commit(clone) == git(clone, "rev-parse", "HEAD")


def test_packed_refs_are_read(clone: Path) -> None:
    git(clone, "pack-refs", "--all", "--prune")
    assert commit(clone) == git(clone, "rev-parse", "HEAD")


@pytest.mark.parametrize("packed", [False, True])
def test_a_worktree_has_the_commit_of_its_own_branch(clone: Path, tmp_path: Path, packed: bool) -> None:
    git(clone, "worktree", "add", "--quiet", "-b", "side/line", tmp_path / "tree")
    git(tmp_path / "tree", "commit", "--quiet", "--allow-empty", "-m", "second")
    if packed:
        git(clone, "pack-refs", "--all", "--prune")
    assert commit(tmp_path / "tree") == git(tmp_path / "tree", "rev-parse", "HEAD")
    assert commit(tmp_path / "tree") != commit(clone)


def test_without_a_commit_there_is_none(tmp_path: Path) -> None:
    assert commit(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert commit(tmp_path) is None
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/.invalid\n")
    (tmp_path / ".git" / "packed-refs").write_text("not-a-hash refs/heads/.invalid\n")
    assert commit(tmp_path) is None


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_headers_name_the_commit_of_this_checkout() -> None:
    # The owner of a copy may be another than that of the folder which its `.git` names.
    said = git(ROOT, "-c", "safe.directory=*", "rev-parse", "HEAD")
    assert harness() == f"coding-agent {__version__} {said[:12]}, Python {platform.python_version()}"


SAYS = "from coding_agent.rollout.start import harness; print(harness())"


@pytest.mark.parametrize(
    ("noted", "said"),
    [
        ({"url": "https://a.b/c.git", "vcs_info": {"vcs": "git", "commit_id": "4f2c1e9a0b3d" + 28 * "0"}},
         f"coding-agent {__version__} 4f2c1e9a0b3d, Python"),
        ({"url": "file:///a.whl", "archive_info": {}}, f"coding-agent {__version__}, Python"),
        ([], f"coding-agent {__version__}, Python"),
    ],
)  # fmt: skip
def test_an_installed_package_names_the_commit_that_was_noted_and_always_python(
    tmp_path: Path, noted: object, said: str
) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "site", ignore=shutil.ignore_patterns("__pycache__"))
    beside = tmp_path / "site" / f"coding_agent-{__version__}.dist-info"
    beside.mkdir()
    (beside / "METADATA").write_text(f"Name: coding-agent\nVersion: {__version__}\n")
    (beside / "direct_url.json").write_text(json.dumps(noted))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", SAYS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == f"{said} {platform.python_version()}"
