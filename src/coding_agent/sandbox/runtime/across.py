"""Calling the code under test in a process of its own, so that it can neither read nor touch the tests.

That process is started before the one of the tests gives up its privileges: only then can files be hidden from it.

Tests import the module as ever and get a stand-in: functions that send their arguments across and wait, exception
classes, plain values. Only plain values cross, by copy and by exact type: None, bool, int, float, str, bytes, list,
tuple, set, frozenset and dict. Whatever else a function returns is a TypeError in the test.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import inspect
import json
import os
import site
import socket
import struct
import sys
import threading
import types
from collections.abc import Collection, Sequence
from typing import Any

from . import confine, reap
from .plain import CanNotCross, pack, unpack

MAX_FRAME = 64 << 20
_NEVER_ASKED = ("__", "pytest", "setup_module", "setUpModule", "teardown_module", "tearDownModule")
"""Names that Python and pytest look for in a package by themselves."""
_PROGRAM = "import sys; sys.path[0] = sys.argv[1]; from %s.across import serve; serve(int(sys.argv[2]))" % __package__


def start(hidden: list[str], config: dict[str, Any]) -> int:
    """Start the process of the code under test, for which the files `hidden` are empty; the tests' end of the line to it.

    A fresh interpreter: a fork would have what this one has read in its memory. Raises OSError.
    """
    ours, theirs = socket.socketpair()
    failed, fails = os.pipe()
    if os.fork() == 0:
        try:
            if config["namespaces"]:
                confine.hide(hidden)
            confine.drop(config["namespaces"])
            reap.close_all_but({theirs.fileno(), fails})
            theirs.set_inheritable(True)
            # A pipe can be opened again to read from it, and pytest may tell there what a test is called.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            words = [sys.executable, "-B", "-s", "-S", "-c", _PROGRAM, config["package_parent"], str(theirs.fileno())]
            os.execv(words[0], words)
        except BaseException as error:
            os.write(fails, repr(error).encode("utf-8", "replace")[:400])
        finally:
            os._exit(70)
    theirs.close()
    os.close(fails)
    reason = os.read(failed, 400)
    os.close(failed)
    if reason:
        raise OSError("the code under test could not be set apart: " + reason.decode("utf-8", "replace"))
    return ours.detach()


def call_across(modules: Sequence[str], line: int, root: str, own: Collection[str]) -> None:
    """From here on these modules, and what is below them, are imported at the other end of the line; so are packages
    that they lie in, unless those are among the `own` files of the tests."""
    # Who is there is of the same user: it may not open this process's memory or descriptors.
    confine.let_look(False)
    parents = {name[:at] for name in modules for at, letter in enumerate(name) if letter == "."}
    theirs = {name for name in parents if not _is_own(name, own)}
    sys.meta_path.insert(0, _Finder(modules, theirs, root, _Caller(modules, socket.socket(fileno=line))))


def _is_own(package: str, own: Collection[str]) -> bool:
    file = "/" + package.replace(".", "/") + "/__init__.py"
    above = [("/" + path)[: -len(file)] for path in own if ("/" + path).endswith(file)]
    return any((folder + "/__init__.py")[1:] not in own for folder in above)


def serve(line: int) -> None:
    """The program at the other end, which never returns."""
    site.setquit()
    site.setcopyright()
    site.sethelper()
    sys.argv = [""]
    try:
        _serve(socket.socket(fileno=line))
    finally:
        os._exit(0)


class _Caller:
    """The tests' end of the line."""

    def __init__(self, modules: Sequence[str], sock: socket.socket) -> None:
        self._modules = modules
        self._sock, self._one_at_a_time = sock, threading.RLock()
        self._classes: dict[tuple[str, str], type[BaseException]] = {}

    def ask(self, **request: Any) -> Any:
        with self._one_at_a_time:
            _send(self._sock, json.dumps(request))
            answer = _receive(self._sock)
        if answer is None:
            raise RuntimeError("the process of the code under test has ended")
        if "raised" in answer:
            raise self._exception(answer["raised"])
        return answer

    def module(self, name: str, asked: str) -> types.ModuleType:
        """A stand-in for a module of theirs; any other one would be imported, and run, on this side."""
        if not _among(name, self._modules):
            if name == asked:
                # `from package import module` goes on to import the one that the tests may have.
                raise AttributeError(name)
            raise CanNotCross("module %r can not cross to the tests; import it in the test" % name)
        return importlib.import_module(name)

    def exception_class(self, lineage: Sequence[Sequence[str]]) -> type[BaseException]:
        """The tests' own class for an exception of the other side, by its names from itself to a built-in."""
        module, name, bases = str(lineage[0]), str(lineage[1]), lineage[2]
        if not bases or module == "builtins":
            known: Any = getattr(builtins, name, None)
            usable = isinstance(known, type) and issubclass(known, (Exception, SystemExit))
            # These would end the loop of a `map` in the test, which would go on as if all were done (as in PEP 479).
            usable = usable and not issubclass(known, (StopIteration, StopAsyncIteration))
            return known if usable else RuntimeError
        if (module, name) not in self._classes:
            kinds = tuple(map(self.exception_class, bases))
            self._classes[module, name] = type(name, kinds, {"__module__": module, "__str__": _text})
        return self._classes[module, name]

    def _exception(self, raised: dict[str, Any]) -> BaseException:
        kind = self.exception_class(raised["lineage"])
        try:
            error = kind(*unpack(raised["args"]))
            if kind.__module__ != "builtins":
                error.told = str(raised["text"])  # type: ignore[attr-defined]
            return error
        except Exception:
            return RuntimeError("%s: %s" % (kind.__name__, raised["text"]))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes a stand-in for each module that is called across."""

    def __init__(self, modules: Sequence[str], parents: Collection[str], root: str, caller: _Caller) -> None:
        self._modules, self._parents, self._root, self._caller = tuple(modules), parents, root, caller

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname not in self._parents and not _among(fullname, self._modules):
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        if fullname in self._parents:
            # What the tests have in it themselves is found as ever.
            folder = fullname.rpartition(".")[2]
            within = [entry or self._root for entry in sys.path if type(entry) is str] if path is None else [*path]
            spec.submodule_search_locations = [os.path.join(entry, folder) for entry in within]
        return spec

    def create_module(self, spec: Any) -> types.ModuleType:
        self._caller.ask(load=spec.name, path=[entry for entry in sys.path if type(entry) is str])
        return _StandIn(spec.name, self._caller, spec.submodule_search_locations or ())

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def _among(fullname: str, modules: Sequence[str]) -> bool:
    return any(fullname == name or fullname.startswith(name + ".") for name in modules)


class _StandIn(types.ModuleType):
    def __init__(self, name: str, caller: _Caller, within: Collection[str]) -> None:
        """`within`: where the tests may have modules of their own in this package."""
        super().__init__(name)
        self.__dict__.update(_caller=caller, _within=[*within])

    def __getattr__(self, name: str) -> Any:
        caller, module = self.__dict__["_caller"], self.__name__
        if name.startswith(_NEVER_ASKED):
            raise AttributeError(name)
        own = module + "." + name
        if importlib.machinery.PathFinder.find_spec(own, self.__dict__["_within"]) is not None:
            # Whatever the package says that it is.
            return importlib.import_module(own)
        found = caller.ask(module=module, name=name)
        if found["kind"] == "missing":
            raise AttributeError("module %r has no attribute %r" % (module, name))
        if found["kind"] == "module":
            return caller.module(found["name"], asked=module + "." + name)
        if found["kind"] == "exception":
            return caller.exception_class(found["lineage"])
        if found["kind"] == "value":
            return unpack(found["value"])

        def call(*args: Any, **kwargs: Any) -> Any:
            packed = pack([list(args), kwargs])
            return unpack(caller.ask(module=module, name=name, call=packed)["value"])

        call.__name__ = call.__qualname__ = name
        call.__module__ = module
        self.__dict__[name] = call
        return call


def _serve(sock: socket.socket) -> None:
    """The other end: import, look up, call, until the tests hang up."""
    while True:
        request = _receive(sock)
        if request is None:
            return
        try:
            answer = json.dumps(_answer(request))
        except BaseException as error:
            answer = json.dumps({"raised": _raised(error)})
        _send(sock, answer)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    if "load" in request:
        sys.path[:] = request["path"]
        importlib.import_module(request["load"])
        return {}
    module = importlib.import_module(request["module"])
    if "call" in request:
        args, kwargs = unpack(request["call"])
        return {"value": pack(getattr(module, request["name"])(*args, **kwargs))}
    missing = object()
    return _describe(getattr(module, request["name"], missing), missing)


def _describe(value: Any, missing: object) -> dict[str, Any]:
    if value is missing:
        return {"kind": "missing"}
    if inspect.ismodule(value):
        return {"kind": "module", "name": value.__name__}
    if isinstance(value, type) and issubclass(value, BaseException):
        return {"kind": "exception", "lineage": _lineage(value)}
    if callable(value):
        return {"kind": "function"}
    return {"kind": "value", "value": pack(value)}


def _text(error: Any) -> str:
    return error.told if "told" in error.__dict__ else BaseException.__str__(error)


def _lineage(kind: type[BaseException]) -> list[Any]:
    below = [base for base in kind.__bases__ if issubclass(base, BaseException)]
    return [kind.__module__, kind.__name__, [] if kind.__module__ == "builtins" else [_lineage(base) for base in below]]


def _raised(error: BaseException) -> dict[str, Any]:
    try:
        told = error.args if not isinstance(error, OSError) or error.filename is None else (*error.args, error.filename)
        args, text = pack(tuple(told)), str(error)
    except Exception:
        text = "(its message can not be shown)"
        args = pack((text,))
    return {"lineage": _lineage(type(error)), "args": args, "text": text}


def _send(sock: socket.socket, message: str) -> None:
    body = message.encode()
    sock.sendall(struct.pack(">I", len(body)) + body)


def _receive(sock: socket.socket) -> dict[str, Any] | None:
    """None when the other side has gone, or says what is no message."""
    try:
        head = sock.recv(4, socket.MSG_WAITALL)
        size = struct.unpack(">I", head)[0] if len(head) == 4 else 0
        if not 0 < size <= MAX_FRAME:
            return None
        message = json.loads(sock.recv(size, socket.MSG_WAITALL))
    except (OSError, ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
