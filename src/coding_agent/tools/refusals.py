"""What a policy is told when the sandbox refuses a request: the reason, and what to do next."""

from __future__ import annotations

from coding_agent.events.schema import ToolOutcome
from coding_agent.sandbox.base import RefusalCode, Refused
from coding_agent.tools.base import ToolAnswer

FORBIDDEN: frozenset[RefusalCode] = frozenset({"outside", "git_dir", "symlink", "special_file", "bad_name"})
"""Refusals of the path itself: nothing was run."""

_ADVICE: dict[RefusalCode, str] = {
    "not_found": "There is no such file or directory. See what is there with `list_files`.",
    "is_directory": "It is a directory; name a file in it. See what is there with `list_files`.",
    "not_directory": "It is not a directory; name a directory, or use `read_file`.",
    "symlink": "Symbolic links are not followed. Name the file that it points to.",
    "outside": "Paths are relative to the workspace, such as `src/a.py`: not absolute and without `..`.",
    "git_dir": "`.git` is not part of the workspace and can not be read or changed.",
    "special_file": "It is not a regular file.",
    "too_large": "It is too large for this tool. Work on a part of it with `run_command`.",
    "exists": "It is there already. Read it first, or choose another path.",
    "changed": "It was changed in the meantime. Read it again and repeat the edit.",
    "no_space": "The workspace is full. Delete what is not needed with `run_command`.",
    "bad_name": "A path is made of names that are not empty, at most 255 bytes each, without NUL.",
    "bad_pattern": "Mend the pattern; escape what is meant literally, such as `\\(`.",
    "permission": "The file permissions do not allow it. Change them with `run_command`.",
}


def refusal_answer(refused: Refused) -> ToolAnswer:
    """The answer to a call that the sandbox refused."""
    outcome: ToolOutcome = "denied" if refused.code in FORBIDDEN else "error"
    detail = f" ({refused.detail})" if refused.detail else ""
    text = f"{refused.path}: {refused.code.replace('_', ' ')}{detail}. {_ADVICE[refused.code]}"
    return ToolAnswer(outcome=outcome, text=text)


def is_refusal(text: str) -> bool:
    """Whether this is what a policy is told when the sandbox refuses. It begins with a path, which can say anything."""
    return text.endswith(tuple(_ADVICE.values()))
