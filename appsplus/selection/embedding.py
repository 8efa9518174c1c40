"""Problems as vectors, by their description and canonical solution.

    tfidf     words and signs of program text, weighed by TF-IDF (sublinear in the count): a sparse matrix
    hf:ID     a model of the Hub, or in a folder, through transformers: mean of the last hidden states over the tokens of the
              text, at most MOST_TOKENS of them, scaled to length 1: a dense matrix

The paper (arXiv:2407.05040) embeds pairs of instruction and code with a model; TF-IDF, which needs none, is ours.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from appsplus.errors import InputError, MissingExtraError
from appsplus.jsonl import write_atomically
from appsplus.problem import Problem

TFIDF, MODEL_PREFIX = "tfidf", "hf:"
MOST_TOKENS = 512
TEXTS_PER_BATCH = 16


def text_of(problem: Problem) -> str:
    """What is embedded."""
    return f"{problem.description.strip()}\n\n{problem.canonical_solution.strip()}\n"


def check_embeddings(name: str) -> None:
    """Raise InputError where `name` is no way to embed."""
    if name != TFIDF and not (name.startswith(MODEL_PREFIX) and len(name) > len(MODEL_PREFIX)):
        raise InputError(f"--embeddings {name} is not known; expected {TFIDF}, or {MODEL_PREFIX}ID for a model")


def embedded(texts: Sequence[str], name: str, cache: Path | None, told: Callable[[int], None]) -> Any:
    """A row for each text. `told` hears how many texts are done. What a model gave is kept in `cache`, batch by batch.

    Raises InputError for a model that cannot be loaded, MissingExtraError where a package is missing.
    """
    check_embeddings(name)
    if name == TFIDF:
        return _tfidf(texts)
    return _by_model(texts, name.removeprefix(MODEL_PREFIX), cache, told)


def _tfidf(texts: Sequence[str]) -> Any:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"`appsplus select` needs {error.name}, which is not installed: pip install 'appsplus[select]'"
        ) from error
    return TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", sublinear_tf=True, dtype=np.float64).fit_transform(texts)


def _by_model(texts: Sequence[str], model: str, cache: Path | None, told: Callable[[int], None]) -> Any:
    encoder: Any = None
    rows: list[Any] = []
    for at in range(0, len(texts), TEXTS_PER_BATCH):
        batch = texts[at : at + TEXTS_PER_BATCH]
        path = None if cache is None else cache / "embeddings" / f"{_key(model, batch)}.npy"
        if path is not None and path.is_file():
            rows.append(np.load(path))
        else:
            encoder = encoder or Encoder(model)
            rows.append(encoder.vectors(batch))
            if path is not None:
                _store(path, rows[-1])
        told(at + len(batch))
    return np.concatenate(rows).astype(np.float64)


def _key(model: str, texts: Sequence[str]) -> str:
    """What a batch of vectors depends on: the model as it is named, or the files of its folder, and the texts."""
    digest = hashlib.sha256(repr((model, MOST_TOKENS, list(texts))).encode("utf-8", "surrogatepass"))
    if Path(model).is_dir():
        for path in sorted(p for p in Path(model).iterdir() if p.is_file()):
            digest.update(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def _store(path: Path, vectors: Any) -> None:
    import io

    path.parent.mkdir(parents=True, exist_ok=True)
    data = io.BytesIO()
    np.save(data, vectors)
    write_atomically(path, data.getvalue())


class Encoder:
    """A model that turns texts into vectors."""

    def __init__(self, model: str) -> None:
        """`model`: an id on the Hub, or a folder. Raises InputError where it cannot be loaded."""
        try:
            import torch
            from transformers import AutoModel, AutoTokenizer
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"--embeddings {MODEL_PREFIX}{model} needs {error.name}, which is not installed: pip install"
                " 'appsplus[sample]'"
            ) from error
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(model)
            self._model: Any = AutoModel.from_pretrained(model, dtype=torch.float32)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"--embeddings {MODEL_PREFIX}{model} cannot be loaded ({str(error).splitlines()[0]}); name a model that"
                " transformers knows, or use tfidf"
            ) from None
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model.to(self._device).eval()
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token

    def vectors(self, texts: Sequence[str]) -> Any:
        """A row of length 1 for each text. -> (B, D)."""
        import torch

        given = self._tokenizer(
            list(texts), truncation=True, max_length=MOST_TOKENS, padding=True, return_tensors="pt"
        ).to(self._device)
        with torch.no_grad():
            hidden = self._model(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).last_hidden_state
        keep = given["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        means = (hidden * keep).sum(1) / keep.sum(1).clamp(min=1)
        return torch.nn.functional.normalize(means, dim=-1).float().cpu().numpy()
