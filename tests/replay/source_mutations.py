"""Mutations of our own source, each of which some recorded episode must notice.

Most are noticed when the episodes are checked as `pytest --coding-agent-replays` checks them: verified, replayed and
projected. What only happens live (the loop, grading, what tools say) is noticed when a recorded policy plays its episode
once more. Each mutation has a copy of the package and a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

import coding_agent

ROOT = Path(__file__).parents[2]
CHECKED = (
    "import sys\n"
    "from pathlib import Path\n"
    "from coding_agent.replay.golden import check\n"
    "found = (check(Path(name)) for name in sys.argv[1:])\n"
    "print(next((each.problem for each in found if each is not None), 'nothing'))\n"
)
PLAYED = (
    "import sys\n"
    "from tests.replay.played_again import difference\n"
    "print(difference(sys.argv[1]) or 'nothing')\n"
)  # fmt: skip


@attrs.frozen
class SourceMutation:
    """`old` becomes `new`, wherever it stands in a file of the package."""

    area: str
    name: str
    file: str
    old: str
    new: str
    played: str = ""
    """The episode that is played again, for what a replay does not run."""


def _mutations() -> Iterator[SourceMutation]:
    for (area, file, played), rules in TABLE.items():
        for name, old, new in rules:
            yield SourceMutation(area, name, file, old, new, played)


TABLE: dict[tuple[str, str, str], tuple[tuple[str, str, str], ...]] = {
    ("limits", "rollout/decide.py", ""): (
        ("turns off by one", "counts.turns >= limits.turns or", "counts.turns > limits.turns or"),
        ("tokens off by one", "tokens >= limits.tokens)", "tokens > limits.tokens)"),
        ("prompts are free", "counts.prompt_tokens + counts.completion_tokens", "counts.completion_tokens"),
        ("replies are free", "counts.prompt_tokens + counts.completion_tokens", "counts.prompt_tokens"),
        ("silence off by one", "state.silent_turns >= limits", "state.silent_turns > limits"),
    ),
    ("limits", "tools/render_tests.py", ""): (
        ("one failure more explained", "MAX_EXPLAINED = 20", "MAX_EXPLAINED = 21"),
        ("one failure more named", "MAX_FAILED = 100", "MAX_FAILED = 101"),
        ("one passed test more", "MAX_PASSED = 40", "MAX_PASSED = 41"),
        ("shorter traces", "MAX_FRAMES = 20", "MAX_FRAMES = 8"),
    ),
    ("limits", "tools/run_command.py", "odd-text"): (
        ("more output shown", "context.limits.output_bytes", "2 * context.limits.output_bytes"),
    ),
    ("decide", "rollout/decide.py", ""): (
        ("reminder reworded", "Call one tool per turn;", "Call a tool;"),
        ("no reminder", "state.silent_turns and not state.reminded", "False"),
        ("second call executed", "    if index:\n", "    if index > 1:\n"),
        ("call ids from one", 'call = f"{turn.turn}.{index}"', 'call = f"{turn.turn}.{index + 1}"'),
        ("blocked told as submitted", 'if state.submitted == "solved" else "blocked"', 'if state.submitted else "blocked"'),
        ("the cause forgotten", "        return causes[0]\n", '        return "time_limit"\n'),
        ("a failure of ours told as the agent's", 'if "infra_error" in causes:', 'if "infra_error" in causes[:1]:'),
        ("ungraded after the time limit", '"policy_error"})', '"policy_error", "time_limit"})'),
        ("graded after a policy's failure", '"infra_error", "policy_error"})', '"infra_error"})'),
        ("summary dropped", "summary=state.summary, ", ""),
    ),
    ("fold", "rollout/state.py", ""): (
        ("tool calls not counted", "tool_calls=state.counts.tool_calls + 1", "tool_calls=state.counts.tool_calls"),
        ("test runs not counted", "test_runs=state.counts.test_runs + 1", "test_runs=state.counts.test_runs"),
        ("denied submit accepted", ' or event.outcome != "ok"', ""),
        ("summary not kept", 'summary=str(call.arguments.get("summary", ""))', 'summary=""'),
        ("silence never forgotten", "silent = 0 if event.calls", "silent = state.silent_turns if event.calls"),
        ("reminded once for all", "reminded=False", "reminded=state.reminded"),
        ("a call told not executed stays open", "Notice():\n            return attrs.evolve(moved, answered=state.answered + 1)", "Notice():\n            return moved"),
    ),
    ("conversation", "projections/conversation.py", ""): (
        ("tool messages lose their call", "[message.role, message.content, calls, message.call_id, message.extra]", "[message.role, message.content, calls, message.extra]"),
        ("tools not in the digest", "for tool in tools]", "for tool in ()]"),
        ("notices not shown", "        case Notice(call=str() as call):\n            return _answer(state, call, event.text)\n", "        case Notice(call=str()):\n            return state\n"),
        ("the system reminds", 'Message(role="user", content=event.text)', 'Message(role="system", content=event.text)'),
        ("reasoning forgotten", "calls=calls, extra=event.extra)", "calls=calls)"),
        ("ids that are there twice kept", "if call.id and ids.count(call.id) == 1 else", "if call.id else"),
        ("answers change places", 'int(call.rpartition(".")[2])', '-1 - int(call.rpartition(".")[2])'),
    ),
    ("prompt", "rollout/prompt.py", "second-thoughts"): (
        ("the task's title left out", "# {task.title}", "# The task"),
    ),
    ("dispatch", "tools/dispatch.py", ""): (
        ("unknown tool reworded", "There is no tool `", "No tool `"),
        ("no suggestion", 'hint = f" Did you mean `{near[0]}`?" if near else ""', 'hint = ""'),
        ("reason dropped", 'why = call.error or "not a JSON object"', 'why = "not a JSON object"'),
        ("tools that were not offered run", "tool is None or call.name not in names", "tool is None"),
        ("longer names shown", "call.name[:80]}", "call.name[:81]}"),
    ),
    ("parsing", "tools/parsing.py", ""): (
        ("position of the error dropped", "line {error.lineno}, column {error.colno}: {error.msg}", "{error.msg}"),
        ("nothing is an error", "        return {}, None\n", '        return None, "nothing"\n'),
        ("a key may be there twice", "if len(found) < len(pairs):", "if False:"),
        ("no number is a number", 'raise _Refused(f"expected a finite number, found {name}")', "return None"),
        ("infinity is a number", "if not math.isfinite(value):", "if value != value:"),
        ("integers taken that a float rounds", "MAX_INT = 2**53", "MAX_INT = 2**54"),
        ("deeper nesting taken", "MAX_DEPTH = 60", "MAX_DEPTH = 63"),
        ("what is there instead of an object not shown", "found {json.dumps(value)[:60]}", "found something else"),
        ("commas told as Python 3.13 does", 'if error.msg.startswith("Illegal trailing comma"):', "error = json.JSONDecodeError(error.msg, raw, error.pos - 1)\n    if False:"),
        ("half a character kept", "        return escape(value)\n", "        return value\n"),
        ("nesting of the bound refused", "_depth(raw) > MAX_DEPTH:", "_depth(raw) >= MAX_DEPTH:"),
        ("one level more taken", "_depth(raw) > MAX_DEPTH:", "_depth(raw) > MAX_DEPTH + 1:"),
        ("brackets that close not counted", '1 if bracket in "[{" else -1', '1 if bracket in "[{" else 0'),
        ("the longest integers refused", "len(digits) > 17 or", "len(digits) > 16 or"),
        ("the smallest integer refused", "-MAX_INT <= int(digits)", "-MAX_INT < int(digits)"),
        ("the largest integer refused", "int(digits) <= MAX_INT", "int(digits) < MAX_INT"),
        ("one integer less taken", "-MAX_INT <= int(digits)", "-MAX_INT - 1 <= int(digits)"),
        ("one integer more taken", "int(digits) <= MAX_INT", "int(digits) <= MAX_INT + 1"),
        ("more digits of an integer shown", "±2^53, found {digits[:40]}", "±2^53, found {digits[:41]}"),
        ("more digits of a number shown", "finite number, found {digits[:40]}", "finite number, found {digits[:41]}"),
        ("more shown of what is there instead of an object", "found {json.dumps(value)[:60]}", "found {json.dumps(value)[:61]}"),
    ),
    ("parsing", "tools/schema.py", ""): (
        ("problems reworded", "expected", "wanted"),
        ("true is one", "if type(value) is not field.kind and", "if not isinstance(value, field.kind) and"),
        ("numbers out of bounds taken", "return None if within else _shown(value)", "return None"),
        ("unknown fields passed over", "for name in arguments if name not in fields]", "for name in () if name not in fields]"),
        ("nearest field not named", 'hint = f"; the nearest is `{near[0]}`" if near else ""', 'hint = ""'),
        ("NUL taken", 'about.nul_free and "\\0" in value', "False"),
        ("half a character taken", "not about.path and (lone", "about.path and (lone"),
        ("choices not looked at", "return None if value in field.choices else _shown(value)", "return None"),
        ("items of a list not looked at", 'if not item or "\\0" in item:', "if False:"),
        ("the smallest number refused", "value >= low)", "value > low)"),
        ("one number less taken", "value >= low)", "value >= low - 1)"),
        ("the largest number refused", "value <= high)", "value < high)"),
        ("one number more taken", "value <= high)", "value <= high + 1)"),
        ("the shortest text refused", "len(value) < about.minimum:", "len(value) <= about.minimum:"),
        ("a shorter text taken", "len(value) < about.minimum:", "len(value) < about.minimum - 1:"),
        ("the longest text refused", 'len(value) > about.maximum:\n        return f"{len(value)} char', 'len(value) >= about.maximum:\n        return f"{len(value)} char'),
        ("a longer text taken", 'len(value) > about.maximum:\n        return f"{len(value)} char', 'len(value) > about.maximum + 1:\n        return f"{len(value)} char'),
        ("the longest list refused", 'len(value) > about.maximum:\n        return f"{len(value)} items', 'len(value) >= about.maximum:\n        return f"{len(value)} items'),
        ("a longer list taken", 'len(value) > about.maximum:\n        return f"{len(value)} items', 'len(value) > about.maximum + 1:\n        return f"{len(value)} items'),
        ("one unknown field more named", "MAX_UNKNOWN = 5", "MAX_UNKNOWN = 6"),
        ("unknown fields of the bound counted too", "if len(unknown) > MAX_UNKNOWN:", "if len(unknown) >= MAX_UNKNOWN:"),
        ("longer names of unknown fields", "{tool}.{name[:80]}:", "{tool}.{name[:81]}:"),
        ("longer values shown whole", "len(text) <= 80", "len(text) <= 81"),
        ("values of the bound cut", "len(text) <= 80", "len(text) < 80"),
        ("more of a long value shown", "text[:77]", "text[:78]"),
    ),
    ("rendering", "tools/render_tests.py", ""): (
        ("passed tests not listed", "    if passed and (", "    if not passed and ("),
        ("failures unexplained", "        if number < MAX_EXPLAINED:\n", "        if number < 0:\n"),
        ("trace dropped", "    if failure.frames:\n", "    if not failure.frames:\n"),
        ("skipped tests not counted", '"passed", "skipped", "xfailed"', '"passed", "xfailed"'),
        ("ends early in silence", "if run.running or run.exit_status not in _ENDS_BY_ITSELF:", "if False:"),
        ("a signal told as a status", "if exit_status < 0 else", "if exit_status < -99 else"),
        ("no limit named", 'limit = "the limit" if test_s is None else f"{test_s:g} s"', 'limit = "the limit"'),
        ("nothing of what was printed", "if run.output and (early or not run.outcomes):", "if False:"),
        ("raw control characters", 'return visible(" ".join(message.split()).encode("utf-8", "surrogateescape"))', 'return " ".join(message.split())'),
    ),
    ("rendering", "tools/read_file.py", "every-tool"): (("lines numbered from zero", "numbered(start, shown)", "numbered(start - 1, shown)"),),
    ("rendering", "tools/list_files.py", "every-tool"): (("directories not marked", 'return f"{entry.path}/"', 'return f"{entry.path}"'),),
    ("rendering", "tools/search.py", "every-tool"): (("matches without their line", ":{match.line}:", ":"),),
    ("rendering", "tools/run_command.py", "every-tool"): (("status not told", 'return f"exit status {done.exit_status}"', 'return "ended"'),),
    ("rendering", "tools/write_file.py", "every-tool"): (("created told as overwritten", "Created {path}", "Overwrote {path}"),),
    ("rendering", "tools/replace_text.py", "every-tool"): (("line not told", "in {arguments.path} ({_lines(file.data, old)}).", "in {arguments.path}."),),
    ("loop", "rollout/ask.py", "second-thoughts"): (
        ("the policy told another turn", "seed=header.seed, turn=step.turn)", "seed=header.seed, turn=1)"),
        ("turns without the digest of their request", "request_digest=step.request_digest, latency_s", 'request_digest="", latency_s'),
    ),
    ("loop", "rollout/episode.py", "policy-error"): (
        ("a policy's failure told as ours", 'return "infra_error" if isinstance(error, PolicyUnavailable) else "policy_error"', 'return "infra_error"'),
    ),
    ("loop", "rollout/episode.py", "too-much"): (
        ("the stage not kept", '                self.journal.enter("tool")\n', ""),
        ("work that no log can hold told as ours", 'return "policy_error", f"can not be recorded', 'return "infra_error", f"can not be recorded'),
    ),
    ("recording", "rollout/record.py", "files"): (
        ("what was there before forgotten", "before=None if before is None else to_content(before, self._write_blob)", "before=None"),
        ("small files as blobs", "INLINE_BYTES = 64 << 10", "INLINE_BYTES = 1"),
    ),
    ("grading", "rollout/submission.py", "tampering"): (
        (
            "protected tests graded as the agent left them",
            "configures or path in self._decisive or matches(path, (*NEVER_GRADED, *self._task.protected))",
            "configures",
        ),
    ),
    ("grading", "rollout/grade.py", "tampering"): (
        ("tampering not told", "tampering=graded.tampering + _lie(report)", "tampering=_lie(report)"),
    ),
    ("grading", "rollout/grade.py", "ended-early"): (("no lie found", 'if report.sentinel == "missing" and', "if False and"),),
    ("grading", "events/verdict.py", ""): (
        ("a test that never ran counts", 'run.outcomes.get(test) != "passed"', 'run.outcomes.get(test) in {"failed", "error"}'),
        ("a failed test counts", 'run.outcomes.get(test) != "passed"', "test not in run.outcomes"),
        ("nothing ever passes", "return disbelief(run) is None and", "return disbelief(run) is not None and"),
        ("every run is believed to have ended", "if run.timed_out:\n", "if not run.timed_out:\n"),
    ),
    ("reward", "projections/reward.py", ""): (
        ("half a reward", "base = 1.0 if", "base = 0.5 if"),
        ("half marks for half the tests", "base = 1.0 if undone is None and grade is not None and passed(grade) else 0.0", 'base = measured["tests_passed"]'),
        ("ends of the agent's own making are masked", 'AGENTS_STAGES = frozenset({"tool", "grade"})', "AGENTS_STAGES = frozenset()"),
        ("lines that only moved away not counted", "removed + len(before) - start - end", "removed"),
        ("tampering not counted", '"tampering": float(len(grade.tampering)) if grade else 0.0', '"tampering": 0.0'),
        ("work that was undone not counted", "len(touched - {diff.path for diff in diffs})", "0"),
    ),
    ("projections", "projections/patch.py", ""): (
        ("modes left out", "old.mode != new.mode", "False"),
        ("binary files as text", 'if b"\\0" in before + after or', "if False and"),
        ("no word of a missing newline", '"\\n\\\\ No newline at end of file\\n"', '"\\n"'),
    ),
    ("projections", "projections/trajectory.py", ""): (("tools' answers imitated", 'message.role == "assistant"', 'message.role != "user"'),),
    ("codec", "events/codec.py", ""): (
        ("defaults written out", "_cattrs_omit_if_default=True", "_cattrs_omit_if_default=False"),
        ("latencies compared", "if kind is FieldKind.OBSERVED)", "if kind is None)"),
    ),
    ("codec", "events/line.py", ""): (
        ("keys in any order", "option=orjson.OPT_SORT_KEYS", "option=0"),
        ("state without the type", '{"data": meaning, "type": wire_name}', '{"data": meaning}'),
        ("chain from the line alone", "digest = hashlib.sha256(previous.encode())", "digest = hashlib.sha256()"),
    ),
    ("codec", "events/text.py", "files"): (("escapes of three digits", '"\\ufdd0([0-9a-f]{4})"', '"\\ufdd0([0-9a-f]{3})"'),),
}  # fmt: skip
MUTATIONS = tuple(_mutations())
AREAS = tuple(dict.fromkeys(mutation.area for mutation in MUTATIONS))
FEW = tuple(next(each for each in MUTATIONS if each.area == area) for area in AREAS)
"""One of each area."""


def said_of(mutation: SourceMutation | None, folder: Path, logs: list[Path]) -> str:
    """What the recorded episodes say of a package that is mutated so; `nothing` if they say nothing.

    Raises AssertionError by name for a mutation that does not fit the source any more.
    """
    package = Path(coding_agent.__file__).parent
    copy = folder / "coding_agent"
    # With the compiled files: they stay valid for what is not changed.
    shutil.copytree(package, copy)
    if mutation is not None:
        _mutate(copy / mutation.file, mutation)
    program, arguments = CHECKED, [str(log) for log in logs]
    if mutation is not None and mutation.played:
        program, arguments = PLAYED, [str(ROOT / "replays" / f"{mutation.played}.jsonl")]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], check=False, cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
    )  # fmt: skip
    name = "the package as it is" if mutation is None else mutation.name
    assert done.returncode == 0, f"{name}: {done.stderr}"  # a mutant that crashes proves nothing
    return done.stdout.strip()


def _mutate(file: Path, mutation: SourceMutation) -> None:
    text = file.read_text(encoding="utf-8")
    assert mutation.old in text, f"{mutation.name}: {mutation.old!r} is no longer in {mutation.file}; mend the mutation"
    file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
