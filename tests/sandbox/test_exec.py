"""Commands, on every backend."""

from __future__ import annotations

import hashlib
import itertools
import os

import pytest

from tests.patience import LIMITS_S, PATIENCE_S
from tests.sandbox.steps import Steps, needs

_naps = itertools.count(10**6 * os.getpid())


def nap() -> str:
    """A `sleep` that no other test of this machine sleeps."""
    return f"sleep 60.{next(_naps)}"


async def is_gone(steps: Steps, command: str) -> bool:
    return await steps.says(f"ps ax 2>/dev/null | grep -c '[s]{command[1:]}'") in {"0", ""}


async def test_how_a_command_ended_is_told(steps: Steps) -> None:
    endings = {"exit 3": 3, "kill -9 $$": -9, "kill -15 $$": -15, "no-such-program": 127, "true": 0}
    assert {command: (await steps.sh(command)).exit_status for command in endings} == endings


async def test_what_can_not_be_executed_says_so(steps: Steps) -> None:
    await steps.put({"data": "1"})
    for program, status in (("./missing", 127), ("./data", 126)):
        result = await steps.sandbox.exec([program], timeout_s=PATIENCE_S, output_bytes=100)
        assert (result.exit_status, result.head.startswith(program.encode() + b": ")) == (status, True)


async def test_stdout_and_stderr_come_in_the_order_in_which_they_were_written(steps: Steps) -> None:
    assert await steps.says("echo 1; echo 2 >&2; echo 3") == "1\n2\n3"


async def test_stdin_is_empty(steps: Steps) -> None:
    assert await steps.says("cat; echo end") == "end"


async def test_long_output_keeps_both_ends_and_hashes_all(steps: Steps) -> None:
    result = await steps.sh("seq 100000", output_bytes=20)
    whole = b"".join(b"%d\n" % number for number in range(1, 100001))
    assert (result.head, result.tail) == (whole[:10], whole[-10:])
    assert (result.total_bytes, result.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())


async def test_output_that_fits_is_whole(steps: Steps) -> None:
    result = await steps.sh("pwd; echo $PWD /workspace", output_bytes=4000)
    assert result.head + result.tail == b"/workspace\n/workspace /workspace\n"
    assert result.total_bytes == len(result.head + result.tail)


@needs("programs")
async def test_a_timeout_kills_everything_and_keeps_what_was_written(steps: Steps) -> None:
    daemon = nap()
    for limit_s in LIMITS_S:
        result = await steps.sh(
            f"trap '' TERM; echo early; (setsid {daemon} &) ; while :; do sleep 1; done", timeout_s=limit_s
        )
        if result.head:
            break
    assert (result.head, result.exit_status, result.timed_out) == (b"early\n", None, True)
    assert await is_gone(steps, daemon)


@needs("programs")
async def test_a_timeout_before_the_program_starts_leaves_nothing_behind(steps: Steps) -> None:
    sleeper = nap()
    for _ in range(10):
        await steps.sh(sleeper, timeout_s=0.001)
    assert await is_gone(steps, sleeper)


@needs("programs")
async def test_a_daemon_that_holds_the_pipe_does_not_delay_the_end(steps: Steps) -> None:
    result = await steps.sh(f"setsid sleep {2 * PATIENCE_S:g} & echo done")
    assert (result.exit_status, result.head, result.timed_out) == (0, b"done\n", False)


@needs("programs")
async def test_only_the_workspace_outlives_a_call(steps: Steps) -> None:
    await steps.sh("echo 1 > kept; echo 1 > ${TMPDIR:-/tmp}/gone; export GONE=1; cd /tmp; umask 0777")
    assert await steps.says("cat kept; ls ${TMPDIR:-/tmp}; echo $GONE; pwd; umask") == "1\n\n/workspace\n0022"


@needs("programs")
async def test_the_environment_is_the_fixed_one_and_names_no_host_path(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "canary")
    text = await steps.says("env; for name in python python3 rg; do command -v $name; done")
    assert "canary" not in text
    assert {"PYTHONHASHSEED=0", "TZ=UTC", "LC_ALL=C.UTF-8", "NO_COLOR=1", "PAGER=cat"} <= set(text.splitlines())
    assert text.splitlines()[-3:] == ["/opt/bin/python", "/opt/bin/python3", "/opt/bin/rg"]


async def test_the_path_of_the_workspace_works_in_arguments(steps: Steps) -> None:
    await steps.put({"a": "1"})
    assert await steps.says("cat /workspace/a; ls /workspace") == "1a"


async def test_arguments_are_passed_byte_by_byte(steps: Steps) -> None:
    odd = b"\xff \n'".decode("utf-8", "surrogateescape")
    result = await steps.sandbox.exec(["printf", "%s", odd], timeout_s=PATIENCE_S, output_bytes=100)
    assert result.head + result.tail == b"\xff \n'"


@needs("programs")
async def test_python_and_pytest_run_as_commands(steps: Steps) -> None:
    await steps.put({"test_a.py": "def test_a(): pass\n"})
    assert "1 passed" in await steps.says("python -m pytest -q -p no:cacheprovider")


@needs("programs")
async def test_loopback_is_there_for_tests_that_serve(steps: Steps) -> None:
    program = (
        "import socket; s=socket.create_server(('127.0.0.1',0)); socket.create_connection(s.getsockname()); print('ok')"
    )
    assert await steps.python(program) == "ok"
