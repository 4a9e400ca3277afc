from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from coding_agent.events.values import Message, ModelToolCall
from coding_agent.policies.repair import batch, texts
from coding_agent.policies.repair.candidates import candidates
from coding_agent.policies.repair.decide import decide
from coding_agent.policies.repair.edits import overlay_key, patch_between, patched
from coding_agent.policies.repair.localise import is_test, line_blame
from coding_agent.policies.repair.state import fold

REPORT = """\
2 failed, 1 passed, 3 in all.

FAILED tests/test_ledger.py::test_balance[a b]
  AssertionError at tests/test_ledger.py:9: assert 3 == 4
  trace: tests/test_ledger.py:9 in test_balance > src/wallet/ledger.py:7 in balance
ERROR tests/test_broken.py
  ModuleNotFoundError at tests/test_broken.py:1: No module named 'nope'

PASSED tests/test_ledger.py::test_empty
"""
LINES = st.lists(st.text(alphabet="ab \t", max_size=4), max_size=12)
GARBAGE = st.one_of(
    st.text(max_size=80),
    st.sampled_from([REPORT, "Applied.\nM m.py +1 -1", "m.py: lines 1-1 of 2\n     1\tx = 1", "All 3 tests passed.",
                     "mutants tried: 1\n0123456789ab fixes 1 of 1, breaks 0", "lines run by failing tests: 1 failing\nm.py: 1-2:1/0",
                     "--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-x\n+y\n", "m.py\ntests/test_it.py"]),
)  # fmt: skip
TOOL = st.sampled_from(
    ["list_files", "read_file", "run_tests", "apply_patch", "write_file", "replace_text", "run_command", "x"]
)
ARGUMENTS = st.one_of(
    st.text(max_size=20),
    st.fixed_dictionaries({}, optional={
        "path": st.one_of(st.just("m.py"), st.integers()), "patch": GARBAGE, "content": GARBAGE,
        "tests": st.one_of(st.lists(st.text(max_size=5)), st.none()), "old": st.just("x"), "new": GARBAGE,
    }).map(json.dumps),
)  # fmt: skip


def user(text: str) -> tuple[Message, ...]:
    return (Message(role="system", content="s"), Message(role="user", content=text))


def step(tool: str, raw: str, text: str) -> tuple[Message, ...]:
    call = ModelToolCall(id="c", name=tool, raw=raw)
    return (Message(role="assistant", calls=(call,)), Message(role="tool", content=text, call_id="c"))


def test_a_report_tells_failures_with_their_traces() -> None:
    run = texts.test_run(REPORT)
    assert run is not None
    assert run.failing == ("tests/test_ledger.py::test_balance[a b]", "tests/test_broken.py")
    assert run.failures[0].trace[-1] == texts.Step(file="src/wallet/ledger.py", line=7, function="balance")
    assert (run.bad, run.good, run.clean) == (2, 1, False)


def test_a_test_that_never_ends_counts_as_failing() -> None:
    run = texts.test_run("No tests ran (exit status -9).\nTimed out after 60 s while t.py::test_a was running.")
    assert run is not None
    assert (run.failing, run.clean) == (("t.py::test_a",), False)


def test_a_run_that_ended_early_is_not_clean() -> None:
    run = texts.test_run("1 passed, 1 in all.\nThe run ended early: exit status 0.")
    assert run is not None
    assert not run.clean


def test_the_opening_message_tells_budget_and_command() -> None:
    facts = fold(user("# Bug\n\nYou have 17 turns. `run_tests` runs `python -m pytest -q tests`."))
    assert (facts.budget, facts.arguments) == (17, ("-q", "tests"))


def test_a_long_file_is_put_together_from_its_parts() -> None:
    first = step(
        "read_file", '{"path": "m.py"}', "m.py: lines 1-1 of 2\n     1\tx = 1\n[1 more lines; go on with start=2]"
    )
    second = step(
        "read_file", '{"path": "m.py", "start": 2}', "m.py: lines 2-2 of 2 (no newline at end of file)\n     2\ty = 2"
    )
    assert fold((*user(""), *first, *second)).current == {"m.py": "x = 1\ny = 2"}


