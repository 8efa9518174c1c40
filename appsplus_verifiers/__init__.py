"""The taskset of `appsplus.integrations.verifiers` under a name that verifiers and prime-rl can load: a top-level package."""

from appsplus.integrations.verifiers import ProblemsTaskset

__all__ = ["ProblemsTaskset"]
