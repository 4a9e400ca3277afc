"""A very small pytest, over a tree in memory: enough for a task to have tests that decide. It executes nothing.

A test file holds functions `test_*` of such lines, read as syntax and held against the tree:

    assert "2 * x" in open("double.py").read(), "double.py: says what is wrong"
    assert "TODO" not in open("double.py").read(), "..."

pytest finds the same in them: ids, outcomes, lines, messages, exit statuses. Anything else in a test file is an error
of that file here, whatever pytest would make of it.
"""

from __future__ import annotations

import ast
import fnmatch
import posixpath
from collections.abc import Iterator, Sequence

import anyio
import attrs

from coding_agent.sandbox.base import TestCaseFailure, TestFrame
from coding_agent.sandbox.simulated.process import TestLog

GO_ON = "--continue-on-collection-errors"
PASSED, FAILED, INTERRUPTED, USAGE, NOTHING = 0, 1, 2, 4, 5


@attrs.frozen
class Check:
    """`text` is (or is not) in `path`; `line` is where the test says so."""

    line: int
    path: str
    text: str
    wanted: bool
    message: str


@attrs.frozen
class Checks:
    """A test program; each test takes `test_s`."""

    test_s: float = 0.0

    async def __call__(self, args: Sequence[str], log: TestLog) -> int:
        """pytest's exit status."""
        files = {path: file.data for path, file in log.process.workspace.files().items()}
        wanted = [arg for arg in args if not arg.startswith("-")]
        chosen = _chosen(wanted, files)
        if chosen is None:
            log.process.write("ERROR: file or directory not found\n")
            return USAGE
        tests: dict[str, list[Check]] = {}
        for path in chosen:
            log.collect(path)
            try:
                tests |= {f"{path}::{name}": checks for name, checks in _parse(path, files[path])}
            except SyntaxError as error:
                log.finish(path, "error", _failure(path, path, error.lineno or 0, "SyntaxError", error.msg, None))
        named = {arg for arg in wanted if "::" in arg}
        if named - set(tests):
            log.process.write("ERROR: not found: " + ", ".join(sorted(named - set(tests))) + "\n")
            return USAGE
        if log.outcomes and GO_ON not in args:
            return INTERRUPTED
        narrowed = {test.partition("::")[0] for test in named}
        asked = [test for test in tests if test in named or test.partition("::")[0] not in narrowed]
        return await self._run(asked, tests, log)

    async def _run(self, chosen: list[str], tests: dict[str, list[Check]], log: TestLog) -> int:
        for test in chosen:
            log.start(test)
            await anyio.sleep(self.test_s)
            failure = _first_failure(test, tests[test], log)
            log.finish(test, "failed" if failure else "passed", failure)
        if not log.outcomes:
            return NOTHING
        return PASSED if set(log.outcomes.values()) == {"passed"} else FAILED


def _chosen(wanted: list[str], files: dict[str, bytes]) -> list[str] | None:
    """The test files that the arguments name, in pytest's order; None when one is not there."""
    ordered = sorted(files, key=lambda path: path.split("/"))
    found: list[str] = []
    for arg in wanted or ["."]:
        place = posixpath.normpath(arg.partition("::")[0])
        if place in files:
            below = [place]
        else:
            inside = [path for path in ordered if place == "." or path.startswith(place + "/")]
            if not inside and place != ".":
                return None
            below = [path for path in inside if _is_test_file(posixpath.basename(path))]
        found += [path for path in below if path not in found]
    return found


def _is_test_file(name: str) -> bool:
    return fnmatch.fnmatch(name, "test_*.py") or fnmatch.fnmatch(name, "*_test.py")


def _parse(path: str, data: bytes) -> Iterator[tuple[str, list[Check]]]:
    """(test, its checks). Raises SyntaxError, also for what is more than checks."""
    try:
        module = ast.parse(data, filename=path)
    except ValueError as error:
        raise SyntaxError(str(error)) from None
    for node in module.body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test"):
            raise SyntaxError("more than the simulated tests know", (path, node.lineno, 0, ""))
        yield node.name, [_check(path, statement) for statement in node.body]


def _check(path: str, statement: ast.stmt) -> Check:
    match statement:
        case ast.Assert(
            test=ast.Compare(
                left=ast.Constant(value=str(text)),
                ops=[ast.In() | ast.NotIn() as operator],
                comparators=[
                    ast.Call(
                        func=ast.Attribute(
                            attr="read",
                            value=ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=str(file))], keywords=[]),
                        ),
                        args=[],
                        keywords=[],
                    )
                ],
            ),
            msg=ast.Constant(value=str(message)),
        ):
            return Check(statement.lineno, file, text, isinstance(operator, ast.In), message)
    raise SyntaxError("more than the simulated tests know", (path, statement.lineno, 0, ""))


def _first_failure(test: str, checks: list[Check], log: TestLog) -> TestCaseFailure | None:
    path, _, function = test.partition("::")
    for check in checks:
        try:
            found = check.text in log.process.read(check.path).decode()
        except FileNotFoundError as error:
            message = f"[Errno 2] {error.strerror}: {check.path!r}"
            return _failure(test, path, check.line, "FileNotFoundError", message, function)
        if found is not check.wanted:
            return _failure(test, path, check.line, "AssertionError", check.message, function)
    return None


def _failure(test: str, file: str, line: int, exception: str, message: str, function: str | None) -> TestCaseFailure:
    frames = () if function is None else (TestFrame(file=file, line=line, function=function),)
    first = message.strip().partition("\n")[0]
    return TestCaseFailure(test=test, file=file, line=line, exception=exception, message=first, frames=frames)
