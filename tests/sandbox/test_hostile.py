"""What agent code may try against an isolating backend's promises: each test is one line of the hostile corpus."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from coding_agent.sandbox.base import SandboxBackend
from tests.patience import PATIENCE_S
from tests.sandbox.conftest import ISOLATING, SMALL
from tests.sandbox.steps import Steps

# One event loop is enough here: what is tried lies on the other side of the socket.
pytestmark = [pytest.mark.parametrize("kind", ISOLATING), pytest.mark.parametrize("anyio_backend", ["trio"])]

CALL = """
import ctypes, errno, os, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == 'x86_64'
def denied(x86_number, arm_number, *arguments):
    ctypes.set_errno(0)
    return libc.syscall(x86_number if x86 else arm_number, *arguments) == -1 and errno.errorcode[ctypes.get_errno()]
"""


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "canary"
    place.write_text("untouched")
    tmp_path.chmod(0o755)
    yield place
    assert place.read_text() == "untouched"


async def test_no_host_path_can_be_reached(steps: Steps, canary: Path, kind: str) -> None:
    own = [str(canary), str(Path(__file__)), "/oldroot", "/newroot"]
    common = ["/root", "/home", "/etc/shadow", "/run", "/var", "/sys"]
    # An image has some of these names for itself.
    known = {place: _identity(place) for place in common if kind != "bubblewrap"}
    program = f"""
import os
for base in ('', '/proc/self/root', '/proc/1/root', '/proc/1/cwd', '/proc/self/cwd/../..'):
    for path in {own + common!r}:
        if os.path.exists(base + path):
            found = os.stat(base + path)
            if {known!r}.get(path, (found.st_dev, found.st_ino)) == (found.st_dev, found.st_ino): print(base + path)"""
    assert await steps.python(program) == ""


def _identity(place: str) -> tuple[int, int] | None:
    found = Path(place).stat() if Path(place).exists() else None
    return found and (found.st_dev, found.st_ino)


async def test_the_interpreter_and_the_environment_name_no_host_path(steps: Steps) -> None:
    program = "import sys, pytest; print(sys.executable, sys.prefix, *sys.path, pytest.__file__)"
    words = (await steps.python(program)).split()
    assert all(word.startswith(("/opt/", "/usr", "/workspace")) for word in words)


async def test_nothing_but_the_workspace_and_scratch_can_be_written(steps: Steps) -> None:
    program = """
import os
for path, folders, _ in os.walk('/'):
    if path.startswith(('/proc', '/workspace', '/tmp', '/dev/shm', '/dev/pts')):
        folders.clear(); continue
    try: open(path + '/canary', 'w'); print(path)
    except OSError: pass"""
    assert await steps.python(program) == ""


async def test_there_is_no_network_but_loopback(steps: Steps) -> None:
    assert await steps.says("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '") == "lo"


async def test_a_socket_of_the_host_can_not_be_reached(steps: Steps) -> None:
    name = f"\0coding-agent-canary-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        program = f"import socket; s = socket.socket(socket.AF_UNIX); print(s.connect_ex({name!r}))"
        assert await steps.python(program) == "111"


async def test_processes_of_host_and_runtime_are_invisible(steps: Steps) -> None:
    program = """
import os
pids = [pid for pid in os.listdir('/proc') if pid.isdigit()]
for pid in set(pids) - {str(os.getpid())}:
    for name in ('environ', 'mem', 'maps', 'root/etc/passwd', 'fd'):
        try: print(pid, name, os.listdir(f'/proc/{pid}/fd') if name == 'fd' else os.open(f'/proc/{pid}/{name}', os.O_RDONLY))
        except OSError: pass
print(len(pids))"""
    assert await steps.python(program) == "2"


async def test_the_first_process_can_not_be_killed_or_stopped(steps: Steps) -> None:
    assert (await steps.sh("kill -9 1; kill -STOP 1; kill -TERM 1; echo alive; exit 4")).exit_status == 4
    assert await steps.python("import os\ntry: os.kill(-1, 9)\nexcept ProcessLookupError: print('alone')") == "alone"


async def test_no_capability_and_no_way_back_to_one(steps: Steps) -> None:
    program = """
