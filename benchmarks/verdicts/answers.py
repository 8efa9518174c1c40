"""Checkers of problems with several right answers: evidence that a refused program is right by its statement.

Each takes input, expected output and actual output as texts, and says whether the actual output answers the input. They
trust the expected output for what is unique (the least number, whether there is an answer at all). A program that
prints something of another shape may raise ValueError, IndexError or StopIteration: it is wrong.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import gcd

Check = Callable[[str, str, str], bool]


def is_right(check: Check, given: str, expected: str, actual: str) -> bool:
    """Whether the actual output is an answer; one of another shape is none."""
    try:
        return check(given, expected, actual)
    except (ValueError, IndexError, StopIteration):
        return False


def _numbers(text: str) -> Iterator[int]:
    return iter(map(int, text.split()))


def _take(numbers: Iterator[int], count: int) -> list[int]:
    return [next(numbers) for _ in range(count)]


def _is_permutation(numbers: Sequence[int], size: int) -> bool:
    return sorted(numbers) == list(range(1, size + 1))


def same_lines(_given: str, expected: str, actual: str) -> bool:
    """Solutions may be printed in any order (train/0005)."""
    return Counter(filter(None, actual.split("\n"))) == Counter(filter(None, expected.split("\n")))


def numbers_on_a_board(given: str, _expected: str, actual: str) -> bool:
    """Two numbers become half their sum, rounded up, until 2 is left (train/0033)."""
    printed = _numbers(actual)
    for size in list(_numbers(given))[1:]:
        board, least = Counter(range(1, size + 1)), next(printed)
        for _ in range(size - 1):
            pair = _take(printed, 2)
            board.subtract(pair)
            if min(board[number] for number in pair) < 0:
                return False
            board[(sum(pair) + 1) // 2] += 1
        if least != 2 or +board != Counter([2]):
            return False
    return next(printed, None) is None


def bracket_sequence(given: str, _expected: str, actual: str) -> bool:
    """Reversals that leave a regular sequence with k regular prefixes (train/0041)."""
    words, printed = iter(given.split()), _numbers(actual)
    for _ in range(int(next(words))):
        size, prefixes, text = int(next(words)), int(next(words)), next(words)
        count = next(printed)
        for left, right in (_take(printed, 2) for _ in range(count)):
            text = text[: left - 1] + text[left - 1 : right][::-1] + text[right:]
        heights = [text[: i + 1].count("(") - text[: i + 1].count(")") for i in range(size)]
        if count > size or min(heights) < 0 or heights[-1] != 0 or heights.count(0) != prefixes:
            return False
    return True


def chairs(given: str, _expected: str, actual: str) -> bool:
    """No two chairs are coprime, and none divides another (train/0044)."""
    rows = [list(map(int, line.split())) for line in actual.split("\n") if line.strip()]
    sizes = list(_numbers(given))[1:]
    return len(rows) == len(sizes) and all(
        len(row) == len(set(row)) == size
        and all(1 <= chair <= 4 * size for chair in row)
        and all(gcd(a, b) > 1 and a % b and b % a for i, a in enumerate(row) for b in row[:i])
        for row, size in zip(rows, sizes, strict=True)
    )


def phone_number(given: str, expected: str, actual: str) -> bool:
    """A permutation whose longest rising and falling subsequences have the least sum of lengths (train/2023)."""
    wanted, got = list(_numbers(expected)), list(_numbers(actual))
    return _is_permutation(got, int(given)) and _rising_and_falling(got) == _rising_and_falling(wanted)


def _rising_and_falling(numbers: list[int]) -> int:
    return _rising(numbers) + _rising(numbers[::-1])


def _rising(numbers: list[int]) -> int:
    tails: list[int] = []
    for number in numbers:
        place = bisect_left(tails, number)
        tails[place : place + 1] = [number]
    return len(tails)


def questions(_given: str, expected: str, actual: str) -> bool:
    """The questions are the prime powers, in any order (train/2025)."""
    wanted, got = expected.split(), actual.split()
    return wanted[0] == got[0] and sorted(wanted[1:]) == sorted(got[1:])


def almost_equal(given: str, expected: str, actual: str) -> bool:
    """Numbers on a circle whose sums of n neighbours differ by one at most (train/2029)."""
    word, *rest = actual.split()
    if word != expected.split()[0] or word == "NO":
        return word == expected.split()[0] and not rest
    size, circle = int(given), list(map(int, rest))
    if not _is_permutation(circle, 2 * size):
        return False
    sums = [sum(circle[:size])]
    for i in range(2 * size - 1):
        sums.append(sums[-1] + circle[(i + size) % (2 * size)] - circle[i])
    return max(sums) - min(sums) <= 1


def segments(given: str, _expected: str, actual: str) -> bool:
    """A permutation in which every given set is a segment, each with another end (train/2365)."""
    numbers, printed = _numbers(given), _numbers(actual)
    for _ in range(next(numbers)):
        size = next(numbers)
        sets = [_take(numbers, next(numbers)) for _ in range(size - 1)]
        permutation = _take(printed, size)
        if not _is_permutation(permutation, size):
            return False
        places = [[permutation.index(number) for number in found] for found in sets]
        if any(max(found) - min(found) + 1 != len(found) for found in places) or len(set(map(max, places))) < size - 1:
            return False
    return True


def shift_and_sort(given: str, expected: str, actual: str) -> bool:
    """Cyclic shifts of three neighbours that sort the numbers, at most the square of their count (train/2391)."""
    numbers, wanted, printed = _numbers(given), iter(expected.split("\n")), iter(actual.split("\n"))
    for _ in range(next(numbers)):
        array = _take(numbers, next(numbers))
        possible, count = int(next(wanted)) >= 0, int(next(printed))
        if possible != (count >= 0):
            return False
        if not possible:
            continue
        next(wanted)
        places = list(map(int, next(printed).split()))
        for place in places:
            array[place - 1 : place + 2] = [array[place + 1], array[place - 1], array[place]]
        if len(places) != count or count > len(array) ** 2 or array != sorted(array):
            return False
    return True


def two_rows(given: str, expected: str, actual: str) -> bool:
    """The least number of columns to swap so that both rows are permutations (train/2398)."""
    numbers, wanted, printed = _numbers(given), _numbers(expected), _numbers(actual)
    for _ in range(next(numbers)):
        size = next(numbers)
        upper, lower = _take(numbers, size), _take(numbers, size)
        least, count = next(wanted), next(printed)
        if least != count:
            return False
        _take(wanted, max(least, 0))
        columns = _take(printed, max(count, 0))
        for column in columns:
            upper[column - 1], lower[column - 1] = lower[column - 1], upper[column - 1]
        if count >= 0 and not (
            len(set(columns)) == count and _is_permutation(upper, size) and _is_permutation(lower, size)
        ):
            return False
    return True


CHECKS: dict[str, Check] = {
    "train/0005": same_lines,
    "train/0033": numbers_on_a_board,
    "train/0041": bracket_sequence,
    "train/0044": chairs,
    "train/2023": phone_number,
    "train/2025": questions,
    "train/2029": almost_equal,
    "train/2365": segments,
    "train/2391": shift_and_sort,
    "train/2398": two_rows,
}
