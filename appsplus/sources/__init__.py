"""Raw data -> `RawProblem`: the only rooms that know foreign field names.

    spec            a SPEC as the user writes it -> a `Source`, checked before any work
    apps_directory  the APPS layout: train|test/NNNN/question.txt, solutions.json, input_output.json, ...
    rows            rows with the APPS columns, or others through `--columns`, from Parquet, JSON Lines and JSON files
    hub             the data files of a dataset repository of the Hugging Face Hub; `rows` reads them
    row_files       which files of a folder hold the rows, and the rows of one file
    json_stream     a JSON array read value by value
    columns         `--columns description=question,...`
    record          `Rejected`, and the checks of shape that every reader shares
    inputs          what was read, with its SHA-256, for the manifest

Every reader streams: one record in memory at a time, in an order that depends on nothing but the data.
"""

from appsplus.sources.columns import TARGETS, parse_columns
from appsplus.sources.inputs import Input
from appsplus.sources.record import Rejected
from appsplus.sources.spec import CORPUS_DIR, Source, open_sources

__all__ = ["CORPUS_DIR", "TARGETS", "Input", "Rejected", "Source", "open_sources", "parse_columns"]
