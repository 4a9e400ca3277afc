"""Exit codes, the same for every command."""

from collections.abc import Iterable

OK = 0
DIFFERENT = 1
"""The work was done and the answer is no: a replay diverged, an episode could not be played, a task is not valid."""
USAGE = 2
DAMAGED = 3
INCOMPATIBLE = 4
NO_SANDBOX = 5
"""This host can not keep the sandbox's promises."""
REFUSED = 6
"""No space, no right, or another process at work: nothing is known to be wrong with the request or with what was
written before."""
INTERRUPTED = 130
UNREAD = 141
"""Nobody reads what was to be written; as the shell says it of any program that SIGPIPE ended."""

_GRAVE = (OK, USAGE, DIFFERENT, REFUSED, DAMAGED, INCOMPATIBLE, INTERRUPTED)
"""Of logs looked at together, what decides: what was not judged hides nothing that was found wrong."""


def worst(codes: Iterable[int]) -> int:
    """The exit code of many logs; OK for none."""
    return max(codes, key=_GRAVE.index, default=OK)


HELP = """\
Exit codes: 0 done, nothing wrong; 1 done, and something differs or failed; 2 usage; 3 a log is damaged, torn, missing
or lost to a broken disk; 4 a log is of a format that this release does not know; 5 no sandbox on this host; 6 the
system refuses: a log can not be read or written for lack of a right or of space, another process writes it, or a file
or the output is refused; 130 interrupted; 141 nobody reads the output. Of many logs the worst decides:
4, 3, 6, 1, 2."""
