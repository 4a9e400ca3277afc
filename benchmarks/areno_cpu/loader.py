"""A dataset loader for `areno train` that brings the CPU backend along: AReno loads this file before it looks for a backend.

`--dataset-loader-fn benchmarks/areno_cpu/loader.py` wraps the project's own loader, and changes nothing about it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import random
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))
importlib.import_module("benchmarks.areno_cpu.backend")


def load_training_dataset(path: str, **given: Any) -> Any:
    """What our own loader returns, loaded by its path as AReno would."""
    package = importlib.util.find_spec("coding_agent.areno")
    if package is None or not package.submodule_search_locations:
        raise ImportError("coding_agent is not installed in the environment that runs `areno`")
    file = Path(package.submodule_search_locations[0]) / "dataset_loader.py"
    spec = importlib.util.spec_from_file_location("coding_agent_dataset_loader", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} can not be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load_training_dataset(path, **given)


def load_rows(path: str, **given: Any) -> list[dict[str, Any]]:
    """Rows for `--algo sft` as `benchmarks.areno_cpu.rows` wrote them, shuffled, as AReno takes them in order."""
    del given
    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    random.Random(0).shuffle(rows)
    return rows
