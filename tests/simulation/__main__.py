"""`python -m tests.simulation [crash] SEED [COUNT]`: run schedules (or crashes) again, and say what is wrong."""

from __future__ import annotations

import sys

from tests.simulation.crashes import crash_campaign
from tests.simulation.schedules import campaign, schedule

crash = sys.argv[1] == "crash"
first, count, *_ = *map(int, sys.argv[2 if crash else 1 :]), 1
if count == 1 and not crash:
    print(schedule(first))  # noqa: T201
tried, failures = (crash_campaign if crash else campaign)(range(first, first + count))
print(*failures, f"{tried} tried, {len(failures)} failures", sep="\n")  # noqa: T201
sys.exit(bool(failures))
