"""Attempts to break each promise: small programs that try what must not be possible. Who runs them is `probes`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

from coding_agent.sandbox.base import ExecResult, Sandbox, SandboxSpec

Attempt = Callable[[Sandbox, str], Awaitable[str]]
"""(sandbox, a secret that only the host knows) → what went wrong, or nothing."""

SPEC = SandboxSpec(
    workspace_bytes=16 << 20, tmp_bytes=8 << 20, processes=32, memory_bytes=512 << 20, all_memory_bytes=256 << 20
)

_PATIENCE_S = 60.0
"""For what takes a second where nobody else is at work: a busy machine breaks no promise."""


async def _python(sandbox: Sandbox, program: str, timeout_s: float = _PATIENCE_S) -> ExecResult:
    return await sandbox.exec(["python3", "-S", "-c", program], timeout_s=timeout_s, output_bytes=4096)


async def _says(sandbox: Sandbox, program: str, expected: str = "kept") -> str:
    result = await _python(sandbox, program)
    said = (result.head + result.tail).decode(errors="replace").strip()
    return "" if said == expected else f"found: {said[:300] or f'exit status {result.exit_status}'}"


async def _filesystem(sandbox: Sandbox, canary: str) -> str:
    # An image may have directories of these names: what counts is whether they are the host's.
    known = {place: _identity(place) for place in ("/root", "/home", "/etc/shadow", "/var", "/run", "/tmp")}
    program = f"""
import os
found = [p for p in ({canary!r}, {str(Path(__file__).parent)!r}, '/oldroot') if os.path.exists(p)]
found += [p for p, known in {known!r}.items() if os.path.exists(p) and (os.stat(p).st_dev, os.stat(p).st_ino) == known]
for place in ('/', '/usr', '/opt/site', '/etc'):
    try:
        open(place + '/canary', 'w'); found.append('writable ' + place)
    except OSError: pass
print(found or 'kept')"""
    return await _says(sandbox, program)


def _identity(place: str) -> tuple[int, int] | None:
    try:
        found = Path(place).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


async def _network(sandbox: Sandbox, _: str) -> str:
    program = """
import socket
names = [n for _, n in socket.if_nameindex() if n != 'lo'] if hasattr(socket, 'if_nameindex') else []
s = socket.socket(); s.settimeout(2)
try: s.connect(('1.1.1.1', 53)); names.append('connected')
except OSError: pass
print(names or 'kept')"""
    return await _says(
        sandbox, program.replace("socket.if_nameindex()", "_names()").replace("import socket", _NAMES, 1)
    )


_NAMES = """import os, socket
def _names(): return [(0, n) for n in os.listdir('/sys/class/net')] if os.path.isdir('/sys/class/net') else []"""


async def _processes(sandbox: Sandbox, _: str) -> str:
    own = os.getpid()
    program = f"""
import os
pids = [int(n) for n in os.listdir('/proc') if n.isdigit()]
print('kept' if len(pids) <= 4 and {own} not in pids else pids)"""
    return await _says(sandbox, program)


async def _environment(sandbox: Sandbox, canary: str) -> str:
    program = f"""
import glob
found = []
for path in glob.glob('/proc/[0-9]*/environ'):
    try: data = open(path, 'rb').read()
    except OSError: continue
    if {canary!r}.encode() in data: found.append(path)
print(found or 'kept')"""
    return await _says(sandbox, program)


async def _privileges(sandbox: Sandbox, _: str) -> str:
    program = """
lines = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines() if ':' in line)
bad = {k: lines[k].strip() for k in ('CapEff', 'CapPrm', 'CapBnd') if int(lines[k], 16)}
if lines['NoNewPrivs'].strip() != '1': bad['NoNewPrivs'] = '0'
if lines['Uid'].split()[0] == '0': bad['Uid'] = '0'
print(bad or 'kept')"""
    return await _says(sandbox, program)


async def _syscalls(sandbox: Sandbox, _: str) -> str:
    program = """
