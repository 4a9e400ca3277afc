"""The curriculum: laws of the choice and its order, what an episode says of its task, and the loader that puts them together."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from areno.api.trainer import Trainer
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.areno.config import ArenoConfig, load_config
from coding_agent.areno.curriculum import Curriculum, Key, Tally, arrange, summed
from coding_agent.areno.records import chosen_tasks, load_records
from coding_agent.areno.success import Logbook, Said, latest, tally_of
from coding_agent.areno.verdict import KEY
from coding_agent.errors import UsageError
from coding_agent.events.schema import Event, Stopped
from coding_agent.events.values import Parent
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import load_task
from coding_agent.tasks.spec import TaskSpec
from tests.areno.stand import EASY, TASKS, ByteTokenizer
from tests.projections.facts import ended, evolved
from tests.rollout.worlds import TASK
from tests.samples import write_log

NUMBERED = [attrs.evolve(TASK, id=f"t{number}", difficulty=1 + number % 5) for number in range(12)]
KEYS = {task.id: (task.id, task.digest) for task in NUMBERED}
tasks_drawn = st.lists(st.sampled_from(NUMBERED), min_size=1, unique_by=lambda task: task.id)
tally_drawn = st.integers(0, 12).flatmap(
    lambda graded: st.integers(0, graded).map(lambda solved: Tally(graded=graded, solved=solved))
)
tallies_drawn = st.dictionaries(st.sampled_from(sorted(KEYS.values())), tally_drawn)
adaptive = st.builds(
    Curriculum,
    order=st.just("adaptive"),
    min_samples=st.integers(1, 10),
    explore=st.floats(0, 0.9),
)


def chosen(
    tasks: Sequence[TaskSpec], tallies: dict[Key, Tally], curriculum: Curriculum, seed: int = 0
) -> list[TaskSpec]:
    """What is arranged; nothing where every task is settled, which is refused."""
    if all(tallies.get(KEYS[task.id], Tally()).is_settled(curriculum.min_samples) for task in tasks):
        with pytest.raises(UsageError, match="settled"):
            arrange(tasks, tallies, curriculum, seed=seed)
        return []
    return list(arrange(tasks, tallies, curriculum, seed=seed))


@given(tasks_drawn, tallies_drawn, adaptive, st.integers(), st.randoms())
def test_the_choice_depends_on_tasks_tallies_and_seed_alone(
    tasks: list[TaskSpec], tallies: dict[Key, Tally], curriculum: Curriculum, seed: int, random: Random
) -> None:
    again = chosen(
        random.sample(tasks, len(tasks)), dict(random.sample(list(tallies.items()), len(tallies))), curriculum, seed
    )
    assert chosen(tasks, tallies, curriculum, seed) == again


@given(tasks_drawn, tallies_drawn, adaptive, st.integers())
def test_settled_tasks_never_have_more_than_the_share_to_explore(
    tasks: list[TaskSpec], tallies: dict[Key, Tally], curriculum: Curriculum, seed: int
) -> None:
    found = chosen(tasks, tallies, curriculum, seed)
    settled = [task for task in found if tallies.get(KEYS[task.id], Tally()).is_settled(curriculum.min_samples)]
    assert len(settled) <= Fraction(curriculum.explore) * len(found)


@given(tasks_drawn, tallies_drawn, adaptive)
def test_every_task_that_is_not_settled_comes_exactly_once(
    tasks: list[TaskSpec], tallies: dict[Key, Tally], curriculum: Curriculum
) -> None:
    counts = Counter(task.id for task in chosen(tasks, tallies, curriculum))
    assert set(counts.values()) <= {1}
    wanted = {t.id for t in tasks if not tallies.get(KEYS[t.id], Tally()).is_settled(curriculum.min_samples)}
    assert wanted <= set(counts)


@given(tasks_drawn, st.sampled_from(["given", "difficulty", "adaptive"]), st.integers())
def test_where_nothing_is_known_every_task_is_trained_on(tasks: list[TaskSpec], order: Any, seed: int) -> None:
    found = arrange(tasks, {}, Curriculum(order=order), seed=seed)
    assert sorted(task.id for task in found) == sorted(task.id for task in tasks)


@given(tasks_drawn, tallies_drawn, adaptive)
def test_what_can_be_learnt_most_from_comes_first(
    tasks: list[TaskSpec], tallies: dict[Key, Tally], curriculum: Curriculum
) -> None:
    spreads = [tallies.get(KEYS[task.id], Tally()).spread for task in chosen(tasks, tallies, curriculum)]
    assert spreads == sorted(spreads, reverse=True)


@given(tasks_drawn, tallies_drawn)
def test_by_difficulty_nothing_else_counts(tasks: list[TaskSpec], tallies: dict[Key, Tally]) -> None:
    found = arrange(tasks, tallies, Curriculum(), seed=0)
    assert [(task.difficulty, task.id) for task in found] == sorted((task.difficulty, task.id) for task in tasks)


def test_a_range_of_difficulty_selects_in_any_order() -> None:
    found = arrange(NUMBERED, {}, Curriculum(order="given", difficulty=(2, 3)), seed=0)
    assert [task.difficulty for task in found] == [2, 3, 2, 3, 2]
    with pytest.raises(UsageError, match="difficulty from 5 to 5; there are: 1"):
        arrange([NUMBERED[0]], {}, Curriculum(difficulty=(5, 5)), seed=0)


def test_a_task_that_was_changed_is_unknown_again() -> None:
    tallies = {KEYS["t0"]: Tally(graded=9, solved=9)}
    changed = attrs.evolve(NUMBERED[0], statement="Something else.")
    curriculum = Curriculum(order="adaptive")
    assert [task.id for task in arrange(NUMBERED[:2], tallies, curriculum, seed=0)] == ["t1"]
    assert len(arrange([changed, NUMBERED[1]], tallies, curriculum, seed=0)) == 2


def test_nothing_left_to_learn_is_told_with_what_to_do() -> None:
    tallies = {KEYS["t0"]: Tally(graded=8, solved=8), KEYS["t1"]: Tally(graded=20)}
    with pytest.raises(UsageError, match="1 always solved, 1 never, .* raise min_samples"):
        arrange(NUMBERED[:2], tallies, Curriculum(order="adaptive", explore=0.5), seed=0)


@given(st.lists(st.tuples(st.sampled_from(sorted(KEYS.values())), tally_drawn)), st.randoms())
def test_tallies_do_not_depend_on_the_order_of_logs(each: list[tuple[Key, Tally]], random: Random) -> None:
    assert summed(random.sample(each, len(each))) == summed(each)


PASSED, FAILED = ended(solved=True), ended(solved=False)


def undone(stage: str) -> list[Event]:
    """Ended by what the agent did (`tool`), or by a policy that could not answer (`policy`)."""
    *events, done = ended(solved=None, reason="policy_error")
    return [*events, Stopped(cause="policy_error", stage=stage), done]


BRANCH = {"parent": Parent(episode="toy.0.0", seq=3, chain="c")}


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (PASSED, Tally(graded=1, solved=1)),
        (FAILED, Tally(graded=1)),
        (evolved(PASSED, **BRANCH, attempt=1), Tally(graded=1, solved=1)),  # gone on with after a crash
        (evolved(PASSED, **BRANCH), None),
        (evolved(PASSED, privileged=True), None),
        (ended(solved=True, reason="cancelled"), None),
        (ended(solved=None, reason="infra_error"), None),
        (PASSED[:-1], None),
        (undone("tool"), Tally(graded=1)),
        (undone("policy"), None),
    ],
)
def test_what_an_episode_says_of_its_task(events: list[Event], said: Tally | None) -> None:
    assert tally_of(events) == (None if said is None else (("toy", "t"), said))


def play(run: RunDirectory, task: TaskSpec, *, solved: int, failed: int = 0) -> RunDirectory:
    """Logs of so many episodes of a task, in a run directory."""
    for sample in range(solved + failed):
        path = run.log_path(task.id, sample, 0)
        path.parent.mkdir(exist_ok=True)
        events = PASSED if sample < solved else FAILED
        write_log(path, evolved(events, task=task.id, task_digest=task.digest, sample=sample), durability="none")
    return run


def test_logs_of_several_runs_are_counted_together_but_for_damaged_ones(tmp_path: Path) -> None:
    first = play(RunDirectory.create(tmp_path / "a", {}), TASK, solved=3)
    second = play(RunDirectory.create(tmp_path / "b", {}), TASK, solved=1, failed=1)
    damaged = first.logs()[0]
    damaged.write_bytes(damaged.read_bytes().replace(b"toy", b"tiy", 1))
    assert Logbook().tallies([first.path, second.path]) == {(TASK.id, TASK.digest): Tally(graded=4, solved=3)}
    with pytest.raises(UsageError, match="not a run directory"):
        Logbook().tallies([tmp_path])


def test_the_copy_of_a_run_does_not_count_again(tmp_path: Path) -> None:
    run = play(RunDirectory.create(tmp_path / "a", {}), TASK, solved=2, failed=1)
    shutil.copytree(run.path, tmp_path / "b")
    assert Logbook().tallies([run.path, tmp_path / "b"]) == {(TASK.id, TASK.digest): Tally(graded=3, solved=2)}


def test_the_loader_leaves_out_what_earlier_logs_settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(RunDirectory.create(tmp_path / "earlier", {}), load_task(TASKS / EASY), solved=8)
    lines = [f'tasks = ["{TASKS}"]', 'sandbox = "local"', "[curriculum]", 'order = "adaptive"', 'logs = ["earlier"]']
    (tmp_path / "train.toml").write_text("\n".join(lines))
    names = [record[KEY]["task"] for record in load_records(str(tmp_path / "train.toml"))]
    assert EASY not in names
    assert len(names) == len(list(TASKS.iterdir())) - 1


def test_a_run_that_is_gone_on_with_learns_from_its_own_logs(tmp_path: Path) -> None:
    play(RunDirectory.create(tmp_path / "run", {}), NUMBERED[0], solved=0, failed=8)
    config = ArenoConfig(run_dir=str(tmp_path / "run"), curriculum=Curriculum(order="adaptive"))
    assert [task.id for task in chosen_tasks(NUMBERED[:2], config, Logbook())] == ["t1"]
    assert len(chosen_tasks(NUMBERED[:2], attrs.evolve(config, curriculum=Curriculum()), Logbook())) == 2


@given(st.lists(st.builds(Said, task=st.sampled_from(sorted(KEYS.values())), tally=tally_drawn, ended=st.dates().map(str), head=st.text())),
       st.integers(0, 5))  # fmt: skip
def test_a_window_keeps_the_latest_episodes_of_each_task(said: list[Said], window: int) -> None:
    kept = latest(said, window)
    for task in {each.task for each in said}:
        ended = sorted(each.ended for each in said if each.task == task)
        assert [each.ended for each in kept if each.task == task] == ended[-window:]


def epoch(dataset: Any) -> list[str]:
    """One pass over a dataset, by AReno's own loop."""
    trainer = SimpleNamespace(_tokenizer=ByteTokenizer())
    batches = Trainer.load_prompt_batches(trainer, dataset, batch_size=2, max_prompt_tokens=10**6)
    return [item.record[KEY]["task"] for batch in batches for item in batch.items]


