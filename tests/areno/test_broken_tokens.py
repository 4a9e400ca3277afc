"""A model that has come to nothing answers with log-probabilities that are no numbers: what every reader says of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from areno.api.models import RolloutSequence

from tests.areno.conftest import MakeRecords
from tests.areno.stand import EASY, Engine, play, prompt_batch, quitter, trainer
from tests.areno.test_export import check
from tests.areno.test_own_reward import scalar
from tests.areno.test_trouble import OTHER
from tests.cli.test_commands import run


class Diverged(Engine):
    """So many of its answers have log-probabilities that are not finite."""

    broken = 0
    logprob = math.nan

    async def rollout_token_batch_async(self, prompts: Any, _n: int, params: Any, **options: Any) -> Any:
        (result,) = await super().rollout_token_batch_async(prompts, _n, params, **options)
        if self.broken:
            self.broken -= 1
            said = result.sequences[0].resp_tokens
            result.sequences[:] = [RolloutSequence(resp_tokens=said, resp_logprobs=[self.logprob] * len(said))]
        return [result]


@pytest.mark.parametrize("logprob", [math.nan, -math.inf])
def test_its_group_is_masked_in_the_step_the_figures_the_curves_and_the_export(
    records: MakeRecords, tmp_path: Path, capfd: Any, logprob: float
) -> None:
    engine = Diverged(quitter)
    engine.broken, engine.logprob = 1, logprob
    asked = records(EASY, OTHER, tensorboard=str(tmp_path))
    _, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, asked))
    line = capfd.readouterr().err
    assert "masked_groups=1 zero_variance_groups=1" in line
    assert "Traceback" not in line
    (step,) = json.loads(run("stats", tmp_path / "run", "--by-step", "--json").stdout)["steps"]
    assert (step["masked"], step["groups"]["masked"], step["groups"]["zero_variance"]) == ({"blocked": 1}, 1, 1)
    names = ("episodes", "masked", "groups/masked", "groups/zero_variance")
    assert [scalar(tmp_path, name) for name in names] == [4, 1, 1, 1]
    check(tmp_path, sequences)


def test_of_a_step_that_holds_nothing_else_no_row_is_exported(records: MakeRecords, tmp_path: Path) -> None:
    engine = Diverged(quitter)
    engine.broken = 2
    rolled, _ = play(trainer(engine, n_samples=2), prompt_batch(engine, records()))
    assert (rolled.rewards, any(rolled.loss_masks[0])) == ([0.0], False)
    done = run("export", tmp_path / "run", "--format", "areno-rows")
    assert (done.returncode, done.stdout) == (0, "")
    assert "expected finite log-probabilities, found nan" in " ".join(done.stderr.split())
