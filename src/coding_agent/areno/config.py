"""How a training run is set up: one TOML file, or environment variables, or nothing at all."""

from __future__ import annotations

import datetime as dt
import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import unquote

import attrs

from coding_agent.areno.curriculum import Curriculum
from coding_agent.errors import UsageError
from coding_agent.events.strict import Rejected, UnknownField, strict_reader
from coding_agent.projections.tokens import Trainable

URL = "file://"
PREFIX = "CODING_AGENT_"
"""Of environment variables: `CODING_AGENT_RUN_DIR` is the option `run_dir`; values as in TOML, or plain text."""
OTHERS = frozenset({"CODING_AGENT_SECRETS", "CODING_AGENT_CANARY", "CODING_AGENT_IMAGE", "CODING_AGENT_OOM"})
"""Variables that other parts of the project read."""
LARGEST = 2**53
"""Of a number that a log can hold."""


def _positive(_: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name}: expected a number above 0, found {value}")
    _bounded(_, attribute, value)


def _not_negative(_: object, attribute: attrs.Attribute[Any], value: int) -> None:
    if value < 0:
        raise ValueError(f"{attribute.name}: expected 0 or more, found {value}")
    _bounded(_, attribute, value)


def _bounded(_: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not abs(value) <= LARGEST:
        raise ValueError(f"{attribute.name}: expected a finite number of at most 2^53, found {value}")


@attrs.frozen(kw_only=True)
class ArenoConfig:
    """Everything that the hooks can be told. Times in seconds."""

    tasks: tuple[str, ...] = ("tasks",)
    """Task folders, or folders of them; relative to the file that names them."""
    run_dir: str = ""
    """Where the logs go. An existing run is gone on with; empty: `runs/areno-<time>-<pid>`."""
    sandbox: str = "bubblewrap"
    toolset: str = "default"
    max_turns: int | None = attrs.field(default=None, validator=_positive)
    """Instead of each task's own limit; so are the next two."""
    max_tokens: int | None = attrs.field(default=None, validator=_positive)
    """Prompt and completion of all turns of an episode."""
    max_seconds: float | None = attrs.field(default=None, validator=_positive)
    """Of an episode, from its sandbox on."""
    max_new_tokens: int | None = attrs.field(default=None, validator=_positive)
    """Of one turn; AReno's own `--max-new-tokens` if None."""
    context_tokens: int | None = attrs.field(default=None, validator=_positive)
    """Prompt and completion of one turn; learnt from AReno if None."""
    concurrency: int | None = attrs.field(default=None, validator=_positive)
    """Sandboxes at a time; None: as many as AReno runs prompts, so that no model slot waits for a tool."""
    graders: int = attrs.field(factory=lambda: os.cpu_count() or 2, validator=_positive)
    seed: int = attrs.field(default=0, validator=_bounded)
    retries: int = attrs.field(default=1, validator=_not_negative)
    """New attempts after an infrastructure failure, per episode."""
    step_seconds: float = attrs.field(default=1800.0, validator=_positive)
    """After which the episodes of a step that still run are stopped and graded as they are."""
    grading_seconds: float = attrs.field(default=300.0, validator=_positive)
    """How long after that the last gradings may take; what is not graded by then is masked with its group."""
    request_seconds: float = attrs.field(default=1800.0, validator=_positive)
    """Of one model request, waiting in AReno's queue included."""
    max_dead_steps: int = attrs.field(default=3, validator=_positive)
    """Consecutive steps with nothing to learn from after which training is stopped by name."""
    trainable: Trainable = "all"
    drift: Literal["keep", "cut"] = "keep"
    """What becomes of turns from a drifted prompt on: rows like all others (their ids are exact), or left out."""
    history: Literal["raw", "messages"] = "raw"
    """How earlier turns are shown: as the text that was sampled, or with parsed calls for the template to render."""
    reward: str | None = None
    """`FILE[:FN]` as in `coding-agent score --reward`, instead of the default reward."""
    weights: dict[str, float] = attrs.field(factory=dict)
    """Of the default reward's parts."""
    tensorboard: str | None = None
    """AReno's `--metrics-log-dir`; None: where AReno writes by default; empty: nothing is written."""
    durability: Literal["event", "group", "none"] = "group"
    curriculum: Curriculum = attrs.field(factory=Curriculum)

    def to_json(self) -> dict[str, Any]:
        """As a dataset record carries it."""
        return attrs.asdict(self, value_serializer=lambda _, __, value: [*value] if isinstance(value, tuple) else value)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ArenoConfig:
        """Raises UsageError."""
        return _structured(value, "the record's configuration")


def load_config(place: str | Path, environ: Mapping[str, str] | None = None) -> ArenoConfig:
    """From a TOML file or a folder of tasks, also as a file: URL; then from the environment. Paths come out absolute.

    Raises UsageError naming file or variable, key, expected and found.
    """
    path = _path_of(str(place))
    if path.suffix == ".toml" and path.name != "task.toml":
        table, base = _read(path), path.resolve().parent
    else:
        table, base = {"tasks": [str(path)]}, Path.cwd()
    table = _placed(table, base)
    _structured(table, str(path))
    config = _structured(_outweighed(table, os.environ if environ is None else environ), str(path))
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
    return attrs.evolve(
        config,
        tasks=tuple(str(base / task) for task in config.tasks),
        run_dir=config.run_dir or str(Path.cwd() / "runs" / f"areno-{now}-{os.getpid()}"),
    )


def _placed(table: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The same options, with absolute paths. Whatever is of a wrong type stays as it is."""

    def place(value: Any) -> Any:
        return str(base / Path(value).expanduser()) if isinstance(value, str) and value else value

    found = {name: place(value) if name in {"run_dir", "reward", "tensorboard"} else value
             for name, value in table.items()}  # fmt: skip
    if isinstance(found.get("tasks"), list):
        found["tasks"] = [place(each) for each in found["tasks"]]
    if isinstance(curriculum := found.get("curriculum"), dict) and isinstance(curriculum.get("logs"), list):
        found["curriculum"] = {**curriculum, "logs": [place(each) for each in curriculum["logs"]]}
    return found


def _path_of(place: str) -> Path:
    """`areno-args` writes a path that a shell would split as a URL."""
    if place.startswith(URL):
        return Path(unquote(place.removeprefix(URL), errors="surrogateescape"))
    return Path(place).expanduser()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: can not be read: {error.strerror}; give a folder of tasks or a TOML file") from error
    except ValueError as error:
        raise UsageError(f"{path}: not TOML: {error}") from error


def _outweighed(table: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """With what the environment says instead; of a table (weights, curriculum), instead of single keys."""
    found, kinds = dict(table), get_type_hints(ArenoConfig)
    variables = {f"{PREFIX}{name.upper()}": name for name in kinds}
    for variable in sorted(name for name in environ if name.startswith(PREFIX) and name not in OTHERS):
        if variable not in variables:
            raise UsageError(_unknown(variable.removeprefix(PREFIX).lower(), list(kinds), PREFIX))
        name = variables[variable]
        told = _placed({name: _value(environ[variable], kinds[name])}, Path.cwd())[name]
        before = found.get(name)
        found[name] = {**before, **told} if isinstance(told, dict) and isinstance(before, dict) else told
        _structured({name: found[name]}, variable)
    return found


def _value(text: str, kind: Any) -> Any:
    """As TOML would have it; where text is wanted, or a list, the quotes and brackets may be left out."""
    members = {get_origin(each) or each for each in (*get_args(kind), kind)}
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return [text] if get_origin(kind) is tuple else text
    is_text = get_origin(kind) not in {tuple, dict} and (str in members or get_origin(kind) is Literal)
    return text if is_text and not isinstance(value, str) else value


def _structured(table: Mapping[str, Any], place: str) -> ArenoConfig:
    try:
        return strict_reader(written_by_people=True).structure(dict(table), ArenoConfig)
    except Rejected as wrong:
        problem = f"{wrong.path('').removeprefix('.')}: expected {wrong.expected}, found {wrong.found!r}"
    except UnknownField as unknown:
        owner, name = str(unknown).split(".")
        problem = _unknown(name, list(attrs.fields_dict(Curriculum if owner == Curriculum.__name__ else ArenoConfig)))
    except ValueError as error:
        problem = str(error)
    raise UsageError(f"{place}: {problem}") from None


def _unknown(name: str, known: Sequence[str], prefix: str = "") -> str:
    """`prefix`: they are environment variables."""
    close = difflib.get_close_matches(name, known, n=1)
    shown = {each: prefix + each.upper() if prefix else each for each in (name, *known)}
    return f"{shown[name]}: there is no such option; " + (
        f"did you mean {shown[close[0]]}?" if close else f"expected one of {', '.join(shown[each] for each in known)}"
    )
