"""Reading, listing and bringing in recorded states, on every backend."""

from __future__ import annotations

import pytest

from coding_agent.sandbox.base import Entry, PathChange, Refused, Sandbox
from tests.sandbox.steps import Steps, needs, sha


async def test_a_file_is_read_with_its_size_hash_and_mode(sandbox: Sandbox) -> None:
    await sandbox.apply([PathChange(path="bin/run", kind="add", data=b"hello", executable=True)])
    found = await sandbox.read("bin/run", max_bytes=3)
    assert (found.data, found.size, found.sha256, found.executable) == (b"hel", 5, sha("hello"), True)


REFUSED = {
    "../x": "outside", "a/../../x": "outside", "/etc/passwd": "outside", ".git/config": "git_dir", "a/.git/x": "git_dir",
    "missing": "not_found", "a.py/x": "not_directory", "": "is_directory", "link": "symlink", "loop/x": "symlink",
    "to_root/etc/passwd": "symlink", "pipe": "special_file", "a\0b": "bad_name", "n" * 300: "bad_name",
    "x/" * 3000: "bad_name", "\ud800": "bad_name",
}  # fmt: skip


async def test_what_a_path_may_not_be_is_refused_by_name(steps: Steps) -> None:
    await steps.put({"a.py": "1"})
    await steps.sh("ln -s a.py link; ln -s loop loop; ln -s / to_root; mkfifo pipe")
    assert {path: await steps.refusal_of_reading(path) for path in REFUSED} == REFUSED


async def test_names_that_are_no_text_come_and_go_unharmed(steps: Steps) -> None:
    name = b"\xff\n-\xc3\xa9".decode("utf-8", "surrogateescape")
    await steps.put({name: "odd"})
    assert await steps.text(name) == "odd"
    assert (await steps.sandbox.list("", depth=1, max_entries=9)).entries[0].path == name


async def test_a_listing_has_directories_first_and_leaves_out_caches(steps: Steps) -> None:
    await steps.put({"b.py": "", "src/w/x.py": "", "src/a.py": "", "src/__pycache__/x.py": ""})
    await steps.sh("ln -s b.py z; mkdir .git .pytest_cache; touch src/old.pyc")
    found = await steps.sandbox.list(".", depth=2, max_entries=9)
    assert [(entry.path, entry.kind, entry.size) for entry in found.entries] == [
        ("src", "directory", -1), ("src/w", "directory", 1), ("src/a.py", "file", 0),
        ("b.py", "file", 0), ("z", "symlink", 4),
    ]  # fmt: skip
    assert found.entries[-1] == Entry(path="z", kind="symlink", size=4, target="b.py")


async def test_a_long_listing_counts_what_it_leaves_out(steps: Steps) -> None:
    await steps.put({f"{number:03}": "" for number in range(50)})
    found = await steps.sandbox.list("", depth=1, max_entries=3)
    assert ([entry.path for entry in found.entries], found.omitted) == (["000", "001", "002"], 47)


@needs("programs")
async def test_what_is_too_far_down_to_be_named_is_not_listed(steps: Steps) -> None:
    down = "import os\nfor _ in range(15): os.mkdir('n' * 250); os.chdir('n' * 250)\n"
    await steps.python(f"{down}os.mkdir('d' * 150); open('f' * 255, 'w').close()")
    found = await steps.sandbox.list(".", depth=20, max_entries=99)
    assert [len(entry.path) for entry in found.entries] == [251 * depth - 1 for depth in range(1, 16)] + [3915]


@needs("permissions")
async def test_a_folder_that_nobody_may_enter_is_listed_and_recorded(steps: Steps) -> None:
    await steps.sh("mkdir -p d/e; echo 1 > d/f; ln -s f d/l; chmod 0444 d")
    assert len((await steps.sandbox.list(".", depth=2, max_entries=9)).entries) == 4
    await steps.sh("chmod 0444 d")
    assert [change.path for change in (await steps.sandbox.changes()).files] == ["d/f", "d/l"]


async def test_listing_a_file_is_refused(steps: Steps) -> None:
    await steps.put({"a.py": ""})
    with pytest.raises(Refused, match="not_directory"):
        await steps.sandbox.list("a.py", depth=1, max_entries=9)


async def test_applied_states_may_replace_whatever_is_there(steps: Steps) -> None:
    await steps.put({"d/x": "1", "f": "1"})
    await steps.sandbox.apply([
        PathChange(path="d", kind="add", data=b"file"),
        PathChange(path="f", kind="delete"),
        PathChange(path="f/x", kind="symlink", data=b"../d"),
    ])  # fmt: skip
    assert await steps.text("d") == "file"
    assert await steps.says("readlink f/x") == "../d"


async def test_deleting_what_is_not_there_is_no_failure_of_apply(steps: Steps) -> None:
    assert await steps.sandbox.apply([PathChange(path="no/such", kind="delete")]) == await steps.sandbox.apply([])


async def test_applying_a_mode_does_not_follow_a_symlink(steps: Steps) -> None:
    await steps.put({"a": "1"})
    await steps.sh("ln -s a link")
    with pytest.raises(Refused, match="symlink"):
        await steps.sandbox.apply([PathChange(path="link", kind="mode", executable=True)])
    assert not (await steps.sandbox.read("a", max_bytes=1)).executable


async def test_apply_keeps_to_the_workspace(sandbox: Sandbox) -> None:
    for path in ("../x", "/x", ".git/hooks/x", "a/../../x", ""):
        with pytest.raises(Refused):
            await sandbox.apply([PathChange(path=path, kind="add", data=b"")])


async def test_apply_does_not_write_through_a_symlink(steps: Steps) -> None:
    await steps.put({"real/keep": "1"})
    await steps.sh("ln -s real link")
    await steps.sandbox.apply([PathChange(path="link/new", kind="add", data=b"2")])
    assert await steps.says("ls real link") == "link:\nnew\n\nreal:\nkeep"
