"""Whatever goes wrong ends one episode, and costs at most its group: never the training step."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import anyio
import pytest
from areno.api.models import SamplingParams

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.service import _task, service_for
from coding_agent.errors import SandboxUnavailable
from coding_agent.evaluation.step_logs import attempts
from coding_agent.events.schema import Done, Event, ModelTurn
from coding_agent.events.verdict import grade_of
from coding_agent.sandbox.base import SandboxBackend
from coding_agent.sandbox.probes import refuse_broken_promises
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory
from tests.areno.conftest import MakeRecords
from tests.areno.stand import EASY, Engine, Model, call, play, prompt_batch, quitter, solver, trainer, turn_of
from tests.areno.test_signals import descendants
from tests.patience import LIMITS_S

OTHER = "money-split"


def episodes(tmp_path: Path) -> list[tuple[Event, ...]]:
    return [read_events(log) for log in RunDirectory.open(tmp_path / "run").logs()]


def reasons(tmp_path: Path) -> list[str]:
    return [last.reason for events in episodes(tmp_path) if isinstance(last := events[-1], Done)]


def per_task(models: dict[str, Callable[[str], str]]) -> Callable[[str], str]:
    """Answers as the model of the task whose title stands in the prompt."""
    from coding_agent.tasks.load import load_task
    from tests.areno.stand import TASKS

    titles = {load_task(TASKS / task).title: model for task, model in models.items()}
    return lambda prompt: next(model for title, model in titles.items() if title in prompt)(prompt)


def killer(_prompt: str) -> str:
    """Kills the process that answers for its sandbox."""
    return call("run_command", command="kill -9 $PPID")


def test_a_dead_sandbox_costs_its_group_and_no_other(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(per_task({EASY: solver(), OTHER: killer}))
    rolled, _ = play(trainer(engine, n_samples=2), prompt_batch(engine, records(EASY, OTHER)))
    assert rolled.rewards == [1.0, 1.0]
    assert {record.metadata["prompt_index"] for record in rolled.reward_records} == {0}
    assert reasons(tmp_path).count("infra_error") == 4  # two samples, each tried twice


def test_a_server_that_fails_for_good_costs_one_group(records: MakeRecords, tmp_path: Path) -> None:
    def model(prompt: str) -> str:
        raise RuntimeError("out of memory")

    engine = Engine(per_task({EASY: solver(), OTHER: model}))
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records(EASY, OTHER)))
    assert rolled.rewards == [1.0]
    assert reasons(tmp_path).count("infra_error") == 2


def test_a_server_that_stumbles_is_asked_again_and_that_is_counted(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    engine.failures = 1
    play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    (turn,) = [event for event in episodes(tmp_path)[0] if isinstance(event, ModelTurn)]
    assert turn.retries == 1


def test_a_step_without_any_usable_group_gives_one_sample_without_advantage(records: MakeRecords) -> None:
    engine = Engine(killer)
    rolled, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, records(retries=0)))
    assert rolled.rewards == [0.0]
    assert {sequence.scalar_advantage for sequence in sequences} == {0.0}


DEAD = "no episode of 1 steps in a row can be learnt from; the last: .*"
BOOM = "def reward(events):\n    raise ValueError('boom')\n"


@pytest.mark.parametrize(
    ("model", "options", "context", "why"),
    [
        (killer, {}, 60000, "0.0.jsonl: infra_error: .*sandbox"),
        (quitter, {"reward": "own.py"}, 60000, "0.0.jsonl: .*boom"),
        (solver(), {}, 300, r"0.0.jsonl: context_limit: the conversation has \d{4} tokens, the context 300"),
        (quitter, {"trainable": "tool_arguments"}, 60000, None),
        (lambda _: "no call", {"trainable": "tool_arguments"}, 60000, "no id of those .*trainable = tool_arguments"),
    ],
    ids=["sandbox", "reward", "context", "alive", "nothing to learn"],
)
def test_training_is_stopped_when_nothing_can_be_learnt_any_more_and_says_why(
    records: MakeRecords, tmp_path: Path, model: Model, options: dict[str, Any], context: int, why: str | None
) -> None:
    (tmp_path / "own.py").write_text(BOOM)
    told = {name: str(tmp_path / value) if name == "reward" else value for name, value in options.items()}
    engine = Engine(model)
    made, batch = trainer(engine, n_samples=1), prompt_batch(engine, records(retries=0, max_dead_steps=1, **told))
    with nullcontext() if why is None else pytest.raises(RuntimeError, match=DEAD + why):
        play(made, batch, max_context_len=context)


def test_a_context_smaller_than_the_statement_is_borne_like_any_step_without_an_id_to_learn_from(
    records: MakeRecords,
) -> None:
    engine = Engine(solver())
    batch = prompt_batch(engine, records())
    assert len(batch.items[0].input_tokens) > 300
    rolled, _ = play(trainer(engine, n_samples=2, max_context_len=300), batch, max_context_len=300)
    assert (rolled.rewards, [len(row) for row in rolled.token_rows]) == ([0.0, 0.0], [300, 300])
    assert not any(any(mask) for mask in rolled.loss_masks)


def test_dead_steps_count_only_in_a_row(records: MakeRecords) -> None:
    engine = Engine(killer)
    made, batch = trainer(engine, n_samples=1), prompt_batch(engine, records(retries=0, max_dead_steps=2))
    for engine.model in (killer, quitter, killer):
        play(made, batch)
    with pytest.raises(RuntimeError, match="no episode of 2 steps in a row"):
        play(made, batch)


def test_a_conversation_longer_than_the_context_ends_and_is_graded(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(lambda _: call("list_files", path="."))
    made, batch = trainer(engine, n_samples=1), prompt_batch(engine, records(max_turns=40))
    rolled, _ = play(made, batch, max_context_len=8200)
    assert reasons(tmp_path) == ["context_limit"]
    assert grade_of(episodes(tmp_path)[0]) is not None
    assert max(len(row) for row in rolled.token_rows) <= 8200
    assert rolled.rewards == [0.0]


def test_no_row_is_longer_than_the_model_s_own_context(records: MakeRecords) -> None:
    engine = Engine(lambda _: "word " * 4000, model_context=8000)
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    assert max(len(row) for row in rolled.token_rows) <= 8000


def test_an_answer_cut_by_its_limit_is_known_as_cut_whatever_the_proxy_says(
    records: MakeRecords, tmp_path: Path
) -> None:
    engine = Engine(lambda _: "and so on " * 50)
    play(trainer(engine, n_samples=1), prompt_batch(engine, records(max_turns=1)), max_new_tokens=20)
    (turn,) = [event for event in episodes(tmp_path)[0] if isinstance(event, ModelTurn)]
    assert (turn.finish_reason, turn.truncated) == ("stop", True)


@pytest.mark.parametrize(("spare", "truncated"), [(0, False), (-1, True)], ids=["with its end", "without"])
def test_a_complete_answer_of_exactly_the_limit_is_not_cut(
    records: MakeRecords, tmp_path: Path, spare: int, truncated: bool
) -> None:
    engine = Engine(quitter)
    limit = len(engine.tokenizer.encode(quitter(""))) + 1 + spare
    play(trainer(engine, n_samples=1), prompt_batch(engine, records(max_turns=1)), max_new_tokens=limit)
    (turn,) = [event for event in episodes(tmp_path)[0] if isinstance(event, ModelTurn)]
    assert turn.tokens is not None
    assert (len(turn.tokens.completion_ids), turn.truncated) == (limit, truncated)


def test_the_limit_that_falls_back_to_the_prompt_limit_is_told(records: MakeRecords, capfd: Any) -> None:
    engine = Engine(quitter)
    play(trainer(engine, n_samples=1), prompt_batch(engine, records()), max_context_len=None, max_prompt_len=9000)
    assert "without --max-context-len" in capfd.readouterr().err


def test_stragglers_are_stopped_and_graded_at_the_deadline_of_the_step(records: MakeRecords, tmp_path: Path) -> None:
    for limit_s in LIMITS_S[1:]:
        place, engine = tmp_path / f"{limit_s:g}", Engine(solver())
        asked = records(run_dir=str(place / "run"), step_seconds=limit_s / 2)
        engine.hang_after = 1
        rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, asked))
        if rolled.rewards == [1.0]:
            break
    assert reasons(place) == ["time_limit"]
    assert rolled.rewards == [1.0]  # it had mended the code already


async def cancelled(made: Any, batch: Any, engine: Engine) -> None:
    """A step that is cancelled as soon as the model was asked."""
    asked = asyncio.Event()
    engine.on_ask = asked.set
    step = asyncio.create_task(
        made._run_agentic_rollout(SamplingParams(max_new_tokens=64, max_context_len=60000), batch)
    )
    await asked.wait()
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step


def test_a_cancelled_step_completes_its_logs_and_the_next_one_works(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    engine.hang_after = 0
    made, batch = trainer(engine, n_samples=2), prompt_batch(engine, records())
    asyncio.run(cancelled(made, batch, engine))
    assert reasons(tmp_path) == ["cancelled", "cancelled"]
    engine.hang_after = None
    rolled, _ = play(made, batch)
    assert rolled.rewards == [0.0, 0.0]


@pytest.mark.parametrize("sandbox", ["local", "bubblewrap"])
def test_three_loops_share_what_is_warm_and_leave_nothing_behind(
    records: MakeRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: str
) -> None:
    if sandbox == "bubblewrap" and not runs_here(make_backend("bubblewrap")):
        pytest.skip("bubblewrap can not run here")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    engine = Engine(quitter)
    made, batch = trainer(engine, n_samples=2), prompt_batch(engine, asked := records(sandbox=sandbox))
    warm, left = [], []
    for _ in range(3):
        play(made, batch)
        service = service_for(ArenoConfig.from_json(asked[0]["coding_agent"]["config"]))
        kept = (service, service._backend, service._portal, service.run._manifest, _task(*named_in(asked)))
        warm.append([id(each) for each in kept])
        left.append((*held(), sorted(path.name for path in (tmp_path / "tmp").iterdir())))
    assert warm[0] == warm[1] == warm[2]
    assert left[0] == left[1] == left[2]
    assert left[2][2:] == (set(), [])
    assert sum(thread.name == "coding-agent" for thread in threading.enumerate()) == 1


def named_in(asked: list[dict[str, Any]]) -> tuple[str, str]:
    """Folder and digest of the first record's task."""
    return asked[0]["coding_agent"]["folder"], asked[0]["coding_agent"]["digest"]


