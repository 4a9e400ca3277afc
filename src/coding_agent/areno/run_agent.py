"""For `areno train --agent-fn`: loaded by path, so it must hold the function itself and nothing that needs siblings."""

from coding_agent.areno.adapter import run_step


async def run_agent(ctx, batch):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201  AReno's own types
    """Roll the batch out: every sample becomes a log, its turns come back with the exact tokens."""
    return await run_step(ctx, batch)
