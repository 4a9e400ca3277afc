"""How a training run is set up: one TOML file, or environment variables, or nothing at all."""

from __future__ import annotations

import datetime as dt
import difflib
import os
import tomllib
from collections.abc import Mapping
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


def _positive(_: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name}: expected a number above 0, found {value}")


def _not_negative(_: object, attribute: attrs.Attribute[Any], value: int) -> None:
    if value < 0:
        raise ValueError(f"{attribute.name}: expected 0 or more, found {value}")


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
    seed: int = 0
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
    table |= _from_environment(os.environ if environ is None else environ)
    config = _structured(table, str(path))
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
    run_dir = config.run_dir or str(Path.cwd() / "runs" / f"areno-{now}-{os.getpid()}")
    logs = tuple(str(base / Path(log).expanduser()) for log in config.curriculum.logs)
    return attrs.evolve(
        config,
        tasks=tuple(str(base / Path(task).expanduser()) for task in config.tasks),
        run_dir=str(base / Path(run_dir).expanduser()),
        reward=None if config.reward is None else str(base / Path(config.reward).expanduser()),
        tensorboard=config.tensorboard and str(base / Path(config.tensorboard).expanduser()),
        curriculum=attrs.evolve(config.curriculum, logs=logs),
    )


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


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name, kind in get_type_hints(ArenoConfig).items():
        variable = f"{PREFIX}{name.upper()}"
        if variable in environ:
            found[name] = _value(environ[variable], kind)
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
        problem = _unknown(*str(unknown).split("."))
    except ValueError as error:
        problem = str(error)
    raise UsageError(f"{place}: {problem}") from None


def _unknown(owner: str, name: str) -> str:
    known = list(attrs.fields_dict(Curriculum if owner == Curriculum.__name__ else ArenoConfig))
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name}: there is no such option; " + (
        f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"
    )