@pytest.fixture
def adaptive_records(tmp_path: Path) -> Any:
    """What AReno's loader gets for an adaptive curriculum, nothing being known yet."""
    told = f'tasks = ["{TASKS}"]\nsandbox = "local"\nrun_dir = "run"\ncurriculum = {{order = "adaptive"}}\n'
    (tmp_path / "train.toml").write_text(told)
    return load_records(str(tmp_path / "train.toml"))


def test_what_an_epoch_settles_is_left_out_of_the_next(adaptive_records: Any, tmp_path: Path) -> None:
    every = epoch(adaptive_records)
    play(RunDirectory.open(tmp_path / "run"), load_task(TASKS / EASY), solved=8)
    assert sorted(epoch(adaptive_records)) == sorted(set(every) - {EASY})
    assert len(every) == len(set(every)) == len(list(TASKS.iterdir()))


def test_an_epoch_in_which_all_is_settled_is_played_as_the_one_before(adaptive_records: Any, tmp_path: Path) -> None:
    every = epoch(adaptive_records)
    for folder in TASKS.iterdir():
        play(RunDirectory.open(tmp_path / "run"), load_task(folder), solved=8)
    assert epoch(adaptive_records) == every


def test_a_log_is_read_once_however_many_epochs_there_are(tmp_path: Path) -> None:
    run, book = play(RunDirectory.create(tmp_path / "run", {}), TASK, solved=3), Logbook()
    known = book.tallies([run.path])
    for log in run.logs():
        log.write_bytes(b"")
    assert book.tallies([run.path]) == known


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("explore = 1.0", "explore: expected a share from 0 up to, not with, 1, found 1.0"),
        ("window = 4", "window: expected 0, or at least as many as min_samples, 8, found 4"),
        ("min_samples = 0", "min_samples: expected 1 or more, found 0"),
        ("difficulty = [3, 1]", "difficulty: expected the lower bound first, found [3, 1]"),
        ('order = "random"', "order"),
    ],
)
def test_a_mistake_in_the_options_is_named(tmp_path: Path, option: str, told: str) -> None:
    (tmp_path / "train.toml").write_text(f"[curriculum]\n{option}\n")
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path / "train.toml", {})
    assert told in str(caught.value)
