"""A reward function of the user's own: whatever is wrong with it is named, and nothing that is not a number counts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coding_agent.errors import UsageError
from coding_agent.evaluation.reward_file import custom_reward, load_reward
from coding_agent.projections.reward import Reward
from tests.samples import no_blob, toy_episode

MUTE = "class Mute(Exception):\n  def __str__(self): raise self\n  __repr__ = __str__\n"
REWARD = "from coding_agent.projections.reward import Reward\n"


def judged(folder: Path, program: str) -> Reward:
    file = folder / "mine.py"
    file.write_text(program)
    return custom_reward(load_reward(str(file)), toy_episode(), no_blob)


def worth(folder: Path, program: str) -> float | None:
    found = judged(folder, program)
    assert not found.failed
    return found.value


UNLOADABLE = {
    "async def reward(events): return 1.0": "is async",
    "raise SystemExit(0)": "failed to load: SystemExit: 0",
    "import pytest; pytest.fail('no')": "failed to load: Failed: no",
    "def reward(": "failed to load: SyntaxError",
    "reward = 3": "no function 'reward'",
}


@pytest.mark.parametrize(("program", "message"), UNLOADABLE.items(), ids=range(len(UNLOADABLE)))
def test_what_is_wrong_with_a_reward_file_is_named(tmp_path: Path, program: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        judged(tmp_path, program)
    assert "\n" not in str(caught.value)


WRONG = {
    "def reward(events): raise KeyError('x')": r"masked: the reward function failed: KeyError: 'x' \(line 1 of .*mine.py\)",
    "import pytest\ndef reward(events): pytest.fail('no')": "Failed: no",
    "def reward(events): raise BaseException": "BaseException: ",
    "import sys\ndef reward(events): sys.exit(0)": r"SystemExit: 0 \(line 2 of ",
    "def reward(events): raise ValueError('two\\nlines')": "ValueError: two lines",
    "def reward(events, more): return 1": "missing 1 required positional argument",
    "class Mine(float):\n    def __float__(self): raise ValueError\ndef reward(events): return Mine(1)": "returned 1.0;",
    "from coding_agent.projections.reward import Reward\ndef reward(events): return Reward(value=1.0, parts={}, explanation=7)": "and text as its explanation",
    "def reward(events): return float('nan')": "returned nan; expected a finite number of at most 1e\\+06 either way, or None",
    "def reward(events): return '1'": "returned '1'",
    "def reward(events): return True": "returned True; .*or None; return 1.0 for true and 0.0 for false",
    "import numpy\ndef reward(events): return numpy.bool_(0)": "or None; return 1.0 for true and 0.0 for false",
    "def reward(events): return 1e39": "returned 1e\\+39",
    "def reward(events): return 10**400": "expected a finite number",
    "def reward(events): return 10**5000": r"a value of type int that can not be shown \(ValueError: .*; expected a finite",
    "def reward(events): return '1' * 10**6": "returned '1{199}…; expected",
    MUTE
    + "def reward(events): return Mute()": r"a value of type Mute that can not be shown \(Mute\); expected a finite",
    MUTE + "def reward(events): raise Mute": "the reward function failed: Mute ",
    "from fractions import Fraction\nclass Odd(Fraction):\n  __float__ = None\ndef reward(events): return Odd(1)": "expected a finite",
    REWARD + "def reward(events): return Reward(value=float('inf'), parts={}, explanation='')": "finite numbers in it",
    REWARD + "def reward(events): return Reward(value=1.0, parts={'a': None}, explanation='')": "finite numbers in it",
}


@pytest.mark.parametrize(("program", "message"), WRONG.items(), ids=range(len(WRONG)))
def test_an_episode_that_a_function_says_nothing_of_is_masked_with_the_reason(
    tmp_path: Path, program: str, message: str
) -> None:
    found = judged(tmp_path, program)
    assert (found.value, found.failed, "\n" in found.explanation) == (None, True, False)
    assert re.search(message, found.explanation)
    assert found.parts["tests_passed"] == 1.0


def test_only_a_keyboard_interrupt_is_not_the_file_s(tmp_path: Path) -> None:
    for program in ("raise KeyboardInterrupt", "def reward(events): raise KeyboardInterrupt"):
        with pytest.raises(KeyboardInterrupt):
            judged(tmp_path, program)


RIGHT = {
    "from fractions import Fraction\ndef reward(events): return Fraction(1, 4)": 0.25,
    "def reward(events): return None": None,
    "def reward(events): return 0.43": 440 / 1024,
    REWARD + "def reward(events): return Reward(value=1, parts={'a': 2}, explanation='')": 1.0,
    "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    "@dataclass\nclass A:\n    x: float\ndef reward(events): return A(0.5).x": 0.5,
}


@pytest.mark.parametrize(("program", "value"), RIGHT.items(), ids=range(len(RIGHT)))
def test_a_reward_function_returns_any_number_or_none(tmp_path: Path, program: str, value: float | None) -> None:
    assert worth(tmp_path, program) == value


def test_a_reward_file_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_the_reward.py").write_text("HALF = 0.5\n")
    assert worth(tmp_path, "from beside_the_reward import HALF\ndef reward(events): return HALF") == 0.5
