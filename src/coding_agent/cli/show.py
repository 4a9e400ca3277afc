"""`coding-agent show`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.syntax import Syntax
from rich.text import Text

from coding_agent.cli import exits
from coding_agent.cli.logs import load
from coding_agent.cli.output import out, write_bytes
from coding_agent.errors import UsageError
from coding_agent.events.schema import ToolCall
from coding_agent.projections.patch import patch
from coding_agent.projections.transcript import INLINE, SHORT_LINES, Block, transcript

STYLES = {
    "header": "bold", "message": "dim", "thought": "bold cyan", "call": "bold", "diff": "", "result": "",
    "failure": "red", "notice": "yellow", "grade": "bold", "done": "bold",
}  # fmt: skip
EDITS = {"replace_text": {"old": "-", "new": "+"}, "write_file": {"content": "+"}}
"""Arguments that are text taken out or put in."""
MARKS = {"thought": "●", "call": "→", "result": "←", "failure": "✗", "notice": "!", "grade": "⚖", "done": "■"}


@click.command(epilog=exits.HELP)
@click.argument("log", type=click.Path(exists=True, dir_okay=False, readable=False, path_type=Path))
@click.option("--turn", type=click.IntRange(min=0), help="Only this turn; 0 is the opening.")
@click.option("--full", is_flag=True, help="Whole texts instead of their beginnings.")
@click.option("--patch", "only_patch", is_flag=True, help="Only the patch: what the episode changed, as a diff.")
def command(log: Path, turn: int | None, full: bool, only_patch: bool) -> int:
    """Read an episode: its outcome first, then turns, tools, diffs, results. `#7` is the event with seq 7.

    Example: coding-agent show replays/ep123.jsonl --turn 3
    """
    loaded = load(log)
    blocks = transcript(loaded.events, turn=turn, full=full)
    if turn is not None and not blocks:
        turns = sum(block.kind == "thought" for block in transcript(loaded.events))
        raise UsageError(f"{log}: there is no turn {turn}; the episode has {turns}")
    if only_patch:
        _show_patch(patch(loaded.events, loaded.read_blob, until_turn=turn))
        return exits.OK
    if turn is None:
        for block in transcript(loaded.events):
            if block.kind in {"grade", "done"}:
                show(block)
        out.print()
    for block in blocks:
        show(block)
        event = loaded.events[block.seq]
        if block.kind == "call" and isinstance(event, ToolCall):
            _show_arguments(event, full=full)
    return exits.OK


def _show_arguments(call: ToolCall, *, full: bool) -> None:
    """What the one line of a call leaves out: the text that an edit changes, and, if `full`, every other long text."""
    texts = {name: value for name, value in call.arguments.items() if isinstance(value, str)}
    signs = EDITS.get(call.tool, {})
    lines = [sign + line for name, sign in signs.items() for line in texts.get(name, "").split("\n")]
    if not full and len(lines) > SHORT_LINES:
        lines = [*lines[:SHORT_LINES], f"… {len(lines) - SHORT_LINES} more lines"]
    if lines:
        out.print(_coloured("\n".join(lines)))
    if full:
        for name in sorted(texts.keys() - signs.keys() - {"patch"}):
            if "\n" in texts[name] or len(texts[name]) > INLINE:
                out.print("\n".join(f"    {line}" for line in (f"{name}:", *texts[name].split("\n"))), markup=False)


def _show_patch(diff: str) -> None:
    """Coloured for people; for a pipe byte for byte, so that `git apply` takes it."""
    if out.is_terminal:
        out.print(_coloured(diff))
    else:
        # Not through click, which takes terminals' escapes out of what goes into a pipe, and so out of the code.
        write_bytes(diff.encode())


def _coloured(diff: str) -> Syntax:
    return Syntax(diff.rstrip("\n"), "diff", background_color="default", word_wrap=True)


def show(block: Block) -> None:
    """One block, coloured."""
    style = STYLES[block.kind]
    if block.kind == "grade":
        style = "bold green" if block.title.startswith("passed") else "bold red"
    if block.kind != "diff":
        line = Text(f"{MARKS.get(block.kind, ' ')} {block.title}", style=style)
        out.print(line.append(f"  #{block.seq}", style="dim not bold"))
    if not block.body:
        return
    if block.kind == "diff":
        out.print(_coloured(block.body))
    else:
        out.print(
            Text("\n".join(f"    {line}" for line in block.body.split("\n")), style="" if style == "bold" else style)
        )
