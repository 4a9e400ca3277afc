"""The mutants worth trying on a state of the files, likeliest first. Pure; cached because it is asked every turn."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping

import attrs

from coding_agent.policies.repair.edits import Edit, changed, overlay_key
from coding_agent.policies.repair.localise import hints, is_test, line_blame
from coding_agent.policies.repair.mutate import mutants, viable
from coding_agent.policies.repair.state import Facts
from coding_agent.policies.repair.texts import Failure

UNTRACED = 0.04
"""Suspicion of a line that no failing test is known to have run."""


@attrs.frozen(kw_only=True)
class Candidate:
    """One mutant, and the state of the files that it leads to."""

    key: str
    edit: Edit


def candidates(
    facts: Facts, node: Mapping[str, str | None], failures: tuple[Failure, ...], *, seed: int, most: int
) -> tuple[Candidate, ...]:
    """The first `most` mutants of the state `node` of the known files, none twice; tests are never mutated."""
    every = sorted({**facts.original, **node}.items())
    files = tuple((path, text) for path, text in every if text is not None and not is_test(path))
    blames = tuple((path, _frozen(line_blame(failures, facts.coverage, path))) for path, _ in files)
    told = tuple(sorted(hints(failures).items()))
    return _viable(
        _ranked(files, blames, told, facts.coverage is not None, seed), files, tuple(sorted(node.items())), most
    )


def _frozen(blame: dict[int, float]) -> tuple[tuple[int, float], ...]:
    return tuple(sorted((line, round(value, 6)) for line, value in blame.items()))


@functools.lru_cache(maxsize=16)
def _ranked(
    files: tuple[tuple[str, str], ...],
    blames: tuple[tuple[str, tuple[tuple[int, float], ...]], ...],
    told: tuple[tuple[str, float], ...],
    traced: bool,
    seed: int,
) -> tuple[Edit, ...]:
    blame, hint = dict(blames), dict(told)
    scored: list[tuple[float, str, Edit]] = []
    for path, text in files:
        lines = dict(blame[path])
        for edit in mutants(path, text):
            score = edit.prior * min(hint.get(edit.family, 1.0), 4.0) * _suspicion(lines, edit, text, traced=traced)
            scored.append((-round(score, 9), _tie(seed, edit), edit))
    scored.sort(key=lambda row: row[:2])
    return tuple(edit for _, _, edit in _spread(scored))


@functools.lru_cache(maxsize=16)
def _viable(
    ranked: tuple[Edit, ...],
    files: tuple[tuple[str, str], ...],
    node: tuple[tuple[str, str | None], ...],
    most: int,
) -> tuple[Candidate, ...]:
    texts = dict(files)
    out: dict[str, Candidate] = {}
    for edit in ranked:
        if len(out) >= most:
            break
        text = texts[edit.path]
        if viable(text, edit):
            key = overlay_key({**dict(node), edit.path: changed(text, edit)})
            out.setdefault(key, Candidate(key=key, edit=edit))
    return tuple(out.values())


def _suspicion(lines: Mapping[int, float], edit: Edit, text: str, *, traced: bool) -> float:
    last = edit.line + text.count("\n", edit.start, edit.end)
    best = max((lines.get(line, 0.0) for line in range(edit.line, last + 1)), default=0.0)
    if best:
        return float(best**1.5)
    return UNTRACED if traced else 0.2


def _spread(scored: list[tuple[float, str, Edit]]) -> Iterator[tuple[float, str, Edit]]:
    # many mutants of one span share one chance: the tenth idea about a place is worth less than the first about another
    seen: dict[tuple[str, int], int] = {}
    rows = []
    for score, tie, edit in scored:
        place = (edit.path, edit.line)
        count = seen.get(place, 0)
        seen[place] = count + 1
        rows.append((score / (1 + 0.06 * count), tie, edit))
    yield from sorted(rows, key=lambda row: row[:2])


def _tie(seed: int, edit: Edit) -> str:
    return hashlib.sha256(
        f"{seed}\0{edit.path}\0{edit.start}\0{edit.end}\0{edit.text}".encode("utf-8", "replace")
    ).hexdigest()
