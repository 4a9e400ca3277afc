"""The Pythons that this package promises to work with, as far as they are installed here.

All of them use the packages of the one that runs the tests. Only orjson is compiled: for each other Python its wheel is
fetched once and kept in `.pytest_cache`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path

import attrs

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".pytest_cache" / "pythons"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
_TELL = "import sys; print(*sys.version_info[:2], sep='.')"


class Missing(Exception):
    """A Python can not be tried here; the message says what there is not."""


@attrs.frozen
class Python:
    """One interpreter that can import the package and what it needs."""

    version: str
    executable: Path
    path: tuple[Path, ...]

    def run(self, module: str, *arguments: str, **settings: str) -> str:
        """What `python -m module` prints. Raises AssertionError with what it complained of."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, self.path)), **settings}
        command = [str(self.executable), "-m", module, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"Python {self.version}: {done.stderr}"
        return done.stdout


def promised() -> tuple[str, ...]:
    """The versions that pyproject.toml names."""
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    found = (line.rpartition(" ")[2] for line in lines if line.startswith("Programming Language :: Python :: "))
    return tuple(version for version in found if "." in version)


def python(version: str) -> Python:
    """Raises Missing."""
    packages = Path(sysconfig.get_path("purelib"))
    if version == HERE:
        return Python(version, Path(sys.executable), (ROOT, ROOT / "src"))
    return Python(version, executable(version), (ROOT, ROOT / "src", _compiled(version), packages))


def executable(version: str) -> Path:
    """Any version's interpreter, without our packages. Raises Missing."""
    found = next((candidate for candidate in _candidates(version) if _is(candidate, version)), None)
    if found is None:
        raise Missing(f"Python {version} is neither on PATH nor installed by pyenv or uv")
    return found


def _candidates(version: str) -> Iterator[Path]:
    if (on_path := shutil.which(f"python{version}")) is not None:
        yield Path(on_path)
    home = Path.home()
    versions = Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions"
    if os.access(versions, os.R_OK):  # another user's, if the environment is
        yield from sorted(versions.glob(f"{version}.*/bin/python"))
    yield from sorted((home / ".local" / "share" / "uv" / "python").glob(f"cpython-{version}*/bin/python{version}"))


def _is(executable: Path, version: str) -> bool:
    """A shim may stand for a version that is not there."""
    try:
        done = subprocess.run([executable, "-c", _TELL], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.stdout.strip() == version


def _compiled(version: str) -> Path:
    wheel = f"orjson=={installed('orjson')}"
    place = CACHE / version / wheel
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        target = Path(folder) / "packages"
        command = [*_installer(), "--quiet", "--no-deps", "--only-binary", ":all:", "--target", str(target)]
        command += ["--python-version", version, wheel]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Missing(f"Python {version} is there, a wheel of {wheel} for it is not: {why}")
        if not place.exists():
            target.rename(place)
    return place


def _installer() -> list[str]:
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    if (uv := shutil.which("uv")) is not None:
        return [uv, "pip", "install"]
    raise Missing("neither pip nor uv is there to fetch a wheel of orjson")
