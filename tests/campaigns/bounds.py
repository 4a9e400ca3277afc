"""What an agent may make of a workspace and of its output, and that neither costs the harness memory or its wits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio

from coding_agent.events.values import JSON, Limits, ModelToolCall
from coding_agent.sandbox.base import Sandbox, SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.tools.base import ToolContext
from coding_agent.tools.dispatch import TOOLSETS, Denied, prepare, run
from tests.campaigns import Cases, Size, campaign

MIB = 1 << 20
SPEC = SandboxSpec(workspace_bytes=64 * MIB, file_bytes=32 * MIB)
MOST_KIB = 32 * 1024

_FLOOD = """
import sys
sys.path[:0] = {paths!r}
import anyio
from pathlib import Path
from coding_agent.sandbox.base import PathChange, SandboxSpec
from coding_agent.sandbox.registry import make_backend
def peak_kib():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
TEST = b"import os\\ndef test_flood():\\n    for _ in range({blocks}): os.write(1, bytes(1 << 20))\\n"
async def main():
    async with make_backend("bubblewrap").open(SandboxSpec(cpu_s=600)) as sandbox:
        await sandbox.apply([PathChange(path="test_flood.py", kind="add", data=TEST)])
        await sandbox.exec(["sh", "-c", "echo warm"], timeout_s=600, output_bytes=32768)
        before = peak_kib()
        {call}
    print(said, peak_kib() - before)
anyio.run(main)
"""
_COMMAND = """done = await sandbox.exec(["head", "-c", "{bytes}", "/dev/zero"], timeout_s=600, output_bytes=32768)
        said = done.total_bytes"""
_TESTS = """report = await sandbox.test(["-s", "test_flood.py"], timeout_s=600)
        said = {blocks} * 2 ** 20 * (report.outcomes == dict([("test_flood.py::test_flood", "passed")]))"""


@campaign("Output of any length (10 GiB of a command, 1 GiB of a test run) takes less than 32 MiB of the harness")
def floods(size: Size, _folder: Path) -> Cases:
    for call, mib in ((_COMMAND, 10 << 10 if size == "long" else 1 << 10), (_TESTS, 1 << 10 if size == "long" else 64)):
        filled = call.format(bytes=mib * MIB, blocks=mib)
        program = _FLOOD.format(paths=sys.path, call=filled, blocks=mib)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        written, grown_kib = map(int, done.stdout.split() or (0, 0))
        yield None if written == mib * MIB and grown_kib < MOST_KIB else f"{mib} MiB: {done.stdout}{done.stderr[-500:]}"


_MANY = "for n in range({count}):\n    try: os.close(os.open('many/%d' % n, os.O_CREAT))\n    except OSError: break"
WORKSPACES = {
    "a million files": "os.mkdir('many')\n" + _MANY,
    "a million directories": "for n in range({count}):\n    try: os.mkdir('d%d' % n)\n    except OSError: break",
    "a sparse terabyte": (
        "for size in (1 << 40, 30 << 20):\n    try: os.truncate(os.open('sparse', os.O_CREAT | os.O_RDWR), size)\n"
        "    except OSError: print('refused')"
    ),
    "10,000 deep directories": "for n in range(10000):\n    os.mkdir('d'); os.chdir('d')\nopen('needle', 'w').write('needle')",
    "names in no encoding": (
        "for n in range(1, 256):\n    if n not in b'/.': open(b'x' + bytes([n]), 'w').write('needle')\n"
        "os.mkdir(b'\\xff\\xfe'); open(b'\\xff\\xfe/\\n\\x1b[2J', 'w').write('needle')\n"
        "open('\\u202egnp.exe', 'w').write('needle')"
    ),
    "NUL and no encoding in contents": (
        "open('nul', 'wb').write(bytes(range(256)) * 999 + b'needle'); open('long', 'w').write('needle' * 10**6)\n"
        "open('lines', 'w').write('needle\\n' * 10**5)"
    ),
    "links and pipes": (
        "os.symlink('.', 'here'); os.symlink('b', 'a'); os.symlink('a', 'b'); os.mkfifo('pipe'); os.symlink('/dev/zero', 'z')"
    ),
}
CALLS: tuple[tuple[str, Mapping[str, JSON]], ...] = (
    ("list_files", {"depth": 20, "max_entries": 2000}), ("search", {"pattern": "needle"}),
    ("read_file", {"path": "here.txt"}), ("read_file", {"path": "nul"}), ("read_file", {"path": "sparse"}),
    ("write_file", {"path": "new/one.txt", "content": "one\n"}),
    ("replace_text", {"path": "here.txt", "old": "old", "new": "mended"}),
    ("apply_patch", {"patch": "--- /dev/null\n+++ b/two.txt\n@@ -0,0 +1 @@\n+two\n"}),
    ("run_command", {"command": "ls -A | sort | head -5; ls -A | wc -l"}), ("run_tests", {"tests": ["test_it.py"]}),
)  # fmt: skip


@campaign(
    "Every tool survives a million files, a sparse terabyte, 10,000 deep directories and odd names, the same twice",
    in_suite=False,
)
def odd_workspaces(size: Size, _folder: Path) -> Cases:
    names = (
        list(WORKSPACES) if size == "long" else ["a sparse terabyte", "10,000 deep directories", "names in no encoding"]
    )
    for name in names:
        make = WORKSPACES[name].replace("{count}", str(10**6))
        first, second = anyio.run(_twice, make)
        for (tool, _), one, other in zip(CALLS, first, second, strict=True):
            yield None if one == other else f"{name}, {tool}: once {one[:300]!r}, then {other[:300]!r}"


async def _twice(make: str) -> list[list[str]]:
    """In two sandboxes at once."""
    found: list[list[str]] = []

    async def once() -> None:
        found.append(await _every_tool(make))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(once)
        tasks.start_soon(once)
    return found


async def _every_tool(make: str) -> list[str]:
    """What each tool says of a workspace that was made so. Raises SandboxError when one kills it."""
    async with make_backend("bubblewrap").open(SPEC) as sandbox:
        start = (
            "import os, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nopen('here.txt', 'w').write('old\\n')\n"
        )
        start += "open('test_it.py', 'w').write('def test_it(): pass\\n')\n"
        done = await sandbox.exec(["python3", "-c", start + make], timeout_s=300, output_bytes=2000)
        assert done.exit_status == 0, done
        # What is there now is where the tools begin; no call has changed too much to be recorded.
        await sandbox.apply([])
        return [await _say(sandbox, tool, arguments) for tool, arguments in CALLS]


async def _say(sandbox: Sandbox, tool: str, arguments: Mapping[str, JSON]) -> str:
    context = ToolContext(sandbox=sandbox, limits=Limits(), test_command=("python", "-m", "pytest"))
    call = ModelToolCall(id="", name=tool, raw="", arguments=dict(arguments))
    prepared = prepare(call, TOOLSETS["default"])
    assert not isinstance(prepared, Denied), prepared.text
    answer = await run(prepared, context)
    shown = answer.text if answer.test is None else str(dict(answer.test.outcomes))
    return f"{answer.outcome}: {shown} {answer.changes and answer.changes.tree}"
