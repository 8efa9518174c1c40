"""`appsplus sample`: completions of any model for the problems of a split, into `samples.jsonl`."""

import json
import os
import shlex
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from appsplus.cli import UsageError
from appsplus.cli.options import AsJson, DatasetDir
from appsplus.cli.progress import shown_progress
from appsplus.errors import InputError, MissingExtraError
from appsplus.evaluation.backends import Backend, Sampling
from appsplus.evaluation.backends.server import CHAT, ENDPOINTS, Patience, Server
from appsplus.evaluation.samples import meta_path
from appsplus.evaluation.sampling import ALL, Plan, Sampled, make_samples
from appsplus.release import read_manifest
from appsplus.release.schema import SPLITS

SPLIT_NAMES = (*SPLITS, ALL)
_HF, _OPENAI = "hf", "openai"
_SHOWN_REFUSALS = 5
_DEFAULT_TRIES, _DEFAULT_TIMEOUT_S, _DEFAULT_CONCURRENCY = (
    Patience().tries,
    Patience().timeout_s,
    Patience().concurrency,
)


def sample(
    folder: DatasetDir,
    *,
    model: Annotated[
        str, typer.Option(help="hf:ID_OR_PATH[@REVISION], run here; or openai:NAME, asked for at --base-url.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the samples go; a file of this run goes on.")],
    split: Annotated[str, typer.Option(help=f"One of {', '.join(SPLIT_NAMES)}.")] = "test",
    num_samples: Annotated[int, typer.Option(min=1, help="Samples of each problem.")] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="0: always the likeliest token.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="Nucleus; used where --temperature is above 0.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest completion.")] = 2048,
    seed: Annotated[int, typer.Option(help="Every sample has its own, made from this one.")] = 0,
    shots: Annotated[int, typer.Option(min=0, help="Few-shot examples, from the split train; 0: zero-shot.")] = 0,
    limit: Annotated[int, typer.Option(min=0, help="Only the first problems of the split; 0: all.")] = 0,
    base_url: Annotated[
        str, typer.Option(help="openai: address up to /v1, e.g. http://127.0.0.1:8000/v1.", show_default=False)
    ] = "",
    endpoint: Annotated[str, typer.Option(help=f"openai: {' or '.join(ENDPOINTS)}.")] = CHAT,
    api_key_env: Annotated[str, typer.Option(help="openai: the variable that holds the token.")] = "OPENAI_API_KEY",
    concurrency: Annotated[
        int, typer.Option(min=1, max=1024, help="openai: requests under way at once.")
    ] = _DEFAULT_CONCURRENCY,
    requests_per_minute: Annotated[float, typer.Option(min=0, help="openai: at most so many; 0: no limit.")] = 0.0,
    tries: Annotated[int, typer.Option(min=1, help="openai: of one request, before the run stops.")] = _DEFAULT_TRIES,
    timeout_s: Annotated[
        float, typer.Option(min=0.1, help="openai: silence after which a request is tried again.")
    ] = _DEFAULT_TIMEOUT_S,
    request_fields: Annotated[
        str, typer.Option(help="openai: JSON to put into every request; null leaves a field out.", show_default=False)
    ] = "",
    batch: Annotated[int, typer.Option(min=1, help="hf: completions written at once.")] = 8,
    device: Annotated[
        str, typer.Option(help="hf: cpu, cuda, cuda:1, ...; auto takes the GPU, if there is one.")
    ] = "auto",
    dtype: Annotated[str, typer.Option(help="hf: float32, bfloat16, ...; auto is that of the weights.")] = "auto",
    open_block: Annotated[
        bool, typer.Option(help="hf: begin the answer of a chat model with an open block of code, as training does.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Sample completions of a model, and write them to FILE as they come. Stopped, the same command goes on."""
    if split not in SPLIT_NAMES:
        raise UsageError(f"--split {split} is not known; expected one of: {', '.join(SPLIT_NAMES)}")
    if endpoint not in ENDPOINTS:
        raise UsageError(f"--endpoint {endpoint} is not known; expected one of: {', '.join(ENDPOINTS)}")
    if not top_p:
        raise UsageError("--top-p 0 leaves no token to choose; expected more than 0 and at most 1")
    kind, _, name = model.partition(":")
    if kind not in (_HF, _OPENAI) or not name:
        raise UsageError(f"--model {model} is not known; expected {_HF}:ID_OR_PATH or {_OPENAI}:NAME")
    read_manifest(folder)  # is it a dataset? A model may take minutes to load
    plan = Plan(folder, Sampling(temperature, top_p, max_tokens), split, num_samples, seed, shots, limit)
    with ExitStack() as stack:
        progress = stack.enter_context(shown_progress("samples", None))
        backend: Backend
        if kind == _OPENAI:
            if not base_url:
                raise UsageError(f"--model {model} needs --base-url, such as http://127.0.0.1:8000/v1")
            backend = Server(
                base_url,
                name,
                plan.sampling,
                endpoint=endpoint,
                token=_token(api_key_env),
                fields=_fields(request_fields),
                patience=Patience(concurrency, requests_per_minute, tries, timeout_s),
                tell=progress.tell,
            )
        else:
            backend = _local(name, plan.sampling, batch, device, dtype, open_block)
        command = shlex.join(["appsplus", *sys.argv[1:]])
        start = partial(progress.start, "sampling")
        done = make_samples(plan, backend, out, command=command, start=start, advance=progress.advance)
    _print_outcome(done, out, plan, as_json=as_json)


def _print_outcome(done: Sampled, out: Path, plan: Plan, *, as_json: bool) -> None:
    refused = [
        {"problem_id": r.request.problem.problem_id, "sample_index": r.request.sample_index, "detail": r.detail}
        for r in done.refusals
    ]
    if done.recovered:
        print(done.recovered, file=sys.stderr)
    if as_json:
        told: dict[str, Any] = {"path": str(out), "meta": str(meta_path(out)), "samples": done.num_samples}
        print(json.dumps(told | {"new": done.num_new, "refused": refused}))
    else:
        print(f"{done.num_samples:,} samples of the split {plan.split} are in {out}, {done.num_new:,} of them new.")
        print(f"How they were made is in {meta_path(out)}. Judge them:")
        print(f"    appsplus evaluate {plan.dataset} --samples {out} --split {plan.split} --out results.json")
    if refused:
        for entry in refused[:_SHOWN_REFUSALS]:
            print(
                f"not made: {entry['problem_id']}, sample {entry['sample_index']}: {entry['detail']}", file=sys.stderr
            )
        if len(refused) > _SHOWN_REFUSALS:
            print(f"... and {len(refused) - _SHOWN_REFUSALS:,} more", file=sys.stderr)
        raise typer.Exit(1)


def _token(variable: str) -> str:
    token = os.environ.get(variable, "").strip()
    if not (token.isascii() and (token.isprintable())):
        raise InputError(f"the variable {variable} holds no token: expected printable ASCII characters. Set it anew")
    return token


def _fields(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text or "{}")
    except ValueError as error:
        raise UsageError(
            f"--request-fields is no JSON ({error}); expected an object such as '{{\"top_k\": 20}}'"
        ) from None
    if not isinstance(fields, dict):
        raise UsageError(f"--request-fields {text} is no object; expected one such as '{{\"top_k\": 20}}'")
    return fields


def _local(name: str, sampling: Sampling, batch: int, device: str, dtype: str, open_block: bool) -> Backend:
    try:
        from appsplus.evaluation.backends.local import LocalModel
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"--model hf:{name} needs {error.name}, which is not installed: pip install 'appsplus[sample]' (torch first, in"
            " the build that fits the machine)"
        ) from None
    revision = None
    if not Path(name).exists() and "@" in name:
        name, _, revision = name.partition("@")
    return LocalModel(name, sampling, revision=revision, batch=batch, device=device, dtype=dtype, open_block=open_block)
