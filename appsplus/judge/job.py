"""What the judge is asked (`Job`) and what it answers (`Report`, `Inspection`): plain, frozen, picklable records."""

from dataclasses import dataclass

from appsplus.problem import Checker, IOFormat, Limits, UnitTest, Verdict


@dataclass(frozen=True, slots=True)
class Job:
    """One program on some unit tests. Expected outputs and checker stay in the parent; the sandbox never sees them."""

    program: str
    io_format: IOFormat
    unit_tests: tuple[UnitTest, ...]
    entry_point: str | None = None
    limits: Limits = Limits()
    checker: Checker | None = None
    coverage: bool = False  # also report executed lines; limits are 20 times as high, see `engine.verdict_and_lines`
    hash_seed: int = 0  # PYTHONHASHSEED of the program
    stop_after_timeouts: int = 2  # after so many time-limit verdicts the remaining unit tests are not run
    modules: tuple[str, ...] = ()  # offered beyond the standard library, e.g. ("numpy",)

    def __post_init__(self) -> None:
        if not isinstance(self.program, str):
            raise ValueError(f"a program must be text; got {type(self.program).__name__}: decode it")  # noqa: TRY004
        if not isinstance(self.io_format, IOFormat):
            raise ValueError(f"io_format must be IOFormat.STDIN or .CALL; got {self.io_format!r}")  # noqa: TRY004
        if not self.unit_tests:
            raise ValueError("a job needs at least one unit test; got none")
        if self.stop_after_timeouts < 1:
            raise ValueError(f"stop_after_timeouts must be at least 1; got {self.stop_after_timeouts}")
        if (self.io_format is IOFormat.CALL) != (self.entry_point is not None):
            raise ValueError("an entry point belongs to the call format and only there")


@dataclass(frozen=True, slots=True)
class UnitTestReport:
    """What one unit test showed."""

    verdict: Verdict
    cpu_s: float  # CPU seconds of the program on this test; quick ones that were asked together share theirs
    wall_s: float
    peak_mib: float  # highest resident memory of the process that ran the test
    actual: str = ""  # what came out, at most 2,000 characters: standard output, or the JSON of the returned value
    actual_hash: str = ""  # SHA-256 (hex) of all that came out, trailing white space apart
    error: str = ""  # e.g. "ZeroDivisionError: division by zero (line 3)"
    executed_lines: tuple[int, ...] | None = None  # ascending; None: not asked for
    traceback: tuple[tuple[int, str], ...] = ()  # of an exception: (line, function) in the program, outermost first
    near_limit: bool = False  # another host may differ: 0.7 to 1.5 times its limit, starved, or late only once in two


@dataclass(frozen=True, slots=True)
class Report:
    """What a program is worth on its unit tests."""

    verdict: Verdict  # accepted, or that of the first unit test that is not
    unit_tests: tuple[UnitTestReport, ...]  # one per unit test that was run, in the job's order
    executable_lines: tuple[int, ...] | None = None  # ascending; None: not asked for
    scale: float = 1.0  # what CPU limits were multiplied by; cpu_s / scale are seconds of the reference machine

    @property
    def first_failure(self) -> int | None:
        """Index of the first unit test that was not accepted."""
        return next((i for i, t in enumerate(self.unit_tests) if t.verdict is not Verdict.ACCEPTED), None)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a program's text says, found by parsing it inside the sandbox; nothing of it is run."""

    syntax_error: str = ""  # e.g. "invalid syntax (line 3)"; the remaining fields are empty then
    python2: bool = False  # only Python 2 accepts it, or it uses names that only Python 2 has
    tab_error: bool = False  # white space that Python 3 refuses, but that means something once tabs count as 8
    imports: tuple[str, ...] = ()  # top-level modules imported anywhere, sorted
    missing_imports: tuple[str, ...] = ()  # of these, what the judge does not offer
    functions: tuple[str, ...] = ()  # names bound at module level to a function, class or value, in order
    methods: tuple[str, ...] = ()  # "Class.method" of classes at module level, in order
    undefined: tuple[str, ...] = ()  # global names read but never bound, no builtins, sorted
    calls: tuple[str, ...] = ()  # names and dotted names that are called, e.g. "input", "os.system", sorted
    file_reads: tuple[str, ...] = ()  # files that it opens by a literal name