def test_a_refused_patch_changes_nothing() -> None:
    read = step("read_file", '{"path": "m.py"}', "m.py: lines 1-1 of 1\n     1\tx = 1")
    patch = json.dumps({"patch": patch_between({"m.py": "x = 1\n"}, {"m.py": "x = 2\n"})})
    facts = fold((*user(""), *read, *step("apply_patch", patch, "Patch not applied.")))
    assert facts.current == {"m.py": "x = 1\n"}
    assert overlay_key({"m.py": "x = 2\n"}) in facts.refused


def test_another_agents_edit_is_followed() -> None:
    read = step("read_file", '{"path": "m.py"}', "m.py: lines 1-1 of 1\n     1\tx = 1")
    edit = step("replace_text", '{"path": "m.py", "old": "1", "new": "2"}', "Replaced 1 occurrence in m.py (line 1).")
    assert fold((*user(""), *read, *edit)).overlay == {"m.py": "x = 2\n"}


def test_only_lines_of_the_answer_become_trials() -> None:
    text = "exit status 0\nmutants tried: 3\n0123456789ab fixes 1 of 2, breaks 0\nnoise\n0123456789ac hangs\n0123456789ad skipped\n"
    trials = batch.trials(text)
    assert trials == {"0123456789ab": batch.Trial(fixed=1, of=2), "0123456789ac": batch.Trial()}


def test_a_line_that_only_failing_tests_run_is_blamed_most() -> None:
    coverage = batch.coverage("lines run by failing tests: 1 failing, 3 passing\nm.py: 1-2:1/3 3-3:1/0\n")
    blame = line_blame((), coverage, "m.py")
    assert blame == {1: 0.5, 2: 0.5, 3: 1.0}


def test_tests_are_told_from_sources_by_their_paths() -> None:
    paths = ["tests/data.py", "test_a.py", "pkg/a_test.py", "conftest.py", "pkg/contest.py", "pkg/testing_time.py"]
    assert [is_test(path) for path in paths] == [True, True, True, True, False, False]


@given(old=LINES, new=LINES, ends=st.tuples(st.booleans(), st.booleans()))
def test_a_patch_between_two_texts_leads_from_one_to_the_other(
    old: list[str], new: list[str], ends: tuple[bool, bool]
) -> None:
    before, after = ("\n".join(rows) + "\n" * end for rows, end in zip((old, new), ends, strict=True))
    patch = patch_between({"m.py": before}, {"m.py": after})
    assert patched({"m.py": before}, patch) == ({"m.py": after} if before != after else {})


@settings(deadline=None, max_examples=60)
@given(history=st.lists(st.tuples(TOOL, ARGUMENTS, GARBAGE), max_size=8), seed=st.integers(0, 3))
def test_any_conversation_gets_a_call_and_always_the_same(history: list[tuple[str, str, str]], seed: int) -> None:
    messages = user("You have 40 turns.") + tuple(m for row in history for m in step(*row))
    call = decide(fold(messages), seed)
    json.dumps(call.arguments)
    assert call == decide(fold(messages), seed)


def test_a_test_file_that_was_read_is_never_mutated() -> None:
    read = step("read_file", '{"path": "tests/test_m.py"}', "tests/test_m.py: lines 1-1 of 1\n     1\tx = 1 < 2")
    assert candidates(fold((*user(""), *read)), {"tests/test_b.py": "y = 1 < 2\n"}, (), seed=0, most=50) == ()


def test_an_answer_without_news_makes_the_search_try_one_mutant_at_a_time() -> None:
    answer = step("run_command", '{"command": "python"}', "exit status 137\nmutants tried: 80\n")
    assert fold((*user(""), *answer, *answer)).failed_calls == {"run_command": 2}
