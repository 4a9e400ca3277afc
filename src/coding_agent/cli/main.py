"""`coding-agent`: the commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence

import click
import structlog

from coding_agent import __version__
from coding_agent.cli import exits
from coding_agent.cli.output import ErrLogger, err, prepare_streams, settle_streams
from coding_agent.errors import (
    CodingAgentError,
    LogDamaged,
    LogIncompatible,
    LogTorn,
    SandboxUnavailable,
    StoreError,
    StoreUnreadable,
    StoreUnwritable,
)
from coding_agent.rollout.oplog import processors
from coding_agent.rollout.secrets import own_secrets

COMMANDS = {
    "rollout": "Roll out tasks with a policy; each episode becomes a log.",
    "replay": "Re-derive recorded episodes with today's code.",
    "resume": "Go on with a run that was killed or stopped.",
    "fork": "Go elsewhere from an event of a recorded episode.",
    "record": "Keep a finished episode as a regression test.",
    "verify": "Check every byte of logs, and what the manifest knows.",
    "recover": "Cut the torn tail of a log; the original is kept.",
    "show": "Read an episode: turns, tools, diffs, outcome and why.",
    "stats": "Sum up a run.",
    "score": "Compute rewards from logs; nothing is run.",
    "audit": "Find cheat patterns in recorded episodes; no reward changes.",
    "export": "Write training rows from logs.",
    "areno-args": "Print what `areno train` needs to train on tasks.",
    "tasks": "List tasks, or prove that they are sound.",
    "doctor": "Try every promise of the sandbox on this machine.",
}


class LazyGroup(click.Group):
    """Imports a command only when it is used, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"coding_agent.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, epilog=exits.HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="coding-agent")
@click.option("--verbose", is_flag=True, help="Operational log at level debug, on stderr.")
def cli(verbose: bool) -> None:
    """Coding agents whose every episode is a log: roll out, replay, re-score, explain.

    A first round: `coding-agent rollout tasks`, then `coding-agent show` on one of the logs that it names, then
    `coding-agent replay` on the same log. Completion: `eval "$(_CODING_AGENT_COMPLETE=bash_source coding-agent)"`
    (or zsh_source, fish_source).
    """
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.WARNING),
        logger_factory=lambda *_: ErrLogger(),
        processors=processors(),
    )


def exit_code(error: CodingAgentError) -> int:
    """What the process exits with for an error that nobody handled."""
    if isinstance(error, SandboxUnavailable):
        return exits.NO_SANDBOX
    if isinstance(error, StoreUnreadable | StoreUnwritable):
        return exits.REFUSED
    if isinstance(error, LogIncompatible):
        return exits.INCOMPATIBLE
    return exits.DAMAGED if isinstance(error, StoreError) else exits.USAGE


def advice_for(error: CodingAgentError) -> str | None:
    """What to do about a log that is not intact; other errors say it themselves."""
    if not isinstance(error, LogTorn | LogDamaged | LogIncompatible | StoreUnreadable):
        return None
    from coding_agent.store.rundir import advice_about  # noqa: PLC0415  so that `--help` is quick

    return advice_about(error).text


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    prepare_streams()
    code = _run(arguments)
    settle_streams()
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=arguments, standalone_mode=False)
    except click.exceptions.Abort:
        code = exits.INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except CodingAgentError as error:
        err.print(f"[bold red]error:[/] {type(error).__name__}", end=": ")
        err.print(own_secrets().scrub(str(error))[0], markup=False)
        if advice := advice_for(error):
            err.print(f"  next: {advice}", markup=False)
        code = exit_code(error)
    except OSError as error:
        if structlog.is_configured():
            structlog.get_logger("coding_agent.cli").debug("refused by the system", exc_info=error)
        err.print("[bold red]error:[/] ", end="")
        err.print(f"{error.filename}: {error.strerror}" if error.filename else f"output: {error}", markup=False)
        code = exits.REFUSED
    except SystemExit:
        # So click ends a command whose output nobody reads.
        code = exits.UNREAD
    return code if isinstance(code, int) else exits.OK


if __name__ == "__main__":
    main()
