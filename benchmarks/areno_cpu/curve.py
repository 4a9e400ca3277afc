"""Curves between 0 and 1 over steps, as an SVG that reads well on white and on black."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 48, 36, 96, 36
COLOURS = ("#2f7ed8", "#d9822b", "#3f9b4f", "#a855a0", "#888888")
TEXT = 'font-family="sans-serif" font-size="12" fill="#888888"'


def draw(curves: Mapping[str, Sequence[float]], *, title: str) -> str:
    longest = max(len(curve) for curve in curves.values())
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
        points = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in enumerate(curve))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        label = TEXT.replace("#888888", colour)
        parts.append(f'<text x="{LEFT + across + 10}" y="{TOP + 14 + 18 * index}" {label}>{name}</text>')
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(parts) + "\n</svg>\n"
