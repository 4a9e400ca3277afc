"""What validation says of tasks that are sound, and of those that are not."""

from __future__ import annotations

from pathlib import Path

import attrs

from coding_agent.evaluation.validity import Validity, validate_task
from coding_agent.sandbox.local import LocalBackend
from coding_agent.tasks.spec import TaskFile, TaskSpec
from tests.rollout.worlds import TASK

GOLD = "--- a/double.py\n+++ b/double.py\n@@ -1,2 +1,2 @@\n def double(x):\n-    return 2 + x\n+    return 2 * x\n"
SOUND = attrs.evolve(TASK, gold_patch=GOLD)


async def validity(task: TaskSpec, *, tries: int = 1) -> Validity:
    return await validate_task(task, LocalBackend(), tries=tries)


async def test_a_sound_task_pays_for_the_gold_patch_only() -> None:
    found = await validity(SOUND)
    assert found.problems == ()
    assert found.earned == {"untouched": 0.0, "empty": 0.0, "gold": 1.0}


async def test_a_task_that_is_solved_already_pays_for_nothing_done() -> None:
    solved = attrs.evolve(SOUND, fail_to_pass=SOUND.pass_to_pass, pass_to_pass=())
    found = await validity(solved)
    assert found.earned == {"untouched": 1.0, "empty": 1.0, "gold": 1.0}
    assert found.problems == (
        "untouched: tests/test_double.py::test_two must fail, it passed",
        "untouched: it must score 0, it scored 1",
        "empty patch: it must score 0, it scored 1 (submitted: all 1 expected tests passed)",
    )


async def test_a_gold_patch_that_solves_nothing_is_told_by_test() -> None:
    wrong = attrs.evolve(SOUND, gold_patch=GOLD.replace("2 * x", "3 * x"))
    found = await validity(wrong)
    assert found.earned["gold"] == 0.0
    (told,) = [each for each in found.problems if "test_two must pass, it was failed" in each]
    assert told.startswith("gold: tests/test_double.py::test_two must pass, it was failed (AssertionError: ")


async def test_tests_that_come_out_now_so_now_so_are_told(tmp_path: Path) -> None:
    once = f"from pathlib import Path\n\ndef test_five():\n    (Path({str(tmp_path)!r}) / 'ran').mkdir()\n"
    unsteady = attrs.evolve(SOUND, hidden={"tests/test_hidden.py": TaskFile(data=once.encode())})
    assert "untouched: 3 runs did not come out the same" in (await validity(unsteady, tries=3)).problems
