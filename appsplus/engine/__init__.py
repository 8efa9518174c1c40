"""Where judged jobs run, and the cache of what is already known. No stage knows which engine runs its jobs."""

from appsplus.engine.cache import Cache
from appsplus.engine.local import LocalEngine

__all__ = ["Cache", "LocalEngine"]
