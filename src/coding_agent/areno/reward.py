"""For `areno train --reward-fn-path`: loaded by path, so it must hold the function itself."""

from coding_agent.areno.verdict import score


def reward_fn(record):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201  AReno's own types
    """The reward of a sample, read from its log; grading was done when the log was written."""
    return score(record)
