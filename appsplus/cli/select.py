"""`appsplus select`: a dataset with a smaller train split, pruned by diversity or density."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from appsplus.cli import UsageError
from appsplus.cli.options import AsJson, CacheDir, DatasetDir, NoCache, cache_folder
from appsplus.cli.progress import shown_progress
from appsplus.errors import InputError
from appsplus.release import folder_hash, read_manifest
from appsplus.selection import SelectOptions
from appsplus.selection import select as run_select
from appsplus.selection.pruning import CLUSTERINGS, METRICS

_OWN = SelectOptions()


def select(
    folder: DatasetDir,
    *,
    method: Annotated[str, typer.Option(help=f"{' or '.join(METRICS)}: which problems of a cluster leave first.")],
    share: Annotated[float, typer.Option(help="Of the problems in train that are kept: above 0, at most 1.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the new dataset.")],
    embeddings: Annotated[str, typer.Option(help="tfidf, or hf:ID: a model, through transformers.")] = _OWN.embeddings,
    clustering: Annotated[str, typer.Option(help=f"{' or '.join(CLUSTERINGS)}.")] = _OWN.clustering,
    clusters: Annotated[int, typer.Option(help="Of k-means; 0: the root of half the problems.")] = _OWN.clusters,
    dimensions: Annotated[int, typer.Option(help="After the reduction by PCA, at most.")] = _OWN.dimensions,
    seed: Annotated[int, typer.Option(help="Of PCA and k-means.")] = _OWN.seed,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Keep a share of train, the most diverse or the least dense problems of each cluster; other splits stay whole."""
    try:
        options = SelectOptions(method, share, embeddings, clustering, clusters, dimensions, seed)  # type: ignore[arg-type]
    except InputError as error:
        raise UsageError(str(error)) from None
    total = read_manifest(folder).counts["problems"]
    with shown_progress(outcomes=None) as progress:
        begun: dict[str, int] = {}

        def told(what: str, done: int) -> None:
            if what not in begun:
                begun[what] = 0
                progress.start(what, total if what == "writing" else None)
            for _ in range(done - begun[what]):
                progress.advance("done")
            begun[what] = done

        cache = None if no_cache else cache_folder(cache_dir)
        found = run_select(folder, out, options, cache=cache, told=told)
    if as_json:
        answer = {"path": str(out), "hash": folder_hash(out), "given": found.given, "kept": found.kept}
        print(json.dumps({**answer, "clusters": found.clusters, "options": asdict(options)}))
        return
    print(f"Kept {found.kept:,} of {found.given:,} problems in train; validation and test are whole.")
    if found.kept < found.given:
        print(f"The others are in the config rejected with the reason not_selected ({found.clusters:,} clusters).")
    print(f"hash {folder_hash(out)}")
