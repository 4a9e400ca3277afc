"""`coding-agent export`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import click
import orjson

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.verdict import worth
from coding_agent.cli import exits
from coding_agent.cli.logs import Loaded, left_out, load_final
from coding_agent.cli.output import err
from coding_agent.errors import StoreError, UsageError
from coding_agent.exports.areno_rows import Scored, areno_rows
from coding_agent.exports.sft import sft_row
from coding_agent.projections.tokens import TRAINABLE
from coding_agent.store.rundir import RunDirectory

FORMATS = ("areno-rows", "sft")


@click.command(epilog=exits.HELP)
@click.argument("directory", type=click.Path(exists=True, path_type=Path))
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
    config = _config(directory)
    if trainable is not None:
        config = attrs.evolve(config, trainable=next(name for name in TRAINABLE if name == trainable))
    loaded = load_final(directory, warn=warnings.append)
    episodes = [(each, _worth(each, config)) for each in loaded]
    rows = _sft(episodes, min_reward) if form == "sft" else _areno(episodes, config)
    with nullcontext(sys.stdout.buffer) if target is None else target.open("wb") as stream:
        count = _write(stream, rows)
    err.print(f"{count} rows of {len(episodes)} episodes")
    return left_out(warnings)


def _config(directory: Path) -> ArenoConfig:
    if not (directory / "run.toml").exists():
        return ArenoConfig()
    found = RunDirectory.open(directory).configuration.get("areno", {})
    return ArenoConfig.from_json(found)


def _worth(each: Loaded, config: ArenoConfig) -> float | None:
    return worth(config, each.events, each.read_blob).value


def _areno(episodes: Iterable[tuple[Loaded, float | None]], config: ArenoConfig) -> Iterator[Any]:
    scored = [Scored(events=each.events, reward=reward) for each, reward in episodes]
    try:
        yield from areno_rows(scored, trainable=config.trainable, drift=config.drift)
    except ValueError as error:
        raise UsageError(f"these logs have no tokens to train on: {error}") from error


def _sft(episodes: Iterable[tuple[Loaded, float | None]], min_reward: float) -> Iterator[Any]:
    for each, reward in episodes:
        if reward is None or reward < min_reward:
            continue
        try:
            yield sft_row(each.events, reward)
        except ValueError as error:
            err.print(f"left out: {error}", markup=False)


def _write(stream: BinaryIO, rows: Iterable[Any]) -> int:
    count = 0
    for row in rows:
        stream.write(orjson.dumps(attrs.asdict(row), option=orjson.OPT_APPEND_NEWLINE))
        count += 1
    stream.flush()
    return count
