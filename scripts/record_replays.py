"""Record the episodes of `replays/`: each a small story with a different ending. Run it only to add to them."""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from pathlib import Path

import anyio
import attrs

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.rollout.worlds import FIX, SOLVE, SUBMIT, job, roll_out, script  # noqa: E402

from coding_agent.events.values import Limits  # noqa: E402
from coding_agent.policies.base import PolicyReply, RawCall  # noqa: E402
from coding_agent.policies.gold import GoldPolicy  # noqa: E402
from coding_agent.policies.repair import RepairPolicy  # noqa: E402
from coding_agent.rollout.scheduler import Job  # noqa: E402
from coding_agent.rollout.start import task_limits  # noqa: E402
from coding_agent.store.blobs import BlobStore  # noqa: E402
from coding_agent.tasks.load import load_task  # noqa: E402

PATCH = (
    "--- a/double.py\\n+++ b/double.py\\n@@ -1,2 +1,2 @@\\n def double(x):\\n-    return 2 + x\\n+    return x + x\\n"
    "--- /dev/null\\n+++ b/notes/why.md\\n@@ -0,0 +1 @@\\n+Because.\\n"
)
BLOCKED = ("submit", '{"status": "blocked", "summary": "I do not know."}')
TWO_CALLS = attrs.evolve(
    SOLVE,
    replies=(PolicyReply(content=None, calls=tuple(RawCall(id="x", name=n, arguments=a) for n, a in (FIX, SUBMIT))),),
)
STORIES = {
    "every-tool": job(script(
        ("list_files", "{}"), ("read_file", '{"path": "double.py"}'), ("search", '{"pattern": "return"}'),
        ("run_tests", "{}"), ("write_file", '{"path": "notes.txt", "content": "2 + x?"}'), FIX,
        ("replace_text", '{"path": "double.py", "old": "2 * x", "new": "2 + x"}'),
        ("apply_patch", '{"patch": "' + PATCH + '"}'), ("run_command", '{"command": "rm notes.txt; ls; exit 3"}'),
        ("run_tests", '{"tests": ["tests/test_double.py::test_three"]}'), SUBMIT,
    ), limits=Limits(turns=12)),
    "denied-calls": job(script(
        ("runtests", "{}"), ("read_file", "{"), ("read_file", '{"path": 3, "form": 1}'),
        ("read_file", '{"path": "../etc/passwd"}'), ("apply_patch", '{"patch": "--- a/x\\n+++ b/x\\n@@ -1 +1 @@\\n-a\\n+b\\n"}'), BLOCKED,
    )),
    "tampering": job(script(("write_file", '{"path": "tests/test_double.py", "content": "def test_three(): pass\\n"}'), SUBMIT)),
    "turn-limit": job(TWO_CALLS, limits=Limits(turns=1)),
    "time-limit": job(script(FIX, ("run_command", '{"command": "sleep 30"}')), limits=Limits(seconds=1.5)),
    "silence": job(attrs.evolve(SOLVE, replies=(PolicyReply(content="Let me think."),) * 3)),
    "policy-error": job(script(FIX)),
    "command-timeout": job(script(("run_command", '{"command": "echo before; sleep 30", "timeout_s": 1}'), BLOCKED)),
}  # fmt: skip


def stories() -> dict[str, Job]:
    """All of them, by file name."""
    task = load_task(ROOT / "tasks" / "interval-gap")
    found = {
        "ep123": Job(task=task, policy=RepairPolicy(), sample=0, limits=task_limits(task), seed=123),
        "gold": Job(task=task, policy=GoldPolicy(task.gold_patch), sample=0, limits=task_limits(task), seed=0),
    }
    return {**found, **STORIES}


def main() -> None:
    """Record what is not there yet."""
    target = ROOT / "replays"
    for name, story in stories().items():
        file = target / f"{name}.jsonl"
        if file.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            (outcome,) = anyio.run(functools.partial(roll_out, Path(folder) / "run", [story], kind="bubblewrap"))
            assert not list(BlobStore(Path(folder) / "run" / "blobs").directory.iterdir())
            shutil.copy(outcome.path, file)
        sys.stdout.write(f"{name}: {outcome.reason}, {outcome.turns} turns, passed {outcome.passed}\n")


if __name__ == "__main__":
    main()
