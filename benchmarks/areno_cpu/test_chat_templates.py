"""Published chat templates in AReno's own proxy: where they write history anew, and what is trained on there.

The templates are the files that TRL ships (Apache-2.0), rendered by `transformers`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from importlib.metadata import files
from pathlib import Path
from typing import Any

import attrs
import pytest
from areno.api.tokenizer import configure_chat_template_enable_thinking
from tests.areno.stand import EASY, TASKS, Engine, call, play, prompt_batch, trainer, turn_of

from benchmarks.areno_cpu.checkpoint import make_tokenizer
from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.records import record
from coding_agent.areno.service import forget_services
from coding_agent.projections.drift import Drift, drift
from coding_agent.projections.tokens import SampledTurn, sampled_turns
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import load_task

LOOK = call("list_files", path=".")
SUBMIT = call("submit", status="blocked", summary="no idea")
PLAIN = (LOOK, LOOK, SUBMIT)
THOUGHTFUL = tuple(f"<think>\nHm, {n}.\n</think>\n\n{said}" for n, said in enumerate(PLAIN))
HASTY = (f"<think>\n\n</think>\n\n{LOOK}", LOOK, SUBMIT)
REMINDED = (THOUGHTFUL[0], "<think>\nWell.\n</think>\n\nLet me see.", THOUGHTFUL[2])
"""Its second turn has no call, so the harness reminds it."""
QWEN3, APPENDING, INSTRUCT = "qwen3", "qwen3_training", "qwen3_instruct_2507"
THINKING, NOT_THINKING = None, False
"""As AReno sets it: without and with `--disable-thinking`."""


def template(name: str) -> str:
    return next(Path(str(each.locate())) for each in files("trl") or () if each.name == f"{name}.jinja").read_text()


@attrs.frozen
class Step:
    """One episode that was played through AReno, as AReno got it and as the log has it."""

    rows: list[list[int]]
    learnt: list[list[int]]
    """Per row the ids that are trained on."""
    seen: list[list[int]]
    """Every prompt that the engine was given."""
    turns: tuple[SampledTurn, ...]
    drift: Drift


def step(
    folder: Path, name: str, thinking: bool | None, script: tuple[str, ...], *, by_letters: bool = False, **options: Any
) -> Step:
    tokenizer = make_tokenizer([template(QWEN3), *THOUGHTFUL], 600)
    tokenizer.chat_template = template(name)
    configure_chat_template_enable_thinking(tokenizer, thinking)
    engine = Engine(lambda prompt: script[turn_of(prompt) - 1], tokenizer=tokenizer)
    if by_letters:
        engine.sample = lambda text: [token for letter in text for token in tokenizer.encode(letter)]
    config = ArenoConfig(run_dir=str(folder), sandbox="local", tensorboard="", **options)
    batch = prompt_batch(engine, [record(load_task(TASKS / EASY), TASKS / EASY, config)])
    rolled, _ = play(trainer(engine, n_samples=1), batch)
    forget_services()
    (log,) = RunDirectory.open(folder).logs()
    events = tuple(read_events(log))
    learnt = [
        [token for token, mask in zip(row, masks, strict=True) if mask]
        for row, masks in zip(rolled.token_rows, rolled.loss_masks, strict=True)
    ]
    return Step(rolled.token_rows, learnt, [prompt for prompt, _ in engine.asked], sampled_turns(events), drift(events))


Play = Callable[..., Step]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """`step` in a folder of its own, once for the same arguments."""
    yield functools.cache(lambda *what, **options: step(tmp_path_factory.mktemp("step") / "run", *what, **options))
    forget_services()


CASES = [
    pytest.param(QWEN3, THINKING, THOUGHTFUL, 0, 0, id="thoughts are kept within an episode"),
    pytest.param(QWEN3, THINKING, HASTY, 1, 0, id="an empty thought is left out"),
    pytest.param(QWEN3, THINKING, REMINDED, 0, 1, id="a reminder takes away every thought before it"),
    pytest.param(QWEN3, NOT_THINKING, PLAIN, 0, 2, id="the empty block before an answer is left out"),
    pytest.param(APPENDING, THINKING, THOUGHTFUL, 0, 0, id="TRL's: thoughts are kept"),
    pytest.param(APPENDING, THINKING, REMINDED, 0, 0, id="TRL's: kept whatever comes after"),
    pytest.param(APPENDING, THINKING, PLAIN, 2, 0, id="TRL's: a block that was not sampled is put in"),
    pytest.param(APPENDING, NOT_THINKING, PLAIN, 0, 0, id="TRL's: the empty block is kept"),
    pytest.param(INSTRUCT, THINKING, PLAIN, 0, 0, id="a template without thoughts"),
]
each_case = pytest.mark.parametrize(("name", "thinking", "script", "reply", "history"), CASES)
Script = tuple[str, ...]


@each_case
def test_how_often_a_template_writes_the_history_anew(
    played: Play, name: str, thinking: bool | None, script: Script, reply: int, history: int
) -> None:
    found = played(name, thinking, script).drift
    assert (found.turns, found.reply, found.history) == (2, reply, history)


@each_case
def test_each_row_is_what_the_model_saw_and_sampled_whatever_the_next_prompt_says(
    played: Play, name: str, thinking: bool | None, script: Script, reply: int, history: int
) -> None:
    found = played(name, thinking, script)
    said = [list(turn.completion) for turn in found.turns]
    assert found.rows == [prompt + answer for prompt, answer in zip(found.seen, said, strict=True)]
    assert found.learnt == said
    assert sum(turn.lost > 0 for turn in found.turns) == reply + history


@pytest.mark.parametrize(
    ("thinking", "script", "rows"),
    [(THINKING, THOUGHTFUL, 3), (THINKING, HASTY, 1), (THINKING, REMINDED, 2), (NOT_THINKING, PLAIN, 1)],
    ids=["thoughtful", "hasty", "reminded", "not thinking"],
)
def test_rows_end_before_the_first_prompt_that_drifted_if_the_configuration_says_cut(
    played: Play, thinking: bool | None, script: Script, rows: int
) -> None:
    found = played(QWEN3, thinking, script, drift="cut")
    assert found.rows == [[*turn.prompt, *turn.completion] for turn in found.turns[:rows]]


def test_the_line_of_the_step_counts_the_turns_that_drifted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    step(tmp_path / "run", QWEN3, NOT_THINKING, PLAIN)
    assert "drifted_turns=2" in capfd.readouterr().err


def test_calls_that_the_template_renders_lose_the_thoughts_around_them(played: Play) -> None:
    assert played(QWEN3, THINKING, THOUGHTFUL, history="messages").drift.reply == 2


def test_text_that_was_sampled_in_other_tokens_than_its_own_drifts_and_is_trained_on_as_sampled(played: Play) -> None:
    found = played(INSTRUCT, THINKING, PLAIN, by_letters=True)
    assert found.drift.reply == 2
    assert found.learnt == [list(turn.completion) for turn in found.turns]
    assert len(found.learnt[0]) > len(LOOK) / 2
