"""From AReno's batch to our episodes and back: every (prompt, sample) is answered exactly once.

What AReno is given is a projection of the logs: turns with the exact ids that the model saw and sampled, and in the
record of each sample where its log is. A group (the samples of one prompt) with an episode that nobody may learn from
is left out as a whole: its baseline would be wrong. Where that leaves nothing, one sample is given alone instead, as
AReno ends the training run over an empty batch.
"""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

import structlog

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.limits import limits_of
from coding_agent.areno.policy import ArenoPolicy
from coding_agent.areno.service import Asked, Played, Service, service_for
from coding_agent.areno.tensorboard import record_step
from coding_agent.areno.tokens import Tokens
from coding_agent.areno.turns import Answer, answer_of, to_turns
from coding_agent.areno.verdict import KEY, NO_SIGNAL, Verdict, with_verdict
from coding_agent.errors import UsageError
from coding_agent.policies.openai_chat import OpenAIChatPolicy
from coding_agent.policies.retry import Backoff
from coding_agent.projections.reward import grained
from coding_agent.projections.tokens import CONTEXT
from coding_agent.rollout.scheduler import UNFINISHED

_log = structlog.get_logger("coding_agent.areno")
Key = tuple[int, int]
T = TypeVar("T")
SLOW_S = 10.0
"""Seconds after which a reward is said to be slow."""
_dead_steps: dict[str, int] = {}


async def run_step(ctx: Any, batch: Any) -> Any:
    """AReno's `run_agent(ctx, batch)`. Raises only for a wrong set-up, and when nothing works any more."""
    items = {(item.prompt_index, item.sample_index): item for item in batch.iter_samples()}
    if not items:
        from areno.api.agentic import AgentTrajectory  # noqa: PLC0415  only there when AReno runs us

        return AgentTrajectory()
    config, asked = _asked(items)
    service = await asyncio.to_thread(service_for, config)
    policy = policy_of(ctx, config)
    played = await _played(service, asked, policy, int(ctx.max_running_prompts))
    answers = await _in_thread(lambda: _answers(played, config))
    await _in_thread(lambda: _record(service, played, answers))
    return _trajectory(items, answers, config, played, policy.context)


async def _in_thread(function: Callable[[], T]) -> T:
    """Unlike `asyncio.to_thread`: who is cancelled waits no longer, as a reward of the user's own may never come."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(function())
        except BaseException as error:  # noqa: BLE001  for who waits to handle
            done.set_exception(error)

    threading.Thread(target=run, name="coding-agent-rewards", daemon=True).start()
    return await asyncio.wrap_future(done)


def policy_of(ctx: Any, config: ArenoConfig) -> ArenoPolicy:
    """The model behind a step's proxy, with the limits that AReno will hold its rows to."""
    limits = limits_of(ctx, config)
    return ArenoPolicy(
        chat=OpenAIChatPolicy(
            model="policy",
            base_url=ctx.base_url,
            timeout_s=config.request_seconds,
            # Few: a request that timed out is still generated, and asking again doubles the work.
            backoff=Backoff(attempts=3),
            # Its proxy asks for none, and `ctx.api_key`, the same for everybody, would be taken for a secret.
            key="",
        ),
        tokens=_tokens(ctx.get_tokenizer()),
        context=limits.context,
        max_new_tokens=limits.max_new_tokens,
        told=limits.sampling if limits.context is None else {**limits.sampling, CONTEXT: limits.context},
        history=config.history,
        weights="",
    )


_tokenizers: dict[int, tuple[Any, Tokens]] = {}


def _tokens(tokenizer: Any) -> Tokens:
    """One copy per tokenizer; the original is kept, so that its identity can not be taken by another."""
    if id(tokenizer) not in _tokenizers:
        _tokenizers.clear()
        _tokenizers[id(tokenizer)] = (tokenizer, Tokens(tokenizer))
    return _tokenizers[id(tokenizer)][1]


async def _played(service: Service, asked: Sequence[Asked], policy: ArenoPolicy, slots: int) -> Played:
    step, playing = service.submit(asked, policy, slots)
    future = asyncio.wrap_future(playing)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        service.stop(step)
        # Cancelled episodes write their last events and close their sandboxes; that is bounded by the scheduler.
        await asyncio.shield(future)
        raise


def _answers(played: Played, config: ArenoConfig) -> dict[Key, Answer]:
    found: dict[Key, Answer] = {}
    for key, outcome in played.outcomes.items():
        try:
            with _told_if_slow(outcome.path, config):
                found[key] = answer = answer_of(outcome.path, config)
            if answer.facts.reward.failed:
                why = answer.facts.reward.explanation
                _log.error("an episode has no reward; its group is left out", log=str(outcome.path), why=why)
                played.problem = played.problem or f"{outcome.path}: {why}"
        except Exception as error:  # noqa: BLE001  one unreadable log must not cost the step
            # Of what could not be recorded, `Service` has told.
            if outcome.reason != UNFINISHED:
                _log.exception("an episode can not be used", log=str(outcome.path), step=played.step)
            played.problem = played.problem or f"{outcome.path}: {error}"
    return found


