"""Exported conversations as rows for `areno train --algo sft`: ids, and which of them the policy said.

python -m benchmarks.areno_cpu.rows CHECKPOINT OUT.jsonl EXPORT.jsonl …
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

Row = dict[str, list[Any]]


def row_of(tokenizer: Any, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Row:
    """Raises ValueError when the template does not render a conversation as the beginning of a longer one."""
    shown = [_with_objects(message) for message in messages]
    tokens = _ids(tokenizer, shown, tools, prompt=False)
    mask = [True] * len(tokens)
    for index, message in enumerate(shown):
        if message["role"] != "assistant":
            continue
        before = _ids(tokenizer, shown[:index], tools, prompt=True)
        if tokens[: len(before)] != before:
            raise ValueError(f"message {index}: the prompt is not how the whole conversation begins")
        end = tokens.index(tokenizer.eos_token_id, len(before))
        mask[len(before) : end + 1] = [False] * (end + 1 - len(before))
    return {"tokens": tokens, "prompt_mask": mask}


def _ids(tokenizer: Any, messages: list[dict[str, Any]], tools: list[dict[str, Any]], *, prompt: bool) -> list[int]:
    found = tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=prompt, return_dict=False)
    return list(found)


def _with_objects(message: dict[str, Any]) -> dict[str, Any]:
    """Arguments as objects, which is how AReno's proxy hands them to a template."""
    calls = [
        {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"])}}
        for call in message.get("tool_calls", ())
    ]
    return {**message, "tool_calls": calls} if calls else message


def main(checkpoint: str, out: str, *exports: str) -> int:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    count = 0
    with Path(out).open("w") as file:
        for export in exports:
            for line in Path(export).read_text().splitlines():
                example = json.loads(line)
                row = row_of(tokenizer, example["messages"], example["tools"])
                file.write(json.dumps(row) + "\n")
                count += 1
    print(f"{out}: {count} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
