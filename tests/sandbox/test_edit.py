"""Edits: all of them or none, and never through a symlink; on every backend."""

from __future__ import annotations

from coding_agent.sandbox.base import PathEdit
from tests.sandbox.steps import Steps, delete, needs, sha, write


async def test_an_edit_of_several_paths_reports_their_new_states(steps: Steps) -> None:
    await steps.put({"a": "1", "b": "2"})
    made = await steps.sandbox.edit([write("a", "one", sha("1")), delete("b"), write("new/c", "3", None)])
    assert [(change.path, change.kind, change.data) for change in made.files] == [
        ("a", "modify", b"one"), ("b", "delete", None), ("new/c", "add", b"3"),
    ]  # fmt: skip
    assert await steps.changed() == {}


REFUSED = (
    (write("a", "x", sha("other")), "changed"), (write("a", "x", None), "exists"), (delete("missing"), "not_found"),
    (write("missing", "x", sha("")), "not_found"), (write("d", "x"), "is_directory"), (write("a/x", "x"), "not_directory"),
    (write("link", "x"), "symlink"), (write("dirlink/x", "x"), "symlink"), (write("pipe", "x"), "special_file"),
    (write("../x", "x"), "outside"), (write(".git/hooks/pre-commit", "x"), "git_dir"), (write("b", "y"), "exists"),
    (write("__pycache__/a.py", "x"), "bad_name"), (write("a.pyc", "x"), "bad_name"), (write("", "x"), "is_directory"),
)  # fmt: skip


async def test_one_edit_that_can_not_be_made_stops_them_all(steps: Steps) -> None:
    await steps.put({"a": "1", "d/x": "1", "z": "1"})
    await steps.sh("ln -s a link; ln -s d dirlink; mkfifo pipe")
    before = await steps.sandbox.changes()
    found = [await steps.refusal_of_editing(write("b", "new", None), edit, delete("z")) for edit, _ in REFUSED]
    assert found == [code for _, code in REFUSED]
    assert (await steps.sandbox.changes()).tree == before.tree


@needs("disk")
async def test_a_full_disk_takes_back_the_whole_edit(steps: Steps) -> None:
    await steps.put({"a": "old", "b": "old"})
    big = "x" * (7 << 20)
    edits = [delete("b"), write("a", "new"), write("n/1", big), write("n/2", big), write("n/3", big)]
    assert await steps.refusal_of_editing(*edits) == "no_space"
    assert (await steps.text("a"), await steps.text("b"), await steps.changed()) == ("old", "old", {})


async def test_a_file_gives_way_to_a_directory_and_back(steps: Steps) -> None:
    await steps.put({"x": "1"})
    await steps.sandbox.edit([delete("x"), write("x/y", "2", None)])
    assert await steps.text("x/y") == "2"
    await steps.sandbox.edit([delete("x/y"), write("x", "3", None)])
    assert await steps.text("x") == "3"


async def test_the_executable_bit_is_kept_unless_the_edit_says_otherwise(steps: Steps) -> None:
    await steps.sandbox.edit([PathEdit(path="run", data=b"1", executable=True)])
    await steps.sandbox.edit([write("run", "2")])
    assert (await steps.sandbox.read("run", max_bytes=1)).executable
    made = await steps.sandbox.edit([PathEdit(path="run", data=b"2", executable=False, expected_sha256="any")])
    assert [change.kind for change in made.files] == ["mode"]


@needs("programs")
async def test_a_planted_pipe_with_a_temporary_name_does_not_hang_an_edit(steps: Steps) -> None:
    await steps.sh("for n in $(seq 1 40); do mkfifo .~$n; done")
    assert await steps.refusal_of_editing(write("a", "1", None)) == "edited"


async def test_a_directory_left_empty_is_removed(steps: Steps) -> None:
    await steps.put({"a/b/c": "1"})
    await steps.sandbox.edit([delete("a/b/c")])
    assert await steps.says("ls") == ""
