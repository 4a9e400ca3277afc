"""Tool texts to facts: reads what `docs/reference/tools.md` specifies, and makes nothing of any other text."""

from __future__ import annotations

import re

import attrs

_COUNT = re.compile(r"(\d+) (failed|errors?|passed|skipped|xfailed|xpassed)")
_RESULT = re.compile(r"^(FAILED|ERROR|PASSED) (\S.*)$")
_WHY = re.compile(r"^  (\S+) at (.+?):(\d+): ?(.*)$")
_STEP = re.compile(r"^(.+):(\d+) in (\S+)$")
_HEADER = re.compile(
    r"^(.+): lines (\d+)-(\d+) of (\d+)( \((?:CRLF line endings|mixed line endings|no newline at end of file)\))?$"
)
_NUMBERED = re.compile(r"^ *(\d+)\t(.*)$", re.DOTALL)
_RUNNING = re.compile(r"^(?:The run ended early: .*? while|Timed out after .*? while) (.+) was running\.$")


@attrs.frozen(kw_only=True)
class Step:
    """One frame of a failing test's trace."""

    file: str
    line: int
    function: str


@attrs.frozen(kw_only=True)
class Failure:
    """One failing test, or one file that could not be collected; details only where the text gave them."""

    test: str
    exception: str = ""
    file: str = ""
    line: int = 0
    message: str = ""
    trace: tuple[Step, ...] = ()


@attrs.frozen(kw_only=True)
class Run:
    """One answer of `run_tests`."""

    failures: tuple[Failure, ...] = ()
    passed: tuple[str, ...] = ()
    bad: int = 0
    """Failed tests and errors, also those that were only counted."""
    good: int = 0
    running: str = ""
    """The test that was running when the run ended early."""
    cut: bool = False
    """The run ended early or timed out."""

    @property
    def failing(self) -> tuple[str, ...]:
        """What is known not to pass, the test that never ended included."""
        names = tuple(failure.test for failure in self.failures)
        return names if not self.running or self.running in names else (*names, self.running)

    @property
    def clean(self) -> bool:
        """Tests ran, to the end, and all of them passed."""
        return self.good > 0 and not self.bad and not self.cut


def test_run(text: str) -> Run | None:
    """None when `text` is no test report."""
    lines = text.split("\n")
    every = re.fullmatch(r"All (\d+) tests? passed\.", lines[0]) or re.fullmatch(r"The (1) test passed\.", lines[0])
    counts = {kind.rstrip("s"): int(n) for n, kind in _COUNT.findall(lines[0])}
    cut = any(line.startswith(("The run ended early", "Timed out after")) for line in lines[:3])
    running = next((m.group(1) for line in lines[:3] if (m := _RUNNING.match(line))), "")
    if not (every or counts or cut or lines[0].startswith("No tests ran")):
        return None
    failures, passed = _results(lines[1:])
    bad = counts.get("failed", 0) + counts.get("error", 0)
    good = int(every.group(1)) if every else counts.get("passed", 0)
    return Run(failures=failures, passed=passed, bad=bad, good=good, running=running, cut=cut)


def _results(lines: list[str]) -> tuple[tuple[Failure, ...], tuple[str, ...]]:
    failures: list[Failure] = []
    passed: list[str] = []
    for line in lines:
        if result := _RESULT.match(line):
            if result.group(1) == "PASSED":
                passed.append(result.group(2))
            else:
                failures.append(Failure(test=result.group(2)))
        elif failures and (why := _WHY.match(line)):
            failures[-1] = attrs.evolve(failures[-1], exception=why[1], file=why[2], line=int(why[3]), message=why[4])
        elif failures and line.startswith("  trace: "):
            failures[-1] = attrs.evolve(failures[-1], trace=_trace(line.removeprefix("  trace: ")))
    return tuple(failures), tuple(passed)


def _trace(text: str) -> tuple[Step, ...]:
    matches = (_STEP.match(part) for part in text.split(" > "))
    return tuple(Step(file=m[1], line=int(m[2]), function=m[3]) for m in matches if m)


@attrs.frozen(kw_only=True)
class Chunk:
    """The part of a file that one `read_file` showed."""

    path: str
    start: int
    end: int
    of: int
    text: str


def file_chunk(text: str, asked: str) -> Chunk | None:
    """None when `text` shows no file."""
    head, _, body = text.partition("\n")
    if head == f"{asked}: empty file":
        return Chunk(path=asked, start=1, end=0, of=0, text="")
    header = _HEADER.match(head)
    if header is None:
        return None
    start, end, of = int(header[2]), int(header[3]), int(header[4])
    rows = [m[2] for line in body.split("\n") if (m := _NUMBERED.match(line))][: end - start + 1]
    if len(rows) != end - start + 1:
        return None
    tail = "" if end == of and "no newline" in (header[5] or "") else "\n"
    return Chunk(path=asked, start=start, end=end, of=of, text="\n".join(rows) + tail)


def listed_files(text: str) -> tuple[str, ...]:
    """The files of a `list_files` answer; directories and remarks left out."""
    rows = (line.split(" -> ")[0] for line in text.split("\n"))
    return tuple(row for row in rows if row and not row.startswith("[") and not row.endswith(("/", ")")))


def turn_budget(text: str) -> int:
    """What the opening message grants; 40 when it does not say."""
    said = re.search(r"You have (\d{1,6}) turns", text)
    return int(said[1]) if said else 40


def test_command(text: str) -> tuple[str, ...]:
    """The arguments after `pytest` in the command that the opening message names."""
    said = re.search(r"`run_tests` runs `([^`]*)`", text)
    words = said[1].split() if said else []
    return tuple(words[words.index("pytest") + 1 :]) if "pytest" in words else ()