@contextmanager
def _told_if_slow(log: Path, config: ArenoConfig) -> Iterator[None]:
    """A reward of the user's own may wait for something; nobody can end it, but who waits for the step can be told."""
    if config.reward is None:
        yield
        return

    def tell() -> None:
        _log.warning("a reward is not there yet", log=str(log), reward=config.reward, seconds=SLOW_S)

    timer = threading.Timer(SLOW_S, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _record(service: Service, played: Played, answers: dict[Key, Answer]) -> None:
    log_path = service.run.directory.log_path
    earlier = [log_path(each.task, each.sample, n) for each in played.outcomes.values() for n in range(each.attempt)]
    record_step(service.config, played.step, [answer.facts for answer in answers.values()], earlier)


def _trajectory(
    items: dict[Key, Any], answers: dict[Key, Answer], config: ArenoConfig, played: Played, context: int | None
) -> Any:
    from areno.api.agentic import AgentTrajectory  # noqa: PLC0415  only there when AReno runs us

    groups: dict[int, list[Key]] = {}
    for key in items:
        groups.setdefault(key[0], []).append(key)
    usable = {group for group, keys in groups.items() if all(_has_reward(answers.get(key)) for key in keys)}
    learnt = any(turn.response_tokens for key in items if key[0] in usable for turn in answers[key].turns)
    _check_life(config, played, alive=learnt)
    shown = [key for key in items if key[0] in usable] or _stand_in(items, answers)
    trajectory = AgentTrajectory()
    for key, item in items.items():
        if key in shown:
            verdict = _verdict(key, groups[key[0]], answers, masked=key[0] not in usable)
            mine = dataclasses.replace(item, record=with_verdict(item.record, verdict))
            trajectory.turns.extend(to_turns(mine, answers.get(key), context))
        else:
            trajectory.invalid_items.append(item)
    _report(played, answers, groups, usable)
    return trajectory


def _has_reward(answer: Answer | None) -> bool:
    return answer is not None and answer.reward is not None


def _stand_in(items: dict[Key, Any], answers: dict[Key, Answer]) -> list[Key]:
    """Who is given when nobody may be learnt from: one sample, alone in its group, so its advantage is 0."""
    return [next((key for key in items if key in answers and answers[key].turns), next(iter(items)))]


def _verdict(key: Key, group: Sequence[Key], answers: dict[Key, Answer], *, masked: bool) -> Verdict:
    others = [answers[other].reward for other in group if other != key and other in answers]
    known = [reward for reward in others if reward is not None]
    answer = answers.get(key)
    return Verdict(
        log="" if answer is None else str(answer.log),
        head="" if answer is None else answer.head,
        masked=masked,
        neutral=grained(fmean(known)) if known else NO_SIGNAL,
    )


def _check_life(config: ArenoConfig, played: Played, *, alive: bool) -> None:
    dead = _dead_steps[config.run_dir] = 0 if alive else _dead_steps.get(config.run_dir, 0) + 1
    why = None if alive else _why_dead(config, played)
    if why:
        _log.error("nothing of this step can be learnt from", step=played.step, dead_steps=dead, why=why)
    if dead >= config.max_dead_steps:
        _dead_steps[config.run_dir] = 0
        raise RuntimeError(
            f"no episode of {dead} steps in a row can be learnt from; the last: {why}. "
            f"`coding-agent stats {config.run_dir}` says what ended them; `max_dead_steps` sets how many are borne"
        )


def _why_dead(config: ArenoConfig, played: Played) -> str:
    """The first that went wrong, as it is known; what is wrong with all of a step is wrong with its first."""
    stopped = (f"{each.path}: {each.reason}: {each.detail}" for each in played.outcomes.values() if each.detail)
    chosen = f"trainable = {config.trainable}, drift = {config.drift}"
    return played.problem or next(stopped, f"its turns have no id of those to learn from ({chosen})")


def _report(played: Played, answers: dict[Key, Answer], groups: dict[int, list[Key]], usable: set[int]) -> None:
    rewards = {group: [answers[key].reward for key in groups[group]] for group in usable}
    values = [value for group in rewards.values() for value in group if value is not None]
    _log.info(
        "step",
        step=played.step,
        episodes=sum(len(keys) for keys in groups.values()),
        reward_mean=round(fmean(values), 4) if values else None,
        passed=sum(outcome.passed is True for outcome in played.outcomes.values()),
        masked_groups=len(groups) - len(usable),
        zero_variance_groups=sum(len(set(group)) == 1 for group in rewards.values()),
        drifted_turns=sum(answer.drifted for answer in answers.values()),
        redacted_turns=sum(answer.facts.drift.redacted for answer in answers.values()),
        overlong_turns=sum(answer.overlong for answer in answers.values()),
    )


def _asked(items: dict[Key, Any]) -> tuple[ArenoConfig, list[Asked]]:
    """The options that all records were loaded with, and what each sample is to be played of. Raises UsageError."""
    try:
        ours = {key: item.record[KEY] for key, item in items.items()}
        first, *others = (each["config"] for each in ours.values())
        config = ArenoConfig.from_json(first)
        asked = [Asked(key=key, folder=each["folder"], digest=each["digest"]) for key, each in ours.items()]
    except (KeyError, TypeError):
        raise UsageError(
            "these records are not coding-agent's: give `areno train` the three hooks together, as "
            "`coding-agent areno-args TASKS` prints them"
        ) from None
    for name in first:
        if (found := next((other for other in others if other.get(name) != first[name]), None)) is not None:
            raise UsageError(
                f"records of one batch: {name}: expected one value for all, found {first[name]!r} and "
                f"{found.get(name)!r}; load the tasks with one set of options"
            )
    return config, asked
