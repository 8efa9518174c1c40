"""The last step of a dataset folder: figures, card and manifest, all from the same counts."""

from dataclasses import replace
from pathlib import Path

from appsplus.release.card import render_card
from appsplus.release.folder import disk_errors
from appsplus.release.manifest import Manifest, file_facts, write_manifest


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Draw the figures, write the card, hash every file; returns the manifest, with `files`, as it was written.

    The data must be complete: its `DatasetWriter` closed. Raises InputError where the disk refuses.
    """
    from appsplus.release.figures import draw_figures  # loads matplotlib, which only the end of a build needs

    with disk_errors(folder):
        draw_figures(folder, manifest.counts, manifest.funnel)
        (folder / "README.md").write_text(render_card(manifest), encoding="utf-8")
        manifest = replace(manifest, files=file_facts(folder))
        write_manifest(folder, manifest)
    return manifest
