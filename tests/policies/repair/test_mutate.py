from __future__ import annotations

import ast

import pytest

from coding_agent.policies.repair.edits import changed
from coding_agent.policies.repair.mutate import mutants, viable
from tests.policies.repair.planted import CLAMP, PLANTED, STACK, Planted


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_one_mutation_leads_back_from_each_planted_bug(bug: Planted) -> None:
    right = ast.dump(ast.parse(bug.right))
    after = (changed(bug.broken, edit) for edit in mutants("m.py", bug.broken) if viable(bug.broken, edit))
    assert any(ast.dump(ast.parse(text)) == right for text in after)


def test_a_mutant_keeps_every_other_byte_of_the_file() -> None:
    text = "# größer\n" + CLAMP.replace("x < low", "x  <  low  # λ")
    for edit in mutants("m.py", text):
        after = changed(text, edit)
        assert after.startswith(text[: edit.start])
        assert after.endswith(text[edit.end :])


def test_columns_count_characters_where_the_parser_counts_bytes() -> None:
    text = "def f(x):\n    return 'é' * 3 + x\n"
    assert "def f(x):\n    return 'é' * 3 - x\n" in [changed(text, edit) for edit in mutants("m.py", text)]


def test_a_file_that_does_not_parse_has_no_mutants() -> None:
    assert mutants("m.py", "def f(:\n") == ()


def test_no_mutant_is_proposed_twice() -> None:
    edits = mutants("m.py", STACK)
    assert len({(edit.start, edit.end, edit.text) for edit in edits}) == len(edits)


def test_a_mutant_that_is_the_same_program_is_not_viable() -> None:
    text = "x = (1)\n"
    assert not any(viable(text, edit) for edit in mutants("m.py", text) if changed(text, edit).strip() == "x = 1")
