"""The CPU backend against plain forward passes. Runs in the environment that `make areno-smoke` makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from areno import SamplingParams
from areno.api.algorithms import grpo_loss_fn
from areno.api.backend.cuda.training import make_train_pack
from areno.api.models import TrainSequence
from areno.engine.runtime.train_step import _pack_train_data

from benchmarks.areno_cpu.backend import given
from benchmarks.areno_cpu.checkpoint import END, make_model, make_tokenizer
from benchmarks.areno_cpu.decoder import Decoder
from benchmarks.areno_cpu.learner import action_logprobs, families
from benchmarks.areno_cpu.rows import row_of
from benchmarks.areno_cpu.smoke import (
    PROMPTS,
    SAMPLES,
    Row,
    _check_contents,
    _check_rewards,
    _check_rows,
    _check_training,
)

GREEDY, DRAWN = SamplingParams(temperature=0.0), SamplingParams(temperature=1.0)
SOURCES = [path.read_text() for path in sorted(Path(__file__).parent.glob("*.py"))]
PROMPT = list(range(20, 90))
CALL = {"id": "a", "type": "function", "function": {"name": "run_tests", "arguments": '{"ids": ["a.py::b"]}'}}
TOOL = {"type": "function", "function": {"name": "run_tests", "description": "Runs.", "parameters": {}}}
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "You mend."},
    {"role": "user", "content": "Mend it."},
    {"role": "assistant", "content": "I look.", "tool_calls": [CALL]},
    {"role": "tool", "content": "1 failed", "tool_call_id": "a"},
    {"role": "assistant", "content": "Done."},
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer(SOURCES, 600)


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    return make_model(tokenizer, hidden=64, layers=2, context=512, seed=0).eval()


@pytest.fixture
def decoder(model: Any) -> Iterator[Decoder]:
    decoder = Decoder(model, slots=3, seed=0)
    yield decoder
    decoder.close()


def greedy(model: Any, prompt: list[int], count: int) -> list[int]:
    tokens = list(prompt)
    with torch.no_grad():
        for _ in range(count):
            tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
    return tokens[len(prompt) :]


def logprobs(model: Any, prompt: list[int], completion: list[int]) -> torch.Tensor:
    with torch.no_grad():
        logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
    picked: torch.Tensor = logits.log_softmax(-1).gather(1, torch.tensor(completion).unsqueeze(1))[:, 0]
    return picked


def pack(*rows: tuple[list[int], int, float]) -> dict[str, Any]:
    """Rows of (tokens, prompt length, advantage), packed as AReno packs them."""
    sequences = [
        TrainSequence(
            tokens=tokens, logprobs=[-1.0] * len(tokens), prompt_len=length, scalar_advantage=advantage, trajectory_id=n
        )
        for n, (tokens, length, advantage) in enumerate(rows)
    ]
    packed: dict[str, Any] = _pack_train_data(make_train_pack(sequences))
    return packed


def test_many_requests_at_once_get_what_each_would_get_alone(model: Any, decoder: Decoder) -> None:
    prompts = [PROMPT[: 10 + 7 * n] for n in range(7)]
    waiting = [decoder.submit(prompt, GREEDY, 12, frozenset()) for prompt in prompts]
    assert [future.result(60)[0] for future in waiting] == [greedy(model, prompt, 12) for prompt in prompts]


def test_log_probabilities_are_those_of_a_plain_forward_pass(model: Any, decoder: Decoder) -> None:
    tokens, found = decoder.submit(PROMPT, DRAWN, 40, frozenset()).result(60)
    torch.testing.assert_close(torch.tensor(found), logprobs(model, PROMPT, tokens), atol=1e-4, rtol=0)


def test_the_next_turn_continues_from_what_was_kept(model: Any, decoder: Decoder) -> None:
    first, _ = decoder.submit(PROMPT, GREEDY, 10, frozenset()).result(60)
    longer = [*PROMPT, *first, 7, 8, 9]
    assert decoder.submit(longer, GREEDY, 10, frozenset()).result(60)[0] == greedy(model, longer, 10)


def test_a_history_that_changed_is_read_anew_from_where_it_changed(model: Any, decoder: Decoder) -> None:
    decoder.submit(PROMPT, GREEDY, 10, frozenset()).result(60)
    changed = [*PROMPT[:30], 11, *PROMPT[31:]]
    assert decoder.submit(changed, GREEDY, 10, frozenset()).result(60)[0] == greedy(model, changed, 10)


def test_draws_do_not_depend_on_who_else_is_in_the_batch(model: Any, decoder: Decoder) -> None:
    alone = decoder.submit(PROMPT, DRAWN, 20, frozenset()).result(60)[0]
    other = Decoder(model, slots=3, seed=0)
    crowd = [other.submit(PROMPT[:n], DRAWN, 20, frozenset()) for n in (5, 70, 9)]
    assert crowd[1].result(60)[0] == alone
    other.close()


def test_samples_of_one_prompt_differ(decoder: Decoder) -> None:
    drawn = [decoder.submit(PROMPT, DRAWN, 20, frozenset()) for _ in range(2)]
    assert drawn[0].result(60)[0] != drawn[1].result(60)[0]


def test_a_stop_token_ends_a_completion_and_is_part_of_it(model: Any, decoder: Decoder) -> None:
    stop = greedy(model, PROMPT, 6)[3]
    tokens = decoder.submit(PROMPT, GREEDY, 30, frozenset({stop})).result(60)[0]
    assert tokens.index(stop) == len(tokens) - 1


def test_a_completion_never_leaves_the_context(decoder: Decoder) -> None:
    prompt = (PROMPT * 8)[:505]
    assert len(decoder.submit(prompt, GREEDY, 100, frozenset()).result(60)[0]) == 512 - 505


def test_the_end_of_a_session_ends_what_still_runs(decoder: Decoder) -> None:
    endless = [decoder.submit(PROMPT[:n], DRAWN, 400, frozenset()) for n in range(1, 9)]
    decoder.forget()
    assert isinstance(endless[-1].exception(60), RuntimeError)
    assert decoder.submit(PROMPT, GREEDY, 3, frozenset()).result(60)[0]


def test_rows_that_begin_with_each_other_share_a_pass() -> None:
    rows = [torch.tensor(row) for row in ([1, 2], [1, 2, 3, 4], [9, 2], [1, 2, 3])]
    assert [members for _, members in families(rows)] == [[1, 3, 0], [2]]


def test_the_gradient_is_that_of_a_pass_per_row(model: Any) -> None:
    short, long, other = PROMPT[:20], PROMPT[:50], PROMPT[3:40]
    packed = pack((short, 10, 1.0), (long, 30, 1.0), (other, 15, -1.0))

    def gradient(log_probabilities: torch.Tensor) -> torch.Tensor:
        model.zero_grad()
        grpo_loss_fn(packed, log_probabilities)[0].backward()
        return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])

    def alone(row: list[int]) -> torch.Tensor:
        logits = model(torch.tensor([row])).logits[0, :-1]
        picked: torch.Tensor = logits.log_softmax(-1).gather(1, torch.tensor(row[1:]).unsqueeze(1))[:, 0]
        return picked

    shared = gradient(action_logprobs(model, packed))
    assert shared.abs().max() > 0
    torch.testing.assert_close(shared, gradient(torch.cat([alone(row) for row in (short, long, other)])))


def test_rows_without_a_trained_token_have_a_zero_gradient(model: Any) -> None:
    packed = pack((PROMPT, len(PROMPT), 1.0))
    model.zero_grad()
    grpo_loss_fn(packed, action_logprobs(model, packed))[0].backward()
    assert all(not parameter.grad.any() for parameter in model.parameters() if parameter.grad is not None)


def test_a_demonstration_trains_on_what_the_policy_said_and_nothing_else(tokenizer: Any) -> None:
    row = row_of(tokenizer, TALK, [TOOL])
    said = [token for token, prompt in zip(row["tokens"], row["prompt_mask"], strict=True) if not prompt]
    call = '<tool_call>\n{"name": "run_tests", "arguments": {"ids": ["a.py::b"]}}\n</tool_call>'
    assert tokenizer.decode(said) == f"I look.\n{call}{END}Done.{END}"


def test_text_that_was_sampled_is_rendered_back_as_it_stands(tokenizer: Any) -> None:
    def rendered(said: dict[str, Any]) -> str:
        text: str = tokenizer.apply_chat_template([*TALK[:2], said], tools=[TOOL], tokenize=False)
        return text

    call = '<tool_call>\n{"name": "run_tests", "arguments": {"ids": ["a.py::b"]}}\n</tool_call>'
    sampled = {"role": "assistant", "content": f"I look.\n{call}"}
    objects = {**TALK[2], "tool_calls": [{"function": {"name": "run_tests", "arguments": {"ids": ["a.py::b"]}}}]}
    assert rendered(sampled) == rendered(TALK[2]) == rendered(objects)


def _told(rewards: tuple[float, float] = (0.5, 0.25), rows: int = 16, norm: str = "0.1") -> str:
    """What AReno prints of two steps, as far as the smoke run looks."""
    return "\n".join(
        f"agentic train batch built samples=16 train_rows={rows} tokens=48 messages=1\n"
        f"metric=reward_mean value={reward:.6f}\n"
        f"train_stats={{'loss': 0.0, 'logp_abs_diff_mean': 1e-07, 'grad_norm': {norm}}}"
        for reward in rewards
    )


def _logged(reward: float) -> list[Row]:
    """Two groups of eight episodes with one row of three tokens each."""
    return [
        {"group": f"g{n % 2}", "episode": f"e{n}", "reward": reward, "tokens": [1, 2, 3]}
        for n in range(PROMPTS * SAMPLES)
    ]


def _failures(log: str, by_step: dict[int, list[Row]]) -> int:
    claims = [*_check_rows(log, by_step), *_check_rewards(log, by_step), *_check_training(log)]
    return sum(not holds for _, holds in claims)


def test_the_smoke_run_believes_a_log_that_agrees_with_its_rows() -> None:
    assert _failures(_told(), {0: _logged(0.5), 1: _logged(0.25)}) == 0


@pytest.mark.parametrize(
    ("log", "by_step"),
    [
        (_told(rows=15), {0: _logged(0.5), 1: _logged(0.25)}),
        (_told(), {0: _logged(0.5), 1: _logged(0.5)}),
        (_told(), {0: _logged(0.5), 1: _logged(0.25)[1:]}),
        (_told(norm="nan"), {0: _logged(0.5), 1: _logged(0.25)}),
        (_told(norm="0.0"), {0: _logged(0.5), 1: _logged(0.25)}),
        (_told() + "filtered invalid samples=1", {0: _logged(0.5), 1: _logged(0.25)}),
        ("", {0: _logged(0.5), 1: _logged(0.25)}),
    ],
    ids=["rows", "rewards", "samples", "not finite", "no signal", "left out", "silence"],
)
def test_the_smoke_run_notices(log: str, by_step: dict[int, list[Row]]) -> None:
    assert _failures(log, by_step) > 0


TRAINED = TrainSequence(
    tokens=[5, 6, 7], logprobs=[0.0, -0.5, -0.25], prompt_len=1, scalar_advantage=0.5, reward=1.0, trajectory_id=0
)
EXPORTED = {
    "step": 0, "tokens": [5, 6, 7], "loss_mask": [False, True, True], "logprobs": [0.0, -0.5, -0.25], "reward": 1.0,
    "advantage": 0.5000001,
}  # fmt: skip


def test_a_row_of_imitation_is_written_down_by_its_own_mask() -> None:
    row = TrainSequence(tokens=[5, 6], logprobs=[], prompt_mask=[True, False], scalar_advantage=0.0)
    assert given(0, row)["loss_mask"] == [False, True]


def _agree(exported: list[Row]) -> bool:
    return all(holds for _, holds in _check_contents(exported, [given(0, TRAINED)]))


def test_a_row_from_the_logs_is_believed_when_it_is_what_was_trained_on() -> None:
    assert _agree([EXPORTED])


@pytest.mark.parametrize(
    "other",
    [
        {"step": 1},
        {"tokens": [5, 6, 8]},
        {"loss_mask": [False, True, False]},
        {"logprobs": [0.0, -0.5, -0.2500001]},
        {"reward": 0.0},
        {"advantage": 0.51},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_row_that_differs_is_noticed(other: Row) -> None:
    assert not _agree([{**EXPORTED, **other}])
    assert not _agree([EXPORTED, EXPORTED])
