"""What ends a run of the trainer on purpose. Its last checkpoint is whole, whatever happened."""

import errno

from appsplus.errors import AppsplusError, InputError

_NO_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


class TrainingError(AppsplusError):
    """The run cannot go on (NaN loss, no memory, no disk, a judge that fails); the message says what to change."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or this machine, has no room for a tensor. torch need not be loaded for the question."""
    on_cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or on_cpu


def is_disk_full(error: BaseException) -> bool:
    """Whether a disk has no room, or cannot be written."""
    return isinstance(error, OSError) and error.errno in _NO_DISK


class ConfigError(InputError):
    """An option of the trainer has a value that it cannot have; the message names the flag."""
