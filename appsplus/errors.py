"""Every exception of the package. A bad program is a Verdict, a bad problem a Rejection; only the rest is raised.

AppsplusError
├── InputError            what the user gave cannot be used; the message says what to do
│   ├── SourceError       a source is missing, empty or unreadable (names file and line)
│   ├── DatasetError      a folder is not a dataset of ours, or a broken one
│   └── LedgerError       a ledger cannot be read (names file and line) or written, or a decision is none
├── MissingExtraError     an optional dependency is not installed; the message names the extra
└── SandboxError          ours or the machine's fault while judging; never a verdict, never a reward
    ├── NotJudgedError    on one program, again and again; the others are judged
    └── JudgingEndedError  nothing more is judged: the engine is closed, or fails on one program after the other
"""


class AppsplusError(Exception):
    """Base of everything this package raises on purpose; printed without a traceback by the CLI."""


class InputError(AppsplusError):
    """What the user gave cannot be used. The message says what we got, what we expected, what to do."""


class SourceError(InputError):
    """A source is missing, empty or unreadable."""


class DatasetError(InputError):
    """A folder is not a dataset that `appsplus build` made, or it is damaged."""


class LedgerError(InputError):
    """A ledger cannot be read or written, or what should go into it is no decision."""


class MissingExtraError(AppsplusError):
    """An optional dependency is not installed."""


class SandboxError(AppsplusError):
    """The judge itself failed. Never scored as a verdict, never a reward."""


class NotJudgedError(SandboxError):
    """The judge failed on one program, again and again. Who asks for others is answered."""

    def __init__(self, program_sha256: str, last: str) -> None:
        """`last` is what the judge said at last."""
        super().__init__(program_sha256, last)
        self.program_sha256, self.last = program_sha256, last

    def __str__(self) -> str:
        return f"the judge fails on the program {self.program_sha256[:12]} every time, at last with: {self.last}"


class JudgingEndedError(SandboxError):
    """Nothing more is judged: the engine is closed, or the judge fails on one program after the other."""