status = dict(line.split(':', 1) for line in open('/proc/self/status') if ':' in line)
print(*(int(status[k], 16) for k in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')), status['NoNewPrivs'].strip(),
      status['Seccomp'].strip(), status['Uid'].split()[0])"""
    assert await steps.python(program) == "0 0 0 0 0 1 2 1000"


async def test_test_runs_are_confined_like_commands(steps: Steps) -> None:
    await steps.put({"test_a.py": CALL + """
def test_a():
    status = dict(line.split(':', 1) for line in open('/proc/self/status') if ':' in line)
    assert [status[k].strip() for k in ('CapEff', 'NoNewPrivs', 'Seccomp')] == ['0' * 16, '1', '2']
    assert denied(272, 97, 0x10000000) == 'EPERM'
    assert not [fd for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}')
                and os.readlink(f'/proc/self/fd/{fd}').startswith('socket')]
    assert len([n for n in os.listdir('/proc') if n.isdigit()]) == 2
"""})  # fmt: skip
    report = await steps.tests()
    assert (report.exit_status, report.failures) == (0, ())


async def test_dangerous_system_calls_are_denied(steps: Steps) -> None:
    program = (
        CALL
        + """
print(*(denied(*call) for call in (
    (272, 97, 0x10000000), (272, 97, 0x00020000), (308, 268, 0, 0), (56, 220, 0x10000011, 0, 0, 0, 0), (435, 435, 0, 0),
    (101, 117, 0, 0, 0, 0), (310, 270, 1, 0, 0, 0, 0, 0), (250, 219, 0, 0), (248, 217, 0, 0, 0, 0, 0), (323, 282, 0),
    (425, 425, 1, 0), (321, 280, 0, 0, 0), (298, 241, 0, 0, 0, 0, 0), (165, 40, 0, 0, 0, 0, 0), (161, 51, b'/tmp'),
    (428, 428, 0, 0, 0), (16, 29, 0, 0x5412, 0), (16, 29, 0, 0x5412 | 1 << 40, 0), (16, 29, 0, 0x541C, 0),
    (41, 198, 40, 1, 0), (41, 198, 16, 3, 0), (41, 198, 17, 3, 0), (175, 105, 0, 0, 0), (246, 104, 0, 0, 0, 0),
)))"""
    )
    expected = ["EPERM"] * 4 + ["ENOSYS"] + ["EPERM"] * 14 + ["EAFNOSUPPORT"] * 3 + ["EPERM"] * 2
    assert (await steps.python(program)).split() == expected


async def test_a_fork_bomb_is_bounded_and_over_with_its_call(steps: Steps) -> None:
    with anyio.fail_after(PATIENCE_S):
        await steps.python("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", timeout_s=0.7)
    assert await steps.says("ls /proc | grep -c '^[0-9]'") in {"4", "5"}


async def test_a_fork_bomb_next_door_starves_nobody(steps: Steps, backend: SandboxBackend) -> None:
    bomb = "import os, time\nfor _ in range(99):\n  try:\n    if os.fork() == 0: break\n  except OSError: break\ntime.sleep(600)"
    children = "import subprocess; [subprocess.run(['true'], check=True) for _ in range(20)]; print('ok')"
    async with backend.open(SMALL) as other, anyio.create_task_group() as tasks:
        tasks.start_soon(Steps(other).python, bomb, 1.0)
        assert await steps.python(children) == "ok"


async def test_memory_and_files_are_bounded(steps: Steps) -> None:
    assert await steps.python("try: bytes(1 << 30)\nexcept MemoryError: print('bounded')") == "bounded"
    assert (await steps.sh("head -c 9000000 /dev/zero > big")).exit_status != 0
    assert (await steps.sandbox.read("big", max_bytes=1)).size == SMALL.file_bytes
    assert (
        await steps.python("import os\ntry:\n  while True: os.open('/dev/null', 0)\nexcept OSError: print('bounded')")
        == "bounded"
    )


async def test_every_place_that_can_be_written_has_a_size(steps: Steps) -> None:
    program = """
