"""`python -m tests.simulation SEED [COUNT]`: run schedules again, and say what is wrong."""

from __future__ import annotations

import sys

from tests.simulation.schedules import campaign, schedule

first, count = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
if count == 1:
    print(schedule(first))  # noqa: T201
tried, failures = campaign(range(first, first + count))
print(*failures, f"{tried} schedules, {len(failures)} failures", sep="\n")  # noqa: T201
sys.exit(bool(failures))
