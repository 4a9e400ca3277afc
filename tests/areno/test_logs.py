"""The lines of the log are for people: where they can not be written, training goes on without them."""

from __future__ import annotations

import errno
import io
import subprocess
import sys

import pytest

from tests.areno.by_path import HOOKS
from tests.areno.conftest import MakeRecords
from tests.areno.stand import Engine, play, prompt_batch, quitter, trainer


class Full(io.TextIOBase):
    """A file on a disk that is full."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_step_is_played_although_its_lines_can_not_be_written(
    records: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(quitter)
    monkeypatch.setattr(sys, "stderr", Full())
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    assert rolled.rewards == [0.0]


@pytest.mark.parametrize("stderr", [">/dev/full", ">&-"])
def test_the_reward_hook_never_raises_although_what_it_tells_can_not_be_written(stderr: str) -> None:
    program = f"from areno.api.rewards import load_reward_fn; print(load_reward_fn({str(HOOKS / 'reward.py')!r})(None))"
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" 2{stderr}', sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "0.0\n"
