"""The front door on machines that lack something: each gets its remedy, and nothing falls back in silence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
PLAIN = "/usr/bin:/bin"
TASK = ROOT / "tasks" / "interval-gap"


def _denies(*command: str) -> bool:
    return subprocess.run(["unshare", "-U", *command], capture_output=True, check=False).returncode == 0


# In a user namespace without a mapping nobody may make another one: as on a host that denies them.
denied = pytest.mark.skipif(
    shutil.which("unshare") is None or not _denies("true"), reason="no unshare, or no user namespaces to deny"
)


def without_namespaces(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["unshare", "-U", *map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def open_home(tmp_path: Path) -> Path:
    """A folder that whoever we are in there may write to."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest-", "test_", "popen-")):
            folder.chmod(0o777)
    return tmp_path


@denied
def test_a_host_without_user_namespaces_gets_the_remedy_and_no_fallback(open_home: Path) -> None:
    done = without_namespaces(BIN / "coding-agent", "rollout", TASK, "--out", open_home / "run")
    assert done.returncode == 5
    assert "remedy: allow unprivileged user namespaces" in done.stderr
    assert "make demo SANDBOX=local" in done.stderr
    assert not (open_home / "run").exists()


@pytest.fixture
def checkout(open_home: Path) -> Path:
    """What `make demo` needs of this checkout, with one task; its environment is there already."""
    place = open_home / "checkout"
    (place / "tasks").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "scripts", "tasks/interval-gap"):
        (place / name).symlink_to(ROOT / name)
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / ".venv" / "bin" / "coding-agent").symlink_to(BIN / "coding-agent")
    (place / ".venv" / ".run").touch()
    return place


def demo_where_namespaces_are_denied(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    limit = "echo 0 > /proc/sys/user/max_user_namespaces"  # of the new namespace only
    command = ["unshare", "-Ur", "sh", "-c", f'{limit} && exec make demo "$@"', "sh", *arguments]
    # The tests are often run by make: one inside another says so, and inherits its options.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


@denied
def test_make_demo_stops_with_the_remedy_and_rolls_nothing_out(checkout: Path) -> None:
    done = demo_where_namespaces_are_denied(checkout)
    assert done.returncode != 0
    assert "remedy: allow unprivileged user namespaces" in done.stderr
    assert "`make demo SANDBOX=local`" in done.stderr
    assert done.stdout == ""
    assert not (checkout / "runs").exists()


@denied
def test_the_command_that_the_remedy_names_runs_the_demo_there(checkout: Path) -> None:
    done = demo_where_namespaces_are_denied(checkout, "SANDBOX=local")
    assert done.returncode == 0, done.stderr
    assert "--sandbox local isolates nothing" in done.stderr
    assert "1 of 1 episodes passed" in done.stdout


@denied
def test_no_isolation_is_there_by_explicit_choice(open_home: Path) -> None:
    command = (
        BIN / "coding-agent",
        "rollout",
        TASK,
        "--sandbox",
        "local",
        "--policy",
        "gold",
        "--out",
        open_home / "run",
    )
    done = without_namespaces(*command)
    assert done.returncode == 0, done.stderr
    assert "isolates nothing" in done.stderr


def set_up(venv: Path, python: Path, path: str = PLAIN, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(ROOT / "scripts" / "setup.sh"), str(venv), str(python), "."]
    env = {"PATH": path, "HOME": str(venv.parent), **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def python_with(folder: Path, **modules: str) -> Path:
    """This Python, but for some modules."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    wrapper = folder / "python3"
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}" exec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def test_a_python_without_ensurepip_gets_its_remedy(tmp_path: Path) -> None:
    done = set_up(tmp_path / "venv", python_with(tmp_path, ensurepip="raise ImportError('not packaged')\n"))
    assert done.returncode == 1
    assert "has no ensurepip" in done.stderr
    assert f"apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in done.stderr
    assert "pipx install uv" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_make_demo_passes_the_remedy_for_ensurepip_on(checkout: Path, tmp_path: Path) -> None:
    python = python_with(tmp_path, ensurepip="raise ImportError('not packaged')\n")
    command = ["make", "demo", f"PYTHON={python}", "VENV=new"]
    done = subprocess.run(command, cwd=checkout, env={"PATH": PLAIN}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "has no ensurepip" in done.stderr
    assert not (checkout / "new").exists()


def test_an_environment_that_was_left_without_pip_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    done = set_up(tmp_path / "venv", python_with(tmp_path, ensurepip="raise ImportError('not packaged')\n"))
    assert done.returncode == 1
    assert "has no ensurepip" in done.stderr


def test_uv_is_used_where_there_is_one(tmp_path: Path) -> None:
    said = tmp_path / "said"
    (tmp_path / "uv").write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    (tmp_path / "uv").chmod(0o755)
    python = python_with(tmp_path, ensurepip="raise ImportError('not packaged')\n")
    done = set_up(tmp_path / "venv", python, path=f"{tmp_path}:{PLAIN}")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in said.read_text().splitlines()] == ["venv", "pip"]


def test_an_old_python_is_told_which_is_needed(tmp_path: Path) -> None:
    old = python_with(tmp_path, sitecustomize="import sys\nsys.version_info = (3, 9, 2)\n")
    done = set_up(tmp_path / "venv", old)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr


def test_no_python_at_all_is_told(tmp_path: Path) -> None:
    assert "there is no" in set_up(tmp_path / "venv", tmp_path / "nowhere").stderr


def test_a_package_index_that_can_not_be_reached_is_told_with_what_to_do() -> None:
    # Nothing is installed or removed: the build fails at the first package that it asks for.
    done = set_up(
        BIN.parent, Path(sys.executable), PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0",
        PIP_CONFIG_FILE=os.devnull,
    )  # fmt: skip
    assert done.returncode == 1
    assert "is there a network?" in done.stderr


WHO = """who:
	@echo "uid $$(id -u) groups $$(id -G) $$(grep CapEff /proc/self/status)"
	@echo "owner $$(stat -c %u kept) home $$(ls -x $$HOME) here $$(ls -Ax) in $$(pwd)"
	@echo "index $$PIP_INDEX_URL" && touch made && rm "$$(mktemp)"
"""


@pytest.fixture
def closed_checkout(tmp_path: Path) -> Path:
    """A checkout with an environment and a cache of root's, below a folder that nobody else can enter."""
    checkout = tmp_path / "closed" / "checkout"
    script = (ROOT / "scripts" / "unprivileged.sh").read_text()
    files = {"Makefile": WHO, ".venv/python": "", "__pycache__/x": "", "kept": "", "scripts/as.sh": script}
    for name, text in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text)
    (tmp_path / "closed").chmod(0o700)
    return checkout


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become somebody else")
def test_what_an_ordinary_user_makes_is_made_in_a_copy_of_theirs_and_removed(closed_checkout: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(closed_checkout), "PIP_INDEX_URL": "http://index.invalid/simple"}
    command = ["sh", str(closed_checkout / "scripts" / "as.sh"), "who"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    who, where, index = done.stdout.splitlines()
    assert who.split() == ["uid", "12345", "groups", "12345", "CapEff:", "0" * 16]
    things, _, copy = where.partition(" in ")
    assert things.split() == ["owner", "12345", "home", "checkout", "tmp", "here", "Makefile", "kept", "scripts"]
    assert index == "index http://index.invalid/simple"
    assert not Path(copy).parent.exists()
    assert not (closed_checkout / "made").exists()
