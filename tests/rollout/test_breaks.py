"""What an agent breaks in its sandbox is its own doing; and what would break a weaker sandbox."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from coding_agent.errors import SandboxDied
from coding_agent.sandbox import places
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.registry import make_backend
from tests.rollout.worlds import SUBMIT, TASK, job, roll_out, script, worth

pytestmark = pytest.mark.parametrize("anyio_backend", ["trio"])
"""What is tried lies on the other side of the socket."""
_LIMIT = "python3 -c 'import resource; resource.prlimit(1, resource.RLIMIT_{}, (0, 0))'"
BREAKS = {
    "permissions": "chmod 000 . double.py tests", "everything": "rm -rf /workspace",
    "first process's descriptors": f"{_LIMIT.format('NOFILE')}; sleep 0.5",
    # It takes time of the processor for what it looks at.
    "first process's time": f"{_LIMIT.format('CPU')}; for n in $(seq 100); do sleep 2 & done; wait",
    "processes": "kill -9 -1; kill -9 1 $PPID", "disk": "for n in 1 2 3; do head -c 100000000 /dev/zero > $n.pyc; done",
}  # fmt: skip


async def test_what_an_agent_breaks_is_a_result_like_any_other_and_earns_nothing(tmp_path: Path) -> None:
    after = (("list_files", "{}"), ("run_command", '{"command": "ls"}'), ("run_tests", "{}"), SUBMIT)
    jobs = [
        job(script(("run_command", json.dumps({"command": command})), *after), task=attrs.evolve(TASK, id=name))
        for name, command in BREAKS.items()
    ]
    outcomes = await roll_out(tmp_path / "run", jobs, kind="bubblewrap")
    ends = {outcome.task: (outcome.reason, worth(outcome.path).value) for outcome in outcomes}
    assert ends == dict.fromkeys(BREAKS, ("submitted", 0.0))


@pytest.fixture
def lenient_runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sandboxes run a copy of the runtime whose filter lets limits of other processes be set."""
    places.runtime.cache_clear()
    folder = Path(tempfile.mkdtemp(prefix="coding-agent-lenient-"))
    folder.chmod(0o755)
    copy = shutil.copytree(places.runtime(), folder / "runtime")
    strict = (copy / "seccomp.py").read_text()
    rule = "(_JEQ, 0, 4, prlimit), (_LD, 0, 0, _ARG0), (_JEQ, 1, 0, 0), (_RET, 0, 0, deny)"
    assert strict.count(rule) == 1
    (copy / "seccomp.py").write_text(strict.replace(rule, rule.replace("deny", "_ALLOW")))
    monkeypatch.setattr(places, "_RUNTIME", copy)
    places.runtime.cache_clear()
    yield
    places.runtime.cache_clear()
    shutil.rmtree(folder)


@pytest.mark.usefixtures("lenient_runtime")
@pytest.mark.parametrize("name", [name for name in BREAKS if name.startswith("first")])
async def test_what_breaks_the_first_process_does_so_where_the_filter_lets_it(name: str) -> None:
    async with make_backend("bubblewrap").open(SandboxSpec()) as sandbox:
        with pytest.raises(SandboxDied):
            await sandbox.exec(["sh", "-c", BREAKS[name]], timeout_s=30, output_bytes=1000)
