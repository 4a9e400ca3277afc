"""Every campaign at full length, as one table: guarantee, cases tried, failures. Exits with 1 when there is any.

python scripts/soak.py [--short [--rest]] [--write] [WORD …]

WORD     only the guarantees that hold one of the words
--short  as short as the tests run them
--rest   only those that the tests leave out
--write  put the cases of each row without failures into docs/promises.md, and their sum into README.md

Each row is printed as it is done, with the processor's time and the clock's; ctrl-C ends with the rows so far.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.campaigns import Campaign, Result, Size, campaigns, carry_out
from tests.campaigns.figures import write

INTERRUPTED = 130


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD", type=str.lower)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--rest", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.short and options.write:
        parser.error("--write: only figures of the long form are written down")
    wanted = [each for each in campaigns() if not (options.rest and each.in_suite)]
    chosen = [each for each in wanted if _holds(each.guarantee.lower(), options.words)]
    if not chosen:
        parser.error(f"no guarantee holds any of: {', '.join(options.words)}")
    results: dict[str, Result] = {}
    print(f"{'tried':>9} {'failures':>8} {'cpu s':>8} {'seconds':>8}  guarantee", flush=True)
    try:
        for campaign in chosen:
            # Kept before it is printed: an interruption may come as soon as somebody can see it.
            result, used_s, spent_s = _carried_out(campaign, "short" if options.short else "long")
            results[campaign.name] = result
            _print(result, used_s, spent_s)
    except KeyboardInterrupt:
        pass
    failed = sum(len(result.failures) for result in results.values())
    rows = f"in all, {len(results)} of {len(chosen)} rows" if len(results) < len(chosen) else "in all"
    print(f"{sum(result.tried for result in results.values()):>9} {failed:>8} {'':>17}  {rows}")
    if options.write:
        write({name: result.tried for name, result in results.items() if not (result.failures or result.untried)})
    if len(results) < len(chosen):
        return INTERRUPTED
    return 1 if failed or not all(result.tried for result in results.values()) else 0


def _holds(guarantee: str, words: list[str]) -> bool:
    return not words or any(word in guarantee for word in words)


def _carried_out(campaign: Campaign, size: Size) -> tuple[Result, float, float]:
    """What came of it, the processor's seconds and the clock's."""
    began, processor = time.monotonic(), _processor_s()
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = carry_out(campaign, size, Path(folder))
        except Exception:  # noqa: BLE001  one that broke off has failed; the others are still to be tried
            traceback.print_exc()
            result = Result(campaign.guarantee, 0, ("broke off: see the traceback",))
    return result, _processor_s() - processor, time.monotonic() - began


def _print(result: Result, used_s: float, spent_s: float) -> None:
    print(f"{result.tried:>9} {len(result.failures):>8} {used_s:>8.1f} {spent_s:>8.1f}  {result.guarantee}", flush=True)
    for failure in result.failures[:20]:
        print(f"{'':>37}{failure}")
    for why in result.untried:
        print(f"{'':>37}not tried: {why}", flush=True)


def _processor_s() -> float:
    """Of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    sys.exit(main())
