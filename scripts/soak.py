"""Every campaign at full length, as one table: guarantee, cases tried, failures. Exits with 1 when there is any.

python scripts/soak.py [--short] [WORD …]    only the guarantees that hold one of the words
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.campaigns import Result, campaigns, carry_out


def main(arguments: list[str]) -> int:
    size = "short" if "--short" in arguments else "long"
    words = [word.lower() for word in arguments if not word.startswith("--")]
    results: list[Result] = []
    print(f"{'tried':>9} {'failures':>8} {'seconds':>8}  guarantee", flush=True)
    for campaign in campaigns():
        if words and not any(word in campaign.guarantee.lower() for word in words):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = carry_out(campaign, "short" if size == "short" else "long", Path(folder))
            except Exception:  # noqa: BLE001  one that broke off has failed; the others are still to be tried
                traceback.print_exc()
                result = Result(campaign.guarantee, 0, ("broke off: see the traceback",))
        results.append(result)
        spent = time.monotonic() - began
        print(f"{result.tried:>9} {len(result.failures):>8} {spent:>8.1f}  {result.guarantee}", flush=True)
        for failure in result.failures[:20]:
            print(f"{'':>28}{failure}")
        for why in result.untried:
            print(f"{'':>28}not tried: {why}")
    failed = sum(len(result.failures) for result in results)
    print(f"{sum(result.tried for result in results):>9} {failed:>8} {'':>8}  in all")
    return 1 if failed or not all(result.tried for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
