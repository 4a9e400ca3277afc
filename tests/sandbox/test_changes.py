"""What happened to the workspace, and its digest; on every backend."""

from __future__ import annotations

import hashlib

import pytest

from coding_agent.sandbox.base import PathChange, TooMuchChanged
from coding_agent.sandbox.runtime import tree
from tests.sandbox.steps import Steps, needs


async def test_every_kind_of_change_is_told_once(steps: Steps) -> None:
    await steps.put({"gone": "1", "mode": "1", "same": "1", "text": "1", "d/x": "1"})
    await steps.sh(
        "rm gone; chmod +x mode; touch same; echo 2 > text; ln -s text link; rm -r d; mkdir empty; echo 1 > d"
    )
    assert await steps.changed() == {
        "d": "add", "d/x": "delete", "gone": "delete", "link": "symlink", "mode": "mode", "text": "modify",
    }  # fmt: skip
    assert await steps.changed() == {}


@needs("programs")
async def test_a_change_that_keeps_size_and_time_is_seen(steps: Steps) -> None:
    await steps.put({"a": "1"})
    for _ in range(5):
        before = await steps.text("a")
        program = f"import os; s=os.stat('a'); open('a','w').write('{3 - int(before)}'); os.utime('a', ns=(s.st_atime_ns, s.st_mtime_ns))"
        await steps.python(program)
        assert await steps.changed() == {"a": "modify"}


async def test_caches_and_special_files_are_no_state(steps: Steps) -> None:
    before = (await steps.sandbox.changes()).tree
    await steps.sh(
        "mkdir -p __pycache__ .git/x d/.mypy_cache; touch __pycache__/a .git/x/y d/.mypy_cache/z b.pyc; mkfifo p"
    )
    after = await steps.sandbox.changes()
    assert (after.files, after.tree) == ((), before)


async def test_recorded_changes_rebuild_the_tree_from_the_base(steps: Steps) -> None:
    base = [PathChange(path="a", kind="add", data=b"1"), PathChange(path="d/e", kind="add", data=b"2")]
    await steps.sandbox.apply(base)
    await steps.sh("rm -r d; echo x > d; chmod +x a; ln -s a l; mkdir -p n/m; printf '\\377' > n/m/\udcfe")
    made = await steps.sandbox.changes()
    await steps.sandbox.apply([PathChange(path=path, kind="delete") for path in ("a", "d", "l")])
    await steps.sh("rm -rf n")
    await steps.sandbox.apply(base)
    assert await steps.sandbox.apply(made.files) == made.tree


async def test_what_is_only_spelled_like_the_git_folder_is_state_that_can_be_rebuilt(steps: Steps) -> None:
    before = (await steps.sandbox.changes()).tree
    await steps.sh("mkdir -p .GIT d/.Git; echo 1 > .GIT/config; echo 2 > d/.Git/x")
    made = await steps.sandbox.changes()
    assert [change.path for change in made.files] == [".GIT/config", "d/.Git/x"]
    undo = [PathChange(path=change.path, kind="delete") for change in made.files]
    assert await steps.sandbox.apply(undo) == before
    assert await steps.sandbox.apply(made.files) == made.tree


@needs("permissions")
async def test_an_unreadable_file_is_still_told(steps: Steps) -> None:
    await steps.sh("mkdir d; echo 1 > d/f; echo 1 > x; chmod 0100 x; chmod 0 d/f d")
    made = await steps.sandbox.changes()
    assert [(change.path, change.executable) for change in made.files] == [("d/f", False), ("x", True)]


@needs("programs")
async def test_directories_deeper_than_a_path_can_name_do_not_break_the_sandbox(steps: Steps) -> None:
    await steps.put({"a": "1"})
    await steps.python("import os\nfor _ in range(3000):\n os.mkdir('dddd'); os.chdir('dddd')\nopen('f','w').close()")
    assert await steps.changed() == {}
    assert (await steps.sandbox.list(".", depth=20, max_entries=5)).entries[0].kind == "directory"
    assert await steps.says("echo alive") == "alive"


@needs("programs")
async def test_more_than_can_be_recorded_is_refused_by_name(steps: Steps) -> None:
    await steps.python("import os\nos.mkdir('n')\nfor n in range(20001): open(f'n/{n}', 'w').close()")
    with pytest.raises(TooMuchChanged, match="20000 files"):
        await steps.sandbox.changes()


@needs("programs")
async def test_names_of_more_bytes_than_can_be_recorded_are_refused_by_name(steps: Steps) -> None:
    await steps.python("import os\nfor n in range(1100): os.symlink(b'\\xff' * 4000, str(n))")
    with pytest.raises(TooMuchChanged, match="names of what one call changed are more than 4194304 bytes"):
        await steps.sandbox.changes()


@needs("programs")
async def test_files_far_down_are_brought_back(steps: Steps) -> None:
    before = (await steps.sandbox.changes()).tree
    down = "import os\nfor _ in range(300): os.mkdir('a'); os.chdir('a')\n"
    files = "for n in range(10):\n os.mkdir(str(n))\n for name in 'xy': open(f'{n}/{name}', 'w').close()\n"
    await steps.python(f"{down}{files}os.symlink('0', 'l')")
    made = await steps.sandbox.changes()
    assert len(made.files) == 21
    undo = [PathChange(path=change.path, kind="delete") for change in made.files]
    assert await steps.sandbox.apply(undo) == before
    assert await steps.sandbox.apply(made.files) == made.tree


def test_the_digest_is_the_one_that_is_specified() -> None:
    content = hashlib.sha256(b"1").digest()
    entries = [(b"X", "b", content), (b"F", "a/\udcff", content), (b"L", "a", content)]
    expected = hashlib.sha256()
    for kind, path in ((b"L", b"a"), (b"F", b"a/\xff"), (b"X", b"b")):
        expected.update(kind + len(path).to_bytes(8, "big") + path + content)
    assert tree.digest(entries) == expected.hexdigest()


def test_the_digest_of_nothing_is_the_digest_of_no_bytes() -> None:
    assert tree.digest([]) == hashlib.sha256(b"").hexdigest()
