"""The filter, run by a small interpreter of BPF: what it says to every system call, with every argument that matters."""

import platform

import pytest

from appsplus.judge import seccomp

ALLOW, KILL, EPERM, EAGAIN, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x0005000B, 0x00050026
COLUMN, ARCHITECTURE = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}.get(platform.machine(), (-1, 0))
NUMBERS = range(1024)

pytestmark = pytest.mark.skipif(COLUMN < 0, reason=f"no table of system calls for {platform.machine()}")


def answer(
    program: seccomp._Program,
    number: int,
    *arguments: int,
    architecture: int = ARCHITECTURE,
    words: dict[int, int] | None = None,
) -> int:
    """What the filter says. Words are those of struct seccomp_data; high halves of arguments are zero, unless `words` say."""
    words = {0: number, 4: architecture, **{16 + 8 * i: a for i, a in enumerate(arguments)}, **(words or {})}
    at = accumulator = 0
    for _ in range(program.length):
        one = program.filter[at]
        at += 1
        match one.code:
            case 0x20:
                accumulator = words.get(one.k, 0)
            case 0x06:
                return int(one.k)
            case 0x15:
                at += one.jt if accumulator == one.k else one.jf
            case 0x35:
                at += one.jt if accumulator >= one.k else one.jf
            case 0x45:
                at += one.jt if accumulator & one.k else one.jf
            case other:
                raise AssertionError(f"an operation that is not expected: {other:#x}")
    raise AssertionError("the filter runs in circles")


@pytest.mark.parametrize("refuse_kill", [True, False])
def test_what_is_listed_is_refused_and_all_else_allowed(refuse_kill: bool) -> None:
    program = seccomp.build_filter(refuse_kill=refuse_kill)
    refused = {pair[COLUMN] for pair in seccomp._REFUSED.values()}
    special = {seccomp._CLONE3, *(pair[COLUMN] for pair in (seccomp._CLONE, seccomp._KILL, seccomp._TGKILL))}
    special |= {seccomp._PRLIMIT[COLUMN]}
    special |= {pair[COLUMN] for pair in seccomp._SIGNAL_OTHERS} if refuse_kill else set()
    assert len(refused) > 50
    for number in NUMBERS:
        if number not in special:
            assert answer(program, number, 1, 9, 9) == (EPERM if number in refused else ALLOW), number


@pytest.mark.parametrize("refuse_kill", [True, False])
def test_threads_are_allowed_and_processes_are_not(refuse_kill: bool) -> None:
    program = seccomp.build_filter(refuse_kill=refuse_kill)
    assert answer(program, seccomp._CLONE[COLUMN], 0x00010000 | 0x100) == ALLOW
    assert answer(program, seccomp._CLONE[COLUMN], 17) == EAGAIN
    assert answer(program, seccomp._CLONE3) == ENOSYS


def test_a_pair_of_sockets_is_local() -> None:
    program = seccomp.build_filter(refuse_kill=False)
    assert answer(program, seccomp._SOCKETPAIR[COLUMN], 1) == ALLOW
    assert all(answer(program, seccomp._SOCKETPAIR[COLUMN], family) == EPERM for family in (0, 2, 10, 30, 40))


def test_a_program_may_kill_itself_and_nobody_else_is_there() -> None:
    program, kill, tgkill = (
        seccomp.build_filter(refuse_kill=False),
        seccomp._KILL[COLUMN],
        seccomp._TGKILL[COLUMN],
    )
    assert [answer(program, kill, pid, 9) for pid in (0, 1, 2)] == [KILL, KILL, ALLOW]
    assert [answer(program, kill, pid, 15) for pid in (0, 1, 2)] == [ALLOW] * 3
    assert [answer(program, tgkill, 1, 1, number) for number in (9, 15)] == [KILL, ALLOW]
    assert answer(program, seccomp._PRLIMIT[COLUMN], 7) == ALLOW


def test_without_a_namespace_others_are_out_of_reach() -> None:
    program = seccomp.build_filter(refuse_kill=True)
    assert [answer(program, seccomp._KILL[COLUMN], pid, number) for pid in (0, 1) for number in (9, 15)] == [EPERM] * 4
    assert [answer(program, seccomp._PRLIMIT[COLUMN], pid) for pid in (0, 1)] == [ALLOW, EPERM]
    assert {answer(program, pair[COLUMN], 1, 1, 15) for pair in seccomp._SIGNAL_OTHERS} == {EPERM}
    assert [answer(program, seccomp._FCNTL[COLUMN], 3, command) for command in (3, 8, 10, 15, 4)] == [
        ALLOW, EPERM, EPERM, EPERM, ALLOW]  # fmt: skip
    assert [answer(program, seccomp._IOCTL[COLUMN], 3, command) for command in (0x5401, 0x8901, 0x8902)] == [
        ALLOW, EPERM, EPERM]  # fmt: skip


def test_other_architectures_end_the_program() -> None:
    program = seccomp.build_filter(refuse_kill=False)
    assert answer(program, 1, architecture=0x40000003) == KILL
    assert answer(program, 0x40000001) == KILL


def test_the_search_is_short() -> None:
    """Two hundred ranges take eight comparisons."""
    ranges = seccomp._ranges(dict.fromkeys(range(0, 400, 4), seccomp._REFUSE))
    assert len(ranges) == 200

    def depth(code: list[tuple[int, int, int, int]]) -> int:
        operation, jump, _, _ = code[0]
        return 1 + max(depth(code[1:]), depth(code[1 + jump :])) if operation == seccomp._AT_LEAST else 0

    assert depth(seccomp._search(ranges)) == 8


@pytest.mark.parametrize("refuse_kill", [True, False])
def test_a_program_may_read_its_limit_of_cpu_time_and_set_any_other(refuse_kill: bool) -> None:
    program, cpu, stack = seccomp.build_filter(refuse_kill=refuse_kill), 0, 3
    prlimit, setrlimit = seccomp._PRLIMIT[COLUMN], seccomp._SETRLIMIT[COLUMN]
    assert answer(program, setrlimit, cpu) == EPERM
    assert answer(program, setrlimit, stack) == ALLOW
    assert answer(program, prlimit, 0, cpu, 0) == ALLOW
    assert answer(program, prlimit, 0, cpu, 0x7F00) == EPERM
    assert answer(program, prlimit, 0, stack, 0x7F00) == ALLOW
    words = {0: prlimit, 4: ARCHITECTURE, 32 + 4: 1}  # an address whose lower half is zero
    assert answer(program, prlimit, 0, cpu, 0, words=words) == EPERM