import ctypes, errno, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == 'x86_64'
calls = {'unshare': (272 if x86 else 97, 0x10000000), 'ptrace': (101 if x86 else 117, 0), 'keyctl': (250 if x86 else 219, 0),
         'io_uring_setup': (425, 1), 'userfaultfd': (323 if x86 else 282, 0), 'bpf': (321 if x86 else 280, 0),
         'mount': (165 if x86 else 40, 0), 'vsock': (41 if x86 else 198, 40)}
bad = []
for name, (number, argument) in calls.items():
    if libc.syscall(number, argument, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (errno.EPERM, errno.EAFNOSUPPORT):
        bad.append(name)
print(bad or 'kept')"""
    return await _says(sandbox, program)


async def _memory(sandbox: Sandbox, _: str) -> str:
    program = f"""
try: print(len(bytes({2 * SPEC.memory_bytes})))
except MemoryError: print('kept')"""
    return await _says(sandbox, program)


async def _disk(sandbox: Sandbox, _: str) -> str:
    program = """
import os
wrote = 0
for folder in ('/workspace', '/tmp', '/dev/shm'):
    try:
        with open(folder + '/fill', 'wb') as file:
            for _ in range(64): file.write(b'x' * (1 << 20)); wrote += 1
    except OSError: pass
    try: os.unlink(folder + '/fill')
    except OSError: pass
print('kept' if wrote <= 48 else wrote)"""
    return await _says(sandbox, program)


_FORKS = """
import os, time
count = 0
try:
    for _ in range({most}):
        if os.fork() == 0: time.sleep(60)
        count += 1
except OSError: pass
"""


async def _process_count(sandbox: Sandbox, _: str) -> str:
    program = _FORKS.format(most=400) + "print('kept' if count < 100 else count, flush=True)\nos._exit(0)"
    return await _says(sandbox, program)


async def _total_memory(sandbox: Sandbox, _: str) -> str:
    program = """
import os, time
for _ in range(8):
    if os.fork() == 0: break
held = bytearray(60 << 20)
for place in range(0, len(held), 4096): held[place] = 1
time.sleep(600)"""
    result = await _python(sandbox, program)
    return "" if result.exit_status == -9 else f"eight processes of 60 MiB ended as {result.exit_status}"


async def fairness(sandbox: Sandbox, other: Sandbox) -> str:
    """What goes wrong in `sandbox` while the other takes all the processes that it can get, and computes in each."""
    wrong = ["not tried"]

    async def work() -> None:
        program = "import subprocess\nfor _ in range(9): subprocess.run(['true'], check=True)\nprint('kept')"
        wrong[0] = await _says(sandbox, program)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_python, other, _FORKS.format(most=400) + "while True: pass", 2.0)
        await anyio.sleep(0.3)
        tasks.start_soon(work)
    return wrong[0]


async def _output(sandbox: Sandbox, _: str) -> str:
    result = await _python(sandbox, "import os\nfor _ in range(2000): os.write(1, b'x' * 65536)")
    kept = len(result.head) + len(result.tail)
    return "" if kept <= 4096 and result.total_bytes == 2000 * 65536 else f"kept {kept} of {result.total_bytes} bytes"


async def _timeouts(sandbox: Sandbox, _: str) -> str:
    program = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0: os.setsid()
time.sleep(600)"""
    with anyio.move_on_after(_PATIENCE_S) as clock:
        result = await _python(sandbox, program, timeout_s=0.5)
    if clock.cancelled_caught:
        return "a process that ignores SIGTERM outlived its time"
    return "" if result.timed_out else "a sleeper ended by itself"


AT_START = ("filesystem", "network", "processes", "environment", "privileges", "syscalls")
"""What is tried before every run, in one sandbox: all that takes no time."""
ATTEMPTS: dict[str, Attempt] = {
    "filesystem": _filesystem,
    "network": _network,
    "processes": _processes,
    "environment": _environment,
    "privileges": _privileges,
    "syscalls": _syscalls,
    "memory": _memory,
    "disk": _disk,
    "process count": _process_count,
    "total memory": _total_memory,
    "output": _output,
    "timeouts": _timeouts,
}
