"""`coding-agent export`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import click
import orjson

from coding_agent.areno.config import ArenoConfig
from coding_agent.cli import exits
from coding_agent.cli.logs import Loaded, left_out, load, load_final
from coding_agent.cli.output import err, users_code
from coding_agent.cli.run_reward import check_reward, score_of, training_config
from coding_agent.errors import StoreError, UsageError
from coding_agent.evaluation.step_logs import Score
from coding_agent.exports.areno_rows import ArenoRow, Played, areno_rows, interrupted, played, trained
from coding_agent.exports.sft import SftRow, sft_row
from coding_agent.projections.tokens import TRAINABLE, trained_turns, untrainable

FORMATS = ("areno-rows", "sft")


@click.command(epilog=exits.HELP)
@click.argument("directory", type=click.Path(exists=True, readable=False, path_type=Path))
@click.option("--format", "form", required=True, type=click.Choice(FORMATS),
              help="areno-rows: token rows as `areno train` gets them. sft: messages to imitate.")  # fmt: skip
@click.option("--trainable", type=click.Choice(TRAINABLE), help="areno-rows: instead of what the run was set up with.")
@click.option("--min-reward", type=float, default=1.0, show_default=True, help="sft: leave out what is worth less.")
@click.option("--out", "target", type=click.Path(path_type=Path), help="A file instead of stdout.")
def command(directory: Path, form: str, trainable: str | None, min_reward: float, target: Path | None) -> int:
    """Write training rows from the logs of a run, as JSON Lines. Nothing is run and nothing is guessed.

    Example: coding-agent export runs/my-run --format sft --out rows.jsonl
    """
    warnings: list[StoreError] = []
    config = training_config(directory) or ArenoConfig()
    if trainable is not None:
        config = attrs.evolve(config, trainable=next(name for name in TRAINABLE if name == trainable))
    with users_code():
        check_reward(directory)
        score = score_of(directory)
        episodes = [_scored(each, score, config) for each in load_final(directory, warn=warnings.append)]
    rows = _sft(episodes, min_reward) if form == "sft" else _areno(episodes, config)
    with _opened(target) as stream:
        count = _write(stream, rows)
    err.print(f"{count} rows of {len(episodes)} episodes")
    return left_out(warnings)


@attrs.frozen(kw_only=True)
class Scored:
    """What of an episode is kept in memory: a run may have thousands."""

    path: Path
    reward: float | None
    played: Played
    problem: str | None
    """Why its tokens can not be trained on."""


def _opened(target: Path | None) -> AbstractContextManager[BinaryIO]:
    if target is None:
        return nullcontext(sys.stdout.buffer)
    try:
        return target.open("wb")
    except OSError as error:
        raise UsageError(f"--out {target}: can not be written: {error.strerror}") from error


def _scored(each: Loaded, score: Score, config: ArenoConfig) -> Scored:
    """As the hooks do, an episode whose reward or tokens can not be had is masked."""
    worth, has_tokens = score(each.events, each.read_blob), False
    reward, problem = worth.value, f"{each.path}: {worth.explanation}" if worth.failed else None
    if (why := untrainable(each.events)) is not None:
        problem = f"{each.path}: {why}"
    else:
        has_tokens = bool(trained_turns(each.events, trainable=config.trainable, drift=config.drift))
    found = played(str(each.path), each.events, None if problem else reward, has_tokens=has_tokens)
    return Scored(path=each.path, reward=reward, played=found, problem=problem)


def _areno(episodes: Sequence[Scored], config: ArenoConfig) -> Iterator[ArenoRow]:
    for problem, step in ((each.problem, each.played.step) for each in episodes if each.problem):
        if step is None:
            raise UsageError(problem)
        err.print(f"left out, with its group: {problem}", markup=False)
    attempts = [each.played for each in episodes]
    for step in interrupted(attempts):
        err.print(f"left out: step {step} was interrupted, so the trainer never got it")
    for each in trained(attempts):
        if not each.played.has_tokens:
            continue  # it counts in its group, or stands in for its step, but there is no row to be made of it
        yield from areno_rows(load(Path(each.played.log)).events, each, trainable=config.trainable, drift=config.drift)


def _sft(episodes: Sequence[Scored], min_reward: float) -> Iterator[SftRow]:
    for each in episodes:
        if each.reward is None or each.reward < min_reward:
            if each.reward is None and each.problem:
                err.print(f"left out: {each.problem}", markup=False)
            continue
        try:
            yield sft_row(load(each.path).events, each.reward)
        except ValueError as error:
            err.print(f"left out: {error}", markup=False)


def _write(stream: BinaryIO, rows: Iterable[Any]) -> int:
    count = 0
    for row in rows:
        stream.write(orjson.dumps(attrs.asdict(row), option=orjson.OPT_APPEND_NEWLINE))
        count += 1
    stream.flush()
    return count
