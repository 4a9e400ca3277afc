"""No hostile program escapes, starves a neighbour, leaves anything behind or is recorded untruly."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import neighbours
from tests.hostile.attack import LATE_S, Report, attack
from tests.hostile.program import corpus

pytestmark = pytest.mark.xdist_group("programs")
SAMPLE = (
    "escape/abstract-socket", "escape/launcher-environment", "escape/mount", "escape/ptrace", "git/hooks",
    "patches/link-then-write", "paths/link-ancestor", "processes/daemon", "processes/kill-everything",
    "python/places-of-the-host", "resources/fork-bomb", "resources/memory-many-processes",
)  # fmt: skip
"""What the suite plays each time, in every stage; `make hostile` plays them all."""


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    folder = Path(tempfile.mkdtemp(prefix="coding-agent-hostile-"))
    folder.chmod(0o755)
    yield attack([program for program in corpus() if program.name in SAMPLE], folder)
    shutil.rmtree(folder)


def test_nothing_of_the_host_is_read_changed_or_connected_to(report: Report) -> None:
    assert report.escaped == []


def test_the_log_says_what_happened(report: Report) -> None:
    assert report.untrue == []


def test_a_neighbour_ends_as_ever(report: Report) -> None:
    assert report.neighbours
    assert report.starved == ()


def test_a_program_beside_which_alone_every_neighbour_has_to_wait_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbours, "PATIENCE", 0.0)
    with tempfile.TemporaryDirectory(prefix="coding-agent-hostile-") as folder:
        Path(folder).chmod(0o755)
        found = attack([each for each in corpus() if each.name == "git/hooks"], Path(folder), timing=True)
    assert [each.partition(":")[0] for each in found.kept_waiting] == ["git/hooks"]
    assert found.outliers == ()


def test_no_process_mount_directory_or_descriptor_is_left(report: Report) -> None:
    assert report.leftovers == ()


def test_time_limits_end_what_does_not_end_itself(report: Report) -> None:
    assert report.late(10 * LATE_S) == []


def test_the_corpus_is_as_large_as_promised_and_every_claim_is_its_own() -> None:
    programs = corpus()
    assert len(programs) >= 80
    assert len({program.claim for program in programs}) == len(programs)
    played = [program for program in programs if program.name in SAMPLE]
    assert len(played) == len(SAMPLE)
    assert {program.family for program in played} == {program.family for program in programs}
