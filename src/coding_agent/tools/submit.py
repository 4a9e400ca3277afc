"""`submit`: the policy says that it is finished. What that means for the episode is decided elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal

import attrs

from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.schema import About


@attrs.frozen(kw_only=True)
class Submit:
    status: Annotated[Literal["solved", "blocked"], About("`solved`, or `blocked` when it can not be done.")]
    summary: Annotated[str, About("What was changed and why, or what is in the way.", None, 20_000)]


async def submit(arguments: Submit, _context: ToolContext) -> ToolAnswer:
    """Acknowledge."""
    return ToolAnswer(outcome="ok", text=f"Submitted as {arguments.status}.")


TOOL = Tool(
    name="submit",
    description="End the episode: the work is done and tested (`solved`), or can not be done (`blocked`).",
    arguments=Submit,
    run=submit,
)
