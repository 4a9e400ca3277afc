"""Keys and values of several sequences at different lengths, side by side, so that one forward step serves them all.

Knows tensors only; which sequence lives in which slot is the decoder's business.
"""

from __future__ import annotations

import torch


class Slots:
    """Stands where a model of `transformers` expects its cache; the caller gives positions and the 4D mask itself."""

    def __init__(self, config: object, count: int, length: int) -> None:
        shape = (count, config.num_key_value_heads, length, config.head_dim)  # type: ignore[attr-defined]
        layers: int = config.num_hidden_layers  # type: ignore[attr-defined]
        # Untouched pages of a zeroed tensor cost no memory, so the length can be the model's whole context.
        self.keys = [torch.zeros(shape) for _ in range(layers)]
        self.values = [torch.zeros(shape) for _ in range(layers)]
        self.length = length
        self._rows = torch.zeros(0, dtype=torch.long)
        self._starts = torch.zeros(0, dtype=torch.long)
        self._seen = 0

    def extend(self, row: int, start: int, count: int) -> torch.Tensor:
        """The next forward pass appends `count` tokens to one slot; returns its mask."""
        self._rows, self._starts = torch.tensor([row]), torch.tensor([start])
        self._seen = start + count
        places = torch.arange(self._seen)
        return (places <= torch.arange(start, self._seen).unsqueeze(1)).view(1, 1, count, self._seen)

    def advance(self, rows: list[int], starts: list[int]) -> torch.Tensor:
        """The next forward pass appends one token to each of several slots; returns their mask."""
        self._rows, self._starts = torch.tensor(rows), torch.tensor(starts)
        self._seen = max(starts) + 1
        return (torch.arange(self._seen) <= self._starts.unsqueeze(1)).view(len(rows), 1, 1, self._seen)

    def update(self, key: torch.Tensor, value: torch.Tensor, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Called by each attention layer of the model: keep what is new, return all that may be looked at."""
        return self._keep(self.keys[layer], key), self._keep(self.values[layer], value)

    def _keep(self, kept: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        if len(self._rows) == 1:
            row, start = int(self._rows[0]), int(self._starts[0])
            kept[row, :, start : self._seen] = new[0]
            return kept[row : row + 1, :, : self._seen]
        kept[self._rows, :, self._starts] = new[:, :, 0]
        return kept[self._rows, :, : self._seen]

    def copy(self, source: int, target: int, count: int) -> None:
        """Give one slot the first `count` tokens of another."""
        for kept in (*self.keys, *self.values):
            kept[target, :, :count] = kept[source, :, :count]
