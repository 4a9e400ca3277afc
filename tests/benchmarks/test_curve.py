"""The curve of a learning run, where steps may have no reward."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
from benchmarks.areno_cpu.curve import Curve, draw, has_learnt, pieces, quarters


def test_a_step_without_a_reward_is_a_gap_in_the_drawing() -> None:
    assert pieces([0.1, None, 0.3, 0.4, None]) == [[(0, 0.1)], [(2, 0.3), (3, 0.4)]]
    shapes = [
        element.tag.rpartition("}")[2] for element in ET.fromstring(draw({"a": [0.1, None, 0.3, 0.4]}, title="t"))
    ]
    assert (shapes.count("circle"), shapes.count("polyline")) == (1, 1)


@pytest.mark.parametrize("curve", [[], [None], [0.5], [None, None, None]])
def test_whatever_a_run_leaves_behind_can_be_drawn(curve: Curve) -> None:
    assert ET.fromstring(draw({"a": curve}, title="t")).tag.endswith("svg")


def test_quarters_are_means_of_what_is_known() -> None:
    assert quarters([0.25, None, 0.75, 0.5, 0.5, 0.5, None, 1.0]) == (0.25, 1.0)
    assert math.isnan(quarters([None, 0.5, 0.5, 0.5])[0])


@pytest.mark.parametrize(
    ("curve", "learnt"), [([0.1, 0.1, 0.1, 0.2], True), ([0.2, 0.3, 0.3, 0.2], False), ([None, 0.1, 0.2, 0.3], False)]
)
def test_a_run_has_learnt_when_its_last_quarter_is_known_to_be_better_than_its_first(
    curve: Curve, learnt: bool
) -> None:
    assert has_learnt(curve) is learnt
