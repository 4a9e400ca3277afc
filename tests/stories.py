"""Small episodes with different endings, over the toy task: what `replays/` holds, and what must be in it."""

from __future__ import annotations

import json

import attrs

from coding_agent.events.values import Limits, TokenRecord, Usage
from coding_agent.policies.base import ContextOverflow, PolicyReply, PolicyRequest, RawCall
from tests.rollout.worlds import FIX, SOLVE, SUBMIT, job, script

PATCH = (
    "--- a/double.py\\n+++ b/double.py\\n@@ -1,2 +1,2 @@\\n def double(x):\\n-    return 2 + x\\n+    return x + x\\n"
    "--- /dev/null\\n+++ b/notes/why.md\\n@@ -0,0 +1 @@\\n+Because.\\n"
)
BLOCKED = ("submit", '{"status": "blocked", "summary": "I do not know."}')
ODD_TESTS = (
    "import pytest\\n\\ndef test_a(): assert True\\ndef test_b(): assert False, 'no'\\n"
    "def test_c(broken): pass\\n@pytest.mark.skip\\ndef test_d(): pass\\n"
    "@pytest.mark.xfail\\ndef test_e(): assert 0\\n@pytest.mark.xfail\\ndef test_f(): pass\\n"
)


def turn(
    *calls: tuple[str, str, str], content: str | None = "Next.", prompt: int = 0, completion: int = 0
) -> PolicyReply:
    """One message with these (id, name, arguments) calls."""
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion)
    return PolicyReply(
        content=content, calls=tuple(RawCall(id=i, name=n, arguments=a) for i, n, a in calls), usage=usage
    )


def policy(*replies: PolicyReply):  # type: ignore[no-untyped-def]
    """A script of whole messages."""
    return attrs.evolve(SOLVE, replies=replies)


@attrs.frozen
class Overlong:
    """Its context is full at the second turn."""

    spec: str = "overlong"
    privileged: bool = False

    async def act(self, request: PolicyRequest) -> PolicyReply:
        if request.turn == 2:
            raise ContextOverflow("32768 tokens are the limit, the request has 40000")
        return turn(("a", *FIX))


MANY_CALLS = policy(
    turn(("same", *FIX), ("same", "run_tests", "{}"), content=None),
    turn(("", "run_tests", "{}"), ("", *SUBMIT), content="Two at once."),
    turn(("x", "submit", '{"status": "done"}')),
    turn(("y", *SUBMIT)),
)
ODD_TEXT = policy(
    attrs.evolve(
        turn(("é✓", "run_command", '{"command": "printf \'\\\\377\\\\000 \\\\342\\\\234\\\\223 \\\\033[1m\'; seq 100000"}')),
        content="A lone surrogate \ud83d, an emoji \N{HAMMER}, NUL \x00.",
        extra={"reasoning_content": "Hm…"}, finish_reason="tool_calls", sampling={"temperature": 0.5, "seed": 7},
        tokens=TokenRecord(prompt_ids=(1, 2, 3), completion_ids=(4, 5), logprobs=(-0.25, "-inf"), weight_version="w1"),
    ),
    attrs.evolve(turn(("z", *BLOCKED)), truncated=True, finish_reason="length",
                 tokens=TokenRecord(base_turn=1, shared=5, prompt_ids=(6,), completion_ids=(7,))),
)  # fmt: skip
FILES = script(
    ("run_command", '{"command": "head -c 70000 /dev/zero | tr \'\\\\\\\\0\' x > large.txt; printf \'\\\\0\\\\377\' > binary.dat"}'),
    ("run_command", '{"command": "ln -s double.py link.py; chmod +x double.py; printf x > \'caf\'$(printf \'\\\\351\')"}'),
    ("run_command", '{"command": "rm binary.dat; ls"}'), FIX, SUBMIT,
)  # fmt: skip


def write(path: str, content: str) -> tuple[str, str]:
    """A call that writes a file."""
    return "write_file", json.dumps({"path": path, "content": content})