import os
def fill(folder, count=0):
    try:
        while True:
            with open(f'{folder}/{count}', 'wb') as file:
                for _ in range(7): file.write(bytes(1 << 20))
            count += 1
    except OSError: return count
print(*(fill(folder) <= 3 for folder in ('/workspace', '/tmp', '/dev/shm')))"""
    assert await steps.python(program) == "True True True"
    assert await steps.refusal_of_reading("0") == "read"


async def test_a_million_empty_files_do_not_fit(steps: Steps) -> None:
    program = (
        "import os\ntry:\n  for n in range(10 ** 6): open(f'/tmp/{n}', 'w').close()\nexcept OSError: print(n < 70000)"
    )
    assert await steps.python(program) == "True"


async def test_a_flood_of_output_costs_nothing(steps: Steps) -> None:
    result = await steps.sh("head -c 300000000 /dev/zero", output_bytes=1000)
    assert (result.total_bytes, len(result.head) + len(result.tail)) == (300_000_000, 1000)


async def test_memory_that_belongs_to_no_process_is_refused(steps: Steps) -> None:
    program = (
        CALL
        + "print(denied(319, 279, b'x', 0), denied(29, 194, 1, 4096, 0o1600), denied(68, 186, 1, 0o1600), denied(64, 190, 1, 9, 0o1600))"
    )
    assert await steps.python(program) == "ENOSYS ENOSYS ENOSYS ENOSYS"


async def test_what_all_processes_take_together_is_bounded(steps: Steps) -> None:
    program = """
import os, time
for _ in range(9):
    if os.fork() == 0: break
held = b"x" * (150 << 20)
time.sleep(600)"""
    result = await steps.sandbox.exec(["python3", "-c", program], timeout_s=PATIENCE_S, output_bytes=200)
    said = b"[killed: its processes took more than 1024 MiB of memory together]\n"
    assert (result.exit_status, result.head + result.tail) == (-9, said)


async def test_sessions_are_counted_because_each_gets_a_part_of_the_time(steps: Steps) -> None:
    program = "import os, time\nfor _ in range(25):\n  if os.fork() == 0:\n    os.setsid(); break\ntime.sleep(600)"
    assert await steps.python(program) == "[killed: its processes were in more than 16 sessions]"


async def test_terminals_are_counted(steps: Steps) -> None:
    program = """
import os, time
read, write = os.pipe()
for _ in range(3):
    if os.fork() == 0:
        count = 0
        try:
            while count < 40: os.openpty(); count += 1
        except OSError: pass
        os.write(write, bytes([count])); time.sleep(600)
print(sum(os.read(read, 1)[0] for _ in range(3)))"""
    assert await steps.python(program) == "64"


async def test_code_of_the_workspace_is_not_imported_by_the_runtime(steps: Steps) -> None:
    poison = "open('/workspace/poisoned', 'a').write(__name__)\n"
    names = ("pytest", "_pytest", "json", "sitecustomize", "usercustomize", "reporter", "gc", "hashlib")
    await steps.put(
        {f"{name}.py": poison for name in names} | {"x.pth": "import json", "test_a.py": "def test_a(): pass\n"}
    )
    report = await steps.tests("test_a.py")
    assert (dict(report.outcomes), report.exit_status) == ({"test_a.py::test_a": "passed"}, 0)
    await steps.sandbox.search("x", path=".", glob=None, ignore_case=False, max_matches=1, timeout_s=PATIENCE_S)
    assert "poisoned" not in await steps.changed()


async def test_a_setuid_file_gives_nothing(steps: Steps) -> None:
    await steps.sh("cp /usr/bin/id . && chmod 6755 id")
    assert await steps.says("./id -u; ls -l /usr/bin/su >/dev/null 2>&1; cat /etc/passwd | wc -l") == "1000\n3"
