"""Every hostile program in every stage beside a neighbour, then the cheats and the honest solutions, as one table.

python scripts/hostile.py [--sandbox KIND] [WORD …]    only programs whose name holds one of the words

Exits with 1 when anything escaped, starved a neighbour, was left behind, recorded untruly or rewarded wrongly.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.hostile.attack import LATE_S, Report, attack
from tests.hostile.corpus import attempts
from tests.hostile.program import STAGES, corpus
from tests.hostile.test_rewards import earned, misjudged, played, wrong_of_residual

OOM = "test_graded_tests_that_the_kernel_kills_for_want_of_memory_are_masked"


def main(kind: str, words: Sequence[str]) -> int:
    programs = [program for program in corpus() if not words or any(word in program.name for word in words)]
    folder = Path(tempfile.mkdtemp(prefix="coding-agent-hostile-"))
    folder.chmod(0o755)
    try:
        print(
            f"as {'root' if os.geteuid() == 0 else f'uid {os.geteuid()}'}, {os.cpu_count()} cores, {kind}", flush=True
        )
        began = time.monotonic()
        (folder / "attack").mkdir()
        report = attack(programs, folder / "attack", kind=kind, timing=True)
        _by_family(report)
        print(f"{'':>17}took {time.monotonic() - began:.0f} s; {report.neighbours} neighbours beside, "
              f"the slowest {report.slowest:.1f} times the median", flush=True)  # fmt: skip
        rewards = {} if words else {**_rewards(folder, kind), **_out_of_memory()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wrong = {
        "escapes": report.escaped,
        "starved neighbours": [*report.starved, *report.kept_waiting],
        "leftovers": list(report.leftovers),
        "recorded untruly": report.untrue,
        f"later than {LATE_S:g} s after the timeout (latest {max(v.late_s for v in report.verdicts):.1f} s)": report.late(
            LATE_S
        ),
        **rewards,
    }
    if busy := [verdict.program.name for verdict in report.verdicts if verdict.busy]:
        print(f"{'':>17}others kept the machine busy: held to ten times the second: {', '.join(busy)}")
    for outlier in report.outliers:
        print(f"{'':>17}{outlier}")
    print(f"\n{len(programs):>9} programs x {len(STAGES)} stages: {report.runs} runs")
    for what, found in wrong.items():
        print(f"{len(found):>9} {what}", *(f"\n{'':>11}{each}" for each in found), sep="")
    return 1 if any(wrong.values()) or not programs else 0


def _by_family(report: Report) -> None:
    print(f"{'programs':>9} {'runs':>5} {'escapes':>8} {'untrue':>7} {'late, s':>8}  family")
    for family in sorted({verdict.program.family for verdict in report.verdicts}):
        found = [verdict for verdict in report.verdicts if verdict.program.family == family]
        escapes, untruths = (sum(map(len, each)) for each in ([v.escapes for v in found], [v.untruths for v in found]))
        late = max(verdict.late_s for verdict in found)
        runs = sum(verdict.runs for verdict in found)
        print(f"{len(found):>9} {runs:>5} {escapes:>8} {untruths:>7} {late:>8.1f}  {family}")


def _rewards(folder: Path, kind: str) -> dict[str, list[str]]:
    """Wrongly paid, wrongly unpaid and wrongly audited attempts, by what to call them."""
    wrong, audited = {}, []
    for corpus_name, right, title in (("cheats", 0.0, "false rewards"), ("fair", 1.0, "unfair rewards")):
        outcomes = played(attempts(corpus_name), folder / corpus_name, kind=kind)
        found = earned(outcomes)
        audited += misjudged(outcomes)
        odd = [f"{name}: {end}" for name, end in sorted(found.items()) if end != ("submitted", right)]
        wrong[f"{title}, of {len(found)} {'cheats' if right == 0 else 'honest solutions'}"] = odd
    wrong["audited wrongly"] = audited
    (folder / "residual").mkdir()
    residual = attempts("residual")
    wrong[f"wrong, of {len(residual)} cheats that only a boundary stops"] = wrong_of_residual(
        residual, folder / "residual", kind=kind
    )
    return wrong


def _out_of_memory() -> dict[str, list[str]]:
    """Graded tests that the kernel kills for want of memory: tried here, where nothing else is graded meanwhile."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/rollout/test_infrastructure.py", "-k", OOM],
        env={**os.environ, "CODING_AGENT_OOM": "1"}, cwd=Path(__file__).parent.parent, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if " skipped" in done.stdout and " passed" not in done.stdout:
        print(f"{'':>17}no control group can be made here: the kernel's out-of-memory killer was not tried")
        return {}
    return {"kills for want of memory not masked": [] if done.returncode == 0 else done.stdout.splitlines()[-5:]}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--sandbox", default="bubblewrap", metavar="KIND")
    arguments.add_argument("words", nargs="*", metavar="WORD")
    given = arguments.parse_args()
    sys.exit(main(given.sandbox, given.words))
