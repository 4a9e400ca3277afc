"""Trying the promises: small programs that attempt what must not be possible, run in a real sandbox on this machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

from coding_agent.errors import SandboxError, SandboxUnavailable
from coding_agent.sandbox.base import ExecResult, Probe, Sandbox, SandboxBackend, SandboxSpec

Attempt = Callable[[Sandbox, str], Awaitable[str]]
"""(sandbox, a secret that only the host knows) → what went wrong, or nothing."""

SPEC = SandboxSpec(workspace_bytes=16 << 20, tmp_bytes=8 << 20, processes=32, memory_bytes=512 << 20)


async def _python(sandbox: Sandbox, program: str, timeout_s: float = 20.0) -> ExecResult:
    return await sandbox.exec(["python3", "-S", "-c", program], timeout_s=timeout_s, output_bytes=4096)


async def _says(sandbox: Sandbox, program: str, expected: str = "kept") -> str:
    result = await _python(sandbox, program)
    said = (result.head + result.tail).decode(errors="replace").strip()
    return "" if said == expected else f"found: {said[:300] or f'exit status {result.exit_status}'}"


async def _filesystem(sandbox: Sandbox, canary: str) -> str:
    program = f"""
import os
found = [p for p in ({canary!r}, {str(Path(__file__).parent)!r}, '/root', '/home', '/etc/shadow', '/oldroot') if os.path.exists(p)]
for place in ('/', '/usr', '/opt/site', '/etc'):
    try:
        open(place + '/canary', 'w'); found.append('writable ' + place)
    except OSError: pass
print(found or 'kept')"""
    return await _says(sandbox, program)


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


async def _process_count(sandbox: Sandbox, _: str) -> str:
    program = """
import os, time
count = 0
try:
    for _ in range(400):
        if os.fork() == 0: time.sleep(60)
        count += 1
except OSError: pass
print('kept' if count < 100 else count, flush=True)
os._exit(0)"""
    return await _says(sandbox, program)


async def _output(sandbox: Sandbox, _: str) -> str:
    result = await _python(sandbox, "import os\nfor _ in range(2000): os.write(1, b'x' * 65536)")
    kept = len(result.head) + len(result.tail)
    return "" if kept <= 4096 and result.total_bytes == 2000 * 65536 else f"kept {kept} of {result.total_bytes} bytes"


async def _timeouts(sandbox: Sandbox, _: str) -> str:
    program = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0: os.setsid()
time.sleep(60)"""
    with anyio.move_on_after(10.0) as clock:
        result = await _python(sandbox, program, timeout_s=0.5)
    if clock.cancelled_caught:
        return "a process that ignores SIGTERM outlived its time"
    return "" if result.timed_out else "a sleeper ended by itself"


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
    "output": _output,
    "timeouts": _timeouts,
}


async def probe_all(backend: SandboxBackend, promises: tuple[str, ...]) -> tuple[Probe, ...]:
    """Each promise tried in a sandbox of its own, against a canary file and a canary variable of this process."""
    found = [await probe_one(backend, promise) for promise in promises]
    return tuple(found)


async def probe_one(backend: SandboxBackend, promise: str) -> Probe:
    """Never raises for a promise that does not hold."""
    with tempfile.NamedTemporaryFile(prefix="coding-agent-canary-") as file:
        os.environ["CODING_AGENT_CANARY"] = file.name
        try:
            async with backend.open(SPEC) as sandbox:
                wrong = await ATTEMPTS[promise](sandbox, file.name)
        except SandboxUnavailable as error:
            return Probe(promise=promise, holds=False, detail=error.reason, remedy=error.remedy)
        except SandboxError as error:
            return Probe(promise=promise, holds=False, detail=str(error), remedy="report this as a bug")
        finally:
            del os.environ["CODING_AGENT_CANARY"]
    return Probe(promise=promise, holds=not wrong, detail=wrong, remedy="report this as a bug" if wrong else "")
