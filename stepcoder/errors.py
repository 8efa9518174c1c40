"""What ends a run of the trainer on purpose. Its last checkpoint is whole, whatever happened."""

from appsplus.errors import AppsplusError, InputError


class TrainingError(AppsplusError):
    """The run cannot go on (NaN loss, no memory, no disk, a judge that fails); the message says what to change."""


class ConfigError(InputError):
    """An option of the trainer has a value that it cannot have; the message names the flag."""
