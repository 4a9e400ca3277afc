"""What the documentation says was tried is what some run tried: figures are written by `scripts/soak.py --write`."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns import campaigns, figures

SOAK = Path(__file__).parents[2] / "scripts" / "soak.py"


def test_each_campaign_has_its_figure_and_each_figure_its_campaign() -> None:
    assert set(figures.figures()) == {campaign.name for campaign in campaigns()}


def test_no_figure_is_left_blank() -> None:
    assert figures.blank(figures.PROMISES.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("written", ["", " ", "0", " 603", ",", "-"])
def test_a_marker_without_a_number_right_behind_it_is_blank(written: str) -> None:
    assert figures.blank(f"| <!-- cuts -->1,603 | <!-- boundaries -->{written} |") == ["boundaries"]


def test_the_readme_has_the_sum_of_the_table() -> None:
    said, summed = figures.cases_of_the_log()
    assert said == summed


def test_a_figure_is_written_in_its_place_and_the_sum_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROMISES", "README"):
        copy = tmp_path / f"{name}.md"
        copy.write_text(getattr(figures, name).read_text(encoding="utf-8"), encoding="utf-8")
        monkeypatch.setattr(figures, name, copy)
    before, cuts = figures.cases_of_the_log()[0], figures.figures()["cuts"]
    figures.write({"cuts": cuts + 1000})
    assert figures.figures()["cuts"] == cuts + 1000
    assert figures.cases_of_the_log() == (before + 1000, before + 1000)


def test_a_row_is_printed_with_its_times_and_the_sum_last() -> None:
    done = subprocess.run(
        [sys.executable, SOAK, "--short", "pair of lines"], capture_output=True, text=True, check=False
    )
    head, row, total = done.stdout.splitlines()
    assert head.split() == ["tried", "failures", "cpu", "s", "seconds", "guarantee"]
    assert (done.returncode, row.split()[1], total.split()[:2]) == (0, "0", [row.split()[0], "0"])


def test_ctrl_c_leaves_the_rows_so_far() -> None:
    command = [sys.executable, str(SOAK), "--short", "pair of lines", "any schedule"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        rows = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert "deleted, doubled or exchanged" in rows[1]
    assert (process.returncode, rest.split()[0]) == (130, rows[1].split()[0])
    assert rest.rstrip().endswith("in all, 1 of 2 rows")
