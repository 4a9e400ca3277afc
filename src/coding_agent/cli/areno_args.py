"""`coding-agent areno-args`."""

from __future__ import annotations

import re
from pathlib import Path

import click

import coding_agent.areno
from coding_agent.areno.config import load_config
from coding_agent.cli import exits
from coding_agent.errors import UsageError
from coding_agent.tasks.load import find_tasks

HOOKS = Path(coding_agent.areno.__file__).parent


@click.command(epilog=exits.HELP)
@click.argument("tasks", default="tasks", type=click.Path(exists=True, path_type=Path))
@click.option("--max-context-len", default=16384, show_default=True, type=click.IntRange(1),
              help="Tokens of a conversation. Without it AReno holds conversations to its prompt limit.")  # fmt: skip
@click.option("--max-new-tokens", default=2048, show_default=True, type=click.IntRange(1), help="Tokens of one turn.")
@click.option("--max-prompt-tokens", default=4096, show_default=True, type=click.IntRange(1),
              help="AReno skips tasks whose statement is longer.")  # fmt: skip
def command(tasks: Path, max_context_len: int, max_new_tokens: int, max_prompt_tokens: int) -> None:
    """Print what `areno train` needs to train on TASKS: a folder of tasks, or a TOML file of options.

    The hooks' own options (run directory, sandbox, limits, trainable turns, reward, curriculum …) stand in the TOML
    file or in environment variables; docs/areno.md lists them. --algo gspo (AReno's default) and grpo are supported;
    ppo is refused when the tasks are loaded.

    Example: areno train --ckpt Qwen/Qwen3-4B $(coding-agent areno-args tasks)
    """
    find_tasks(load_config(tasks).tasks)
    arguments = {
        "--agent-fn": HOOKS / "run_agent.py",
        "--reward-fn-path": HOOKS / "reward.py",
        "--dataset-loader-fn": f"{HOOKS / 'dataset_loader.py'}:load_training_dataset",
        "--dataset-path": _dataset_path(tasks.resolve()),
        "--max-prompt-tokens": max_prompt_tokens,
        "--max-new-tokens": max_new_tokens,
        "--max-context-len": max_context_len,
        # AReno counts trajectories here, and a trajectory is many rows of nearly the whole context.
        "--mini-bs": 1,
    }
    if not _is_one_word(str(HOOKS)):
        raise UsageError(
            f"coding-agent is installed in {str(HOOKS)!r}, which $(…) would not keep in one piece: expected a path of "
            "letters, digits and /._-; install it in an environment elsewhere"
        )
    click.echo(" ".join(str(word) for pair in arguments.items() for word in pair))


def _dataset_path(path: Path) -> str:
    """Read by our own loader, so that it may be written without what a shell would split or expand."""
    return str(path) if _is_one_word(str(path)) else path.as_uri()


def _is_one_word(text: str) -> bool:
    """A shell leaves it alone where it stands unquoted."""
    return re.fullmatch(r"[\w/.,:+@%=-]+", text, re.ASCII) is not None
