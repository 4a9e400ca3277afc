"""A secret of the harness that a model, a tool, a test or an error lets slip is in no log, and the log stays true."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from coding_agent.errors import PolicyError
from coding_agent.events.schema import EpisodeStarted, Event, ModelTurn, Stopped, TestRun, ToolCall, ToolResult
from coding_agent.events.values import TokenRecord
from coding_agent.policies.base import Policy, PolicyReply, PolicyRequest, RawCall
from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.replay.execute import execute
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.rollout.secrets import secrets_of
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import blobs_of
from coding_agent.tasks.spec import TaskFile
from tests.leaks import leaks_below
from tests.rollout.worlds import FIX, SUBMIT, TASK, job, roll_out, script

CANARY = 'cnry-4fQ7/x+"Zk2\\ä vY-9sLw8'
MARK = "[redacted:CANARY_TOKEN]"
TESTS = b"from pathlib import Path\n\ndef test_vault():\n    assert Path('vault.txt').read_text() == ''\n"
LEAKY = attrs.evolve(
    TASK,
    allowed=("**",),
    files={**TASK.files, "vault.txt": TaskFile(data=CANARY.encode()), "tests/test_vault.py": TaskFile(data=TESTS)},
)
"""A task whose files hold what only the harness should know: whatever shows them lets it slip."""


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_TOKEN", CANARY)


def command(line: str) -> tuple[str, str]:
    return "run_command", json.dumps({"command": line})


async def played(folder: Path, policy: Policy, *, kind: str = "local") -> tuple[Outcome, tuple[Event, ...]]:
    """The episode, after looking at every byte of the run directory and deriving the log again."""
    outcome = (await roll_out(folder, [job(policy, task=LEAKY)], kind=kind))[0]
    assert leaks_below(folder, CANARY) == {}
    assert replay_log(outcome.path).divergence is None
    return outcome, read_events(outcome.path)


SHOWS = (
    "cat vault.txt", "base64 vault.txt", "(printf x; cat vault.txt; printf yz) | base64 -w 20", "rev vault.txt",
    "od -An -v -tx1 vault.txt", "iconv -f utf-8 -t utf-16le vault.txt",
    "python3 -c \"import json,urllib.parse as u; t=open('vault.txt').read(); print(u.quote(t), json.dumps(t), repr(t), t.encode().hex())\"",
    "python3 -c \"print('x' * 8172 + open('vault.txt').read() + 'y' * 20000)\"",
)  # fmt: skip
TOOLS = (
    ("read_file", '{"path": "vault.txt"}'), ("search", '{"pattern": "cnry"}'),
    ("run_tests", '{"tests": ["tests/test_vault.py::test_vault"]}'),
    ("replace_text", '{"path": "vault.txt", "old": "no such text", "new": "y"}'),
)  # fmt: skip
WRITES = (
    "cp vault.txt copy.txt", "base64 vault.txt > coded.txt", "(cat vault.txt; head -c 70000 /dev/zero) > large.bin",
    'touch "$(tr -d / < vault.txt)"', 'ln -s "$(cat vault.txt)" link',
    "iconv -f utf-8 -t utf-16le vault.txt > wide.txt", "printf more >> vault.txt",
)  # fmt: skip


def redacted(events: tuple[Event, ...]) -> list[int]:
    """Per tool result but the last (a submission), how many secrets were taken out of it and of its test run."""
    counts = [
        (event.redacted, isinstance(event, ToolResult)) for event in events if isinstance(event, ToolResult | TestRun)
    ]
    found, open_count = [], 0
    for count, ends in counts:
        open_count += count
        if ends:
            found.append(open_count)
            open_count = 0
    return found[:-1]


async def test_what_commands_show_is_redacted_and_counted(tmp_path: Path) -> None:
    _, events = await played(tmp_path / "run", script(*map(command, SHOWS), SUBMIT))
    assert [line for line, count in zip(SHOWS, redacted(events), strict=True) if not count] == []


async def test_what_tools_show_is_redacted_and_counted(tmp_path: Path) -> None:
    _, events = await played(tmp_path / "run", script(*TOOLS, SUBMIT))
    assert [call for call, count in zip(TOOLS, redacted(events), strict=True) if not count] == []


async def test_files_that_would_be_recorded_are_written_anew_so_that_the_log_is_the_workspace(tmp_path: Path) -> None:
    calls = (*map(command, WRITES), command("ls; cat *.txt"), SUBMIT)
    outcome, events = await played(tmp_path / "run", script(*calls))
    assert outcome.reason == "submitted"
    assert [line for line, count in zip(WRITES, redacted(events), strict=False) if not count] == []
    read_blob = blobs_of(outcome.path).get
    backend = make_backend("local")
    again = await execute(events, LEAKY, backend=backend, spec=SandboxSpec(), read_blob=read_blob, keep_going=True)
    assert again.differences == ()


async def test_it_is_so_in_the_real_sandbox(tmp_path: Path) -> None:
    calls = [command(line) for line in (*SHOWS, *WRITES)][:8]
    outcome, _ = await played(tmp_path / "run", script(*calls, FIX, SUBMIT), kind="bubblewrap")
    assert outcome.reason == "submitted"


async def test_what_the_graded_code_lets_slip_is_redacted(tmp_path: Path) -> None:
    source = "raise ValueError(open('vault.txt').read())\n"
    write = ("write_file", json.dumps({"path": "double.py", "content": source}))
    _, events = await played(tmp_path / "run", script(write, SUBMIT))
    grade = next(event for event in events if isinstance(event, TestRun))
    assert grade.redacted >= 1
    assert MARK in grade.failures[0].message


@pytest.mark.parametrize(
    "spelled", [json.dumps(CANARY), json.dumps(CANARY).replace("c", "\\u0063", 1).replace("9", "\\u0039")]
)
async def test_what_a_model_says_is_redacted_before_it_runs(tmp_path: Path, spelled: str) -> None:
    raw = f'{{"path": "notes.txt", "content": {spelled}}}'
    tokens = TokenRecord(prompt_ids=(1,), completion_ids=(2,), logprobs=(-1.0,))
    says = PolicyReply(
        content=f"The key is {CANARY}.", calls=(RawCall(id=CANARY, name="write_file", arguments=raw),),
        extra={"reasoning_content": CANARY}, sampling={"key": CANARY}, tokens=tokens,
    )  # fmt: skip
    policy = ScriptedPolicy((says, *script(SUBMIT).replies), "scripted:test")
    outcome, events = await played(tmp_path / "run", policy)
    turn = next(event for event in events if isinstance(event, ModelTurn))
    call = next(event for event in events if isinstance(event, ToolCall))
    assert turn.content == f"The key is {MARK}."
    assert (turn.redacted, turn.tokens) == (5, None)
    assert call.arguments == {"path": "notes.txt", "content": MARK}
    assert outcome.reason == "submitted"


@attrs.frozen
class Failing:
    """Its error repeats the key that it used."""

    spec: str = "failing"
    privileged: bool = False

    async def act(self, request: PolicyRequest) -> PolicyReply:
        raise PolicyError(f"turn {request.turn}: 401 for Bearer {CANARY}")


async def test_an_error_that_repeats_a_key_is_redacted(tmp_path: Path) -> None:
    outcome, events = await played(tmp_path / "run", Failing())
    stopped = next(event for event in events if isinstance(event, Stopped))
    assert (stopped.detail, stopped.redacted) == (f"turn 1: 401 for Bearer {MARK}", 1)
    assert outcome.detail == stopped.detail


async def test_a_task_that_states_a_secret_is_shown_without_it(tmp_path: Path) -> None:
    task = attrs.evolve(LEAKY, statement=f"Use {CANARY}.")
    outcome = (await roll_out(tmp_path / "run", [job(script(SUBMIT), task=task)]))[0]
    header = read_events(outcome.path)[0]
    assert leaks_below(tmp_path, CANARY) == {}
    assert isinstance(header, EpisodeStarted)
    assert header.redacted == 1


@pytest.mark.parametrize("name", ["TOKEN", "GITHUB_PAT", "OPENAI_APIKEY", "DB_PASS", "db_pwd", "AWS_CREDENTIALS"])
def test_common_names_of_secrets_are_known(name: str) -> None:
    assert secrets_of({name: "long-enough", "PWD": "/home/somebody", "PATH": "/usr/bin:/bin"}).values == (
        (name, "long-enough"),
    )


def test_the_password_in_a_url_is_a_secret_and_the_rest_of_it_is_none() -> None:
    environment = {
        "DATABASE_URL": "postgres://me:p%40ssw0rd-9@db:5432/shop",
        "http_proxy": "http://proxy:3128/long-enough",
    }
    assert secrets_of(environment).values == (("DATABASE_URL", "p@ssw0rd-9"),)


def test_secrets_are_known_by_the_names_of_variables_and_by_setting() -> None:
    value = "long-enough"
    names = (
        "OPENAI_API_KEY",
        "gh_token",
        "DB_PASSWORD",
        "MY_SECRETS",
        "PASSWD",
        "PGPASSWD",
        "A_DSN",
        "HOME",
        "KEYBOARD",
    )
    environment = dict.fromkeys(names, value)

    def known(setting: dict[str, str]) -> list[str]:
        return [name for name, _ in secrets_of({**environment, **setting}).values]

    usual = ["DB_PASSWORD", "MY_SECRETS", "OPENAI_API_KEY", "PASSWD", "PGPASSWD", "gh_token"]
    assert known({}) == usual
    assert known({"CODING_AGENT_SECRETS": "*_DSN, !MY_*"}) == sorted({*usual, "A_DSN"} - {"MY_SECRETS"})