TEST = ("run_tests", "{}")
ODD_ARGUMENTS = script(
    ("list_files", ""), ("list_files", "[]"), ("list_files", '{"path": ".", "path": "tests"}'),
    ("list_files", '{"depth": NaN}'), ("list_files", '{"depth": 1e999}'), ("list_files", '{"depth": 9007199254740993}'),
    ("list_files", '{"depth": ' + "[" * 61 + "]" * 61 + "}"), ("list_files", '{"depth": 1,}'),
    ("list_files", '{"depth": true}'), ("list_files", '{"depth": 21}'), ("list_files", '{"deep": 1}'),
    ("search", '{"pattern": "a\\u0000b"}'), ("read_file", '{"path": "\\udcff"}'), ("write_file", '{"path": "a", "content": "\\ud83d"}'),
    ("run_tests", '{"tests": ["", 1]}'), ("read_file", '{"path": "read_file was not run: ../x"}'), ("submit", '{"status": "done"}'),
    # Exactly at each bound, and one beyond it.
    *(("list_files", f'{{"depth": {depth}}}') for depth in (0, 1, 20, 2**53, -(2**53), -(2**53) - 1, "7" * 41, f"1e{'9' * 39}")),
    *(("list_files", '{"depth": ' + "[" * deep + "]" * deep + "}") for deep in (59, 60)), ("list_files", f'{{"depth": {[[]] * 61}}}'),
    *(("list_files", f'{{"depth": "{"a" * size}"}}') for size in (78, 79)), ("list_files", f'["{"a" * 70}"]'),
    *(("list_files", f'{{"max_entries": {count}}}') for count in (2000, 2001)), ("list_files", '{"path": ""}'), ("list_files", '{"path": "a"}'),
    *(("search", f'{{"pattern": "x", "glob": "{"a" * size}"}}') for size in (1024, 1025)),
    *(("run_tests", json.dumps({"tests": ["tests"] * count})) for count in (500, 501)),
    *(("list_files", json.dumps({str(number) * 81: 1 for number in range(count)})) for count in (5, 6)), ("x" * 81, "{}"), BLOCKED,
)  # fmt: skip
SECOND_THOUGHTS = policy(
    PolicyReply(content="Let me think."), turn(("a", *FIX)), PolicyReply(content="Is that all?"),
    PolicyReply(content="It is."), turn(("b", *SUBMIT)),
)  # fmt: skip
MANY_FAILURES = script(
    write("tests/test_many.py",
          "import pytest\n\n@pytest.mark.parametrize('n', range(102))\ndef test_low(n): assert n > 200\n\n"
          "@pytest.mark.parametrize('n', range(45))\ndef test_high(n): assert n < 200\n"),
    TEST, write("tests/test_many.py", "def deep(n):\n    if n: deep(n - 1)\n    raise ValueError('\\x1b[1m')\n\ndef test_deep(): deep(30)\n"),
    ("run_tests", '{"tests": ["tests/test_many.py"]}'), SUBMIT,
)  # fmt: skip
BROKEN_TESTS = script(
    ("run_tests", '{"tests": ["tests/none.py"]}'), write("tests/test_syntax.py", "def test_a(:\n"), TEST,
    write("tests/test_syntax.py", "import os\n\ndef test_a(): os.kill(os.getpid(), 9)\n"), TEST,
    write("tests/test_syntax.py", "import os\n\ndef test_a(): os._exit(7)\n"), TEST,
    write("tests/test_syntax.py", "import time\n\ndef test_a():\n    print('so far')\n    time.sleep(60)\n"),
    ("run_tests", '{"tests": ["tests/test_syntax.py"]}'), BLOCKED,
)  # fmt: skip
HANGS = write("double.py", "def double(x):\n    while x == 5:\n        pass\n    return 2 * x\n")
ENDS = write("double.py", "import os\n\ndef double(x):\n    return os._exit(0) if x == 5 else 2 * x\n")
TOO_MUCH = script(
    ("run_command", '{"command": "head -c 90000000 /dev/zero > a; head -c 90000000 /dev/zero > b"}'), SUBMIT
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
    "odd-outcomes": job(script(
        ("write_file", '{"path": "tests/test_odd.py", "content": "' + ODD_TESTS + '"}'), ("run_tests", "{}"), FIX, SUBMIT,
    )),
    "many-calls": job(MANY_CALLS),
    "odd-text": job(ODD_TEXT, limits=Limits(output_bytes=2048)),
    "files": job(FILES),
    "labelled": job(SOLVE),
    "resumed": job(SOLVE),
    "tampering": job(script(("write_file", '{"path": "tests/test_double.py", "content": "def test_three(): pass\\n"}'), SUBMIT)),
    "turn-limit": job(policy(turn(("x", *FIX), ("x", *SUBMIT), content=None)), limits=Limits(turns=1)),
    "token-limit": job(policy(turn(("x", *FIX), prompt=900, completion=50), turn(("x", *SUBMIT))), limits=Limits(tokens=800)),
    "time-limit": job(script(FIX, ("run_command", '{"command": "sleep 30"}')), limits=Limits(seconds=1.5)),
    "context-limit": job(Overlong()),
    "odd-arguments": job(ODD_ARGUMENTS, limits=Limits(turns=50)),
    "second-thoughts": job(SECOND_THOUGHTS),
    "last-token": job(policy(turn(("x", *FIX), prompt=400, completion=400), turn(("x", *SUBMIT))), limits=Limits(tokens=800)),
    "few-tools": job(script(("run_command", '{"command": "true"}'), FIX, SUBMIT)),
    "many-failures": job(MANY_FAILURES),
    "broken-tests": job(BROKEN_TESTS, limits=Limits(turns=12, test_s=3.0)),
    "grade-timeout": job(script(HANGS, SUBMIT), limits=Limits(test_s=3.0)),
    "ended-early": job(script(ENDS, SUBMIT)),
    "too-much": job(TOO_MUCH),
    "no-grader": job(script(FIX, ("run_command", '{"command": "sleep 30"}')), limits=Limits(seconds=2.5)),
    "silence": job(policy(*(PolicyReply(content="Let me think."),) * 3)),
    "policy-error": job(script(FIX)),
    "infra-error": job(SOLVE),
    "cancelled": job(script(FIX, ("run_command", '{"command": "sleep 30"}'))),
    "command-timeout": job(script(("run_command", '{"command": "echo before; sleep 30", "timeout_s": 1}'), BLOCKED)),
}  # fmt: skip
DYING, CANCELLED, RESUMED, FEW_TOOLS = {"infra-error", "no-grader"}, {"cancelled"}, {"resumed"}, {"few-tools"}
