"""One dataset from builds on machines that know nothing of each other: `appsplus build --shard I/N`, `appsplus merge`.

    share      which records a shard takes: every N-th, so that hard and easy ones are spread evenly
    records    a file of records between machines: nothing but our own record types can come out of it
    folder     a shard on disk, and what must be equal in all shards of one dataset
    building   the build of one shard: both passes of its records, as if none were a duplicate
    merging    all shards -> the dataset: what one build of the same sources would have written, to the byte

Only `unique` needs all problems at once. So a shard takes each of its problems to the end that it has if it is no duplicate,
and keeps a signature of it; `merge` compares the signatures, rejects the duplicates, and writes. It judges nothing.
"""

from appsplus.shards.building import build_shard
from appsplus.shards.folder import ShardManifest, read_shard
from appsplus.shards.merging import merge
from appsplus.shards.share import Share, parse_share

__all__ = ["ShardManifest", "Share", "build_shard", "merge", "parse_share", "read_shard"]
