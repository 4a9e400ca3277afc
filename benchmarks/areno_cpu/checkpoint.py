"""Makes a tiny random model of Qwen3's architecture and a tokenizer for it, from text that is already here.

python -m benchmarks.areno_cpu.checkpoint OUT [--seed N] [--hidden N] [--layers N] [--vocabulary N] [PATH …]

A path is a log, a text file, or a folder of both. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from coding_agent.events.schema import EpisodeStarted, ModelTurn, ToolResult
from coding_agent.policies.wire import tool_to_wire
from coding_agent.store.reader import read_events

END, PAD = "<|im_end|>", "<|endoftext|>"
SPECIAL = (PAD, "<|im_start|>", END)
MARKERS = ("<tool_call>", "</tool_call>")
TEMPLATE = Path(__file__).with_name("template.jinja")
TEXT = {".py", ".md", ".toml", ".patch", ".txt"}


def make_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE: every byte has a token, so nothing that a tool prints is out of its reach."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(MARKERS),
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    # Not special: they are text that AReno's parser must find in the decoded completion.
    bpe.add_tokens([AddedToken(marker, normalized=False) for marker in MARKERS])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD)
    tokenizer.chat_template = TEMPLATE.read_text()
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast, *, hidden: int, layers: int, context: int, seed: int) -> Any:
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=max(hidden // 64, 1),
        head_dim=32,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config)


def make_checkpoint(
    out: Path,
    texts: Iterable[str],
    *,
    vocabulary: int = 2048,
    hidden: int = 128,
    layers: int = 3,
    context: int = 16384,
    seed: int = 0,
) -> int:
    """Write model and tokenizer to a folder; returns the number of parameters."""
    tokenizer = make_tokenizer(texts, vocabulary)
    model = make_model(tokenizer, hidden=hidden, layers=layers, context=context, seed=seed)
    tokenizer.save_pretrained(out)
    model.save_pretrained(out)
    return sum(parameter.numel() for parameter in model.parameters())


def texts_of(paths: Iterable[Path]) -> Iterator[str]:
    """What is worth knowing to a tokenizer, in a fixed order."""
    for path in paths:
        if path.is_dir():
            yield from texts_of(sorted(path.iterdir()))
        elif path.suffix == ".jsonl" and path.name != "manifest.jsonl":
            yield from _texts_of_log(path)
        elif path.suffix in TEXT:
            yield path.read_text(errors="replace")


def _texts_of_log(path: Path) -> Iterator[str]:
    for event in read_events(path):
        match event:
            case EpisodeStarted():
                yield from (message.content or "" for message in event.messages)
                yield from (json.dumps(tool_to_wire(tool), ensure_ascii=False) for tool in event.tools)
            case ModelTurn():
                yield event.content or ""
                yield from (json.dumps({"name": call.name, "arguments": call.arguments}) for call in event.calls)
            case ToolResult():
                yield event.text
            case _:
                pass


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.areno_cpu.checkpoint", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("paths", type=Path, nargs="+")
    for name, default in (("seed", 0), ("hidden", 128), ("layers", 3), ("vocabulary", 2048), ("context", 16384)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = vars(parser.parse_args(arguments))
    out, paths = given.pop("out"), given.pop("paths")
    count = make_checkpoint(out, texts_of(paths), **given)
    print(f"{out}: {count} parameters")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
