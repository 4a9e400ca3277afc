"""Small episodes with different endings, over the toy task: what `replays/` holds, and what must be in it."""

from __future__ import annotations

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
    "silence": job(policy(*(PolicyReply(content="Let me think."),) * 3)),
    "policy-error": job(script(FIX)),
    "infra-error": job(SOLVE),
    "cancelled": job(script(FIX, ("run_command", '{"command": "sleep 30"}'))),
    "command-timeout": job(script(("run_command", '{"command": "echo before; sleep 30", "timeout_s": 1}'), BLOCKED)),
}  # fmt: skip
DYING, CANCELLED, RESUMED = {"infra-error"}, {"cancelled"}, {"resumed"}
