"""The dataset card, `README.md`: filled from the manifest by the template `cards/dataset_card.md.j2`.

The YAML at its top is what `load_dataset` and the Hub read: configs, files, features, sizes. No number is typed by
hand: all come from the manifest.
"""

import re
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from appsplus.problem import Reason
from appsplus.release.error_rates import audit_sentences, submission_remarks, submission_rows
from appsplus.release.manifest import Manifest
from appsplus.release.schema import CONFIGS, data_pattern, yaml_features

TEMPLATE = "dataset_card.md.j2"
_HUB_LICENSES = {"mit": "mit", "apache-2.0": "apache-2.0", "cc-by-4.0": "cc-by-4.0", "cc-by-sa-4.0": "cc-by-sa-4.0"}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def templates_folder() -> Path:
    """Where the card templates are: inside the package where it was installed, at the root of a source checkout."""
    installed = Path(__file__).parent / "cards"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "cards"


def card_template(name: str, *, absent: str) -> Template:
    """A card's template. Its filter `cell` makes text of others safe for a Markdown table, and says `absent` for none."""
    environment = Environment(
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; text of others goes through the filter `cell`
    )
    environment.filters.update(cell=lambda text: _cell(text) or absent, number="{:,}".format)
    return environment.get_template(name)


def render_card(manifest: Manifest) -> str:
    """The text of the dataset card, Markdown with YAML front matter; the section `run` of the manifest is not in it."""
    return card_template(TEMPLATE, absent="not stated").render(
        front_matter=front_matter(manifest),
        manifest=manifest,
        counts=manifest.counts,
        funnel=manifest.funnel,
        splits=[split for split, n in manifest.counts["splits"].items() if n],
        reasons=_reasons(manifest),
        licences=_licences(manifest.counts),
        audit=list(audit_sentences(manifest.counts)),
        submissions=list(submission_rows(manifest.counts)),
        submission_remarks=list(submission_remarks(manifest.counts)),
        configs={name: schema for name, (schema, _) in CONFIGS.items()},
    )


def front_matter(manifest: Manifest) -> str:
    """The YAML at the top of the card, without its lines of dashes."""
    counts, rows, sizes = manifest.counts, manifest.counts["rows"], manifest.counts["bytes"]
    # `load_dataset` fails for a split without rows, and with it all other splits: such a split is not listed.
    filled = {config: splits for config, by in rows.items() if (splits := [split for split, n in by.items() if n])}
    return DatasetCardData(
        pretty_name="APPS+",
        language=["en"],
        task_categories=["text-generation"],
        tags=["code", "python", "code-generation", "unit-tests", "reinforcement-learning", "apps", "stepcoder"],
        size_categories=[next((size for limit, size in _SIZES if counts["problems"] < limit), "n>1M")],
        **_license(counts),
        configs=[
            {
                "config_name": config,
                "data_files": [{"split": split, "path": data_pattern(config, split)} for split in splits],
            }
            for config, splits in filled.items()
        ],
        dataset_info=[
            {
                "config_name": config,
                "features": yaml_features(CONFIGS[config][0]),
                "splits": [
                    {"name": split, "num_bytes": sizes[config][split], "num_examples": rows[config][split]}
                    for split in splits
                ],
            }
            for config, splits in filled.items()
        ],
    ).to_yaml()


def _license(counts: dict[str, Any]) -> dict[str, Any]:
    licenses = {entry["license"].lower() for entry in [*counts["sources"], *counts["rejected_sources"]]}
    if len(licenses) == 1 and (license_ := _HUB_LICENSES.get(licenses.pop())):
        return {"license": license_}
    return {"license": "other", "license_name": "by-source", "license_link": "README.md#licences"}


def _licences(counts: dict[str, Any]) -> list[dict[str, Any]]:
    """By source and licence, problems that were kept, and texts of those that were rejected."""
    kept, rejected = (
        {(entry["source"], entry["license"]): entry["problems"] for entry in counts[name]}
        for name in ("sources", "rejected_sources")
    )
    return [
        {"source": key[0], "license": key[1], "kept": kept.get(key, 0), "rejected": rejected.get(key, 0)}
        for key in sorted({*kept, *rejected})
    ]


def _reasons(manifest: Manifest) -> dict[str, int]:
    """Problems by rejection reason, over all stages, in the order of the enumeration."""
    totals = {str(reason): 0 for reason in Reason}
    for stage in manifest.funnel:
        for reason, n in stage.rejected.items():
            totals[reason] += n
    return {reason: n for reason, n in totals.items() if n}


def _cell(text: object) -> str:
    """Text of unknown origin, made safe for one cell of a Markdown table."""
    escaped = re.sub(r"([\\`*_\[\]!()|])", r"\\\1", " ".join(str(text).split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;")