def held() -> tuple[int, list[str], set[int]]:
    """Descriptors, threads that are ours, and children of this process."""
    threads = sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("coding-agent"))
    return len(list(Path("/proc/self/fd").iterdir())), threads, descendants(os.getpid())


def runs_here(backend: SandboxBackend) -> bool:
    try:
        anyio.run(refuse_broken_promises, backend)
    except SandboxUnavailable:
        return False
    return True


def test_nothing_of_ours_is_logged_to_stdout(records: MakeRecords, capfd: Any) -> None:
    engine = Engine(quitter)
    play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    assert capfd.readouterr().out == ""


def test_requests_to_the_model_do_not_fill_the_log(records: MakeRecords, caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine(quitter)
    with caplog.at_level(logging.INFO):
        play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    assert not [record for record in caplog.records if record.name == "httpx"]


def test_the_model_is_never_asked_more_at_once_than_areno_allows(records: MakeRecords) -> None:
    engine = Engine(quitter)
    play(trainer(engine, n_samples=6, slots=2), prompt_batch(engine, records(concurrency=6)))
    assert engine.most_at_once <= 2


def test_the_key_of_areno_s_proxy_is_no_secret(records: MakeRecords, capfd: Any) -> None:
    engine = Engine(lambda _: "The thread is named areno-agentic-proxy.")
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records(max_turns=1)))
    assert any(rolled.loss_masks[0])
    assert "redacted_turns=0" in capfd.readouterr().err


def test_an_answer_that_spells_a_secret_is_counted_as_lost_and_the_next_as_drifted(
    records: MakeRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("MY_TOKEN", "supersecretvalue123456")
    engine = Engine(
        lambda prompt: (
            f"supersecretvalue123456 {call('list_files', path='.')}" if turn_of(prompt) == 1 else quitter(prompt)
        )
    )
    _, sequences = play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    assert [sequence.prompt_len for sequence in sequences] == [len(engine.asked[1][0])]
    assert "drifted_turns=1 redacted_turns=1" in capfd.readouterr().err
    (facts,) = attempts(RunDirectory.open(tmp_path / "run").logs(), of_one_run=True, warn=print).final
    assert (facts.drift.turns, facts.drift.reply, facts.drift.redacted) == (1, 1, 1)
