#!/usr/bin/env bash
# Judge the samples in this folder's folders, and make the leaderboard of them: out/leaderboard/index.html.
# A row is a folder with samples.jsonl; baselines.py writes those of no model at all.
set -euo pipefail
cd "$(dirname "$0")/../.."

appsplus build --out out/appsplus
python benchmarks/leaderboard/baselines.py out/appsplus
for samples in benchmarks/leaderboard/*/samples.jsonl; do
    row=$(dirname "$samples")
    k=1
    if grep -q '"sample_index": 9' "$samples"; then k=1,10; fi
    appsplus evaluate out/appsplus --samples "$samples" --k "$k" --out "$row/results.json"
done
appsplus leaderboard benchmarks/leaderboard/*/results.json --data out/appsplus --out out/leaderboard
