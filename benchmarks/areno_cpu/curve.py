"""Curves between 0 and 1 over steps: what they say, and an SVG that reads well on white and on black."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

Curve = Sequence[float | None]
"""One value per step; None where a step has none, as all of it was masked."""
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 48, 36, 96, 36
COLOURS = ("#2f7ed8", "#d9822b", "#3f9b4f", "#a855a0", "#888888")
TEXT = 'font-family="sans-serif" font-size="12" fill="#888888"'


def draw(curves: Mapping[str, Curve], *, title: str) -> str:
    """A step without a value is a gap in its curve; a value between two gaps is a dot."""
    longest = max((len(curve) for curve in curves.values()), default=0)
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(step: float) -> float:
        return LEFT + across * step / max(longest - 1, 1)

    def y(value: float) -> float:
        return TOP + down * (1 - value)

    parts = [f'<text x="{LEFT}" y="20" {TEXT}>{title}</text>']
    for tenth in range(0, 11, 2):
        at = y(tenth / 10)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{LEFT + across}" stroke="#888888" stroke-opacity="0.3"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end" {TEXT}>{tenth / 10:.1f}</text>')
    for step in range(0, longest, max(longest // 6, 1)):
        parts.append(f'<text x="{x(step):.1f}" y="{HEIGHT - 14}" text-anchor="middle" {TEXT}>{step}</text>')
    for index, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        for piece in pieces(curve):
            points = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in piece)
            line = f'fill="none" stroke="{colour}" stroke-width="2"'
            (step, value), *more = piece
            dot = f'<circle cx="{x(step):.1f}" cy="{y(value):.1f}" r="2" fill="{colour}"/>'
            parts.append(f'<polyline points="{points}" {line}/>' if more else dot)
        label = TEXT.replace("#888888", colour)
        parts.append(f'<text x="{LEFT + across + 10}" y="{TOP + 14 + 18 * index}" {label}>{name}</text>')
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(parts) + "\n</svg>\n"


def pieces(curve: Curve) -> list[list[tuple[int, float]]]:
    """The runs of steps that have a value, each as (step, value)."""
    found: list[list[tuple[int, float]]] = [[]]
    for step, value in enumerate(curve):
        if value is not None:
            found[-1].append((step, value))
        elif found[-1]:
            found.append([])
    return [piece for piece in found if piece]


def quarters(curve: Curve) -> tuple[float, float]:
    """The mean reward of the first and of the last quarter; NaN of one whose steps were all masked."""
    count = max(len(curve) // 4, 1)
    return _mean(curve[:count]), _mean(curve[-count:])


def _mean(curve: Curve) -> float:
    known = [value for value in curve if value is not None]
    return fmean(known) if known else math.nan


def has_learnt(curve: Curve) -> bool:
    first, last = quarters(curve)
    return first < last
