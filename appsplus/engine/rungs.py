"""What isolation holds in all the places that a run has used: nodes of a cluster, shards of a build."""

from collections.abc import Mapping
from typing import Any


def common_rungs(of_places: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The rungs that hold everywhere; `missing` has the reasons, each with the place that it is of. "" is no place.

    `of_places`: by name, rungs as `Judge.rungs` has them.
    """
    first = next(iter(of_places.values()))
    holds = {name: all(found.get(name) for found in of_places.values()) for name in first if name != "missing"}
    missing: dict[str, str] = {}
    for place, found in of_places.items():
        for name, why in found.get("missing", {}).items():
            text = why if len(of_places) == 1 or not place else f"{place}: {why}"
            if text not in missing.get(name, ""):
                missing[name] = f"{missing[name]}; {text}" if name in missing else text
    return {**holds, "missing": missing}
