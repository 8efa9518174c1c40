"""Wrong programs of the stdin format: output that looks right to a comparison that is too kind."""

from functools import partial

from appsplus.conformance.case import Case, Group, stdin_case
from appsplus.problem import Checker, Verdict

_stdin = partial(stdin_case, Group.WRONG)


def _prints(name: str, why: str, printed: str, expected: str, checker: Checker | None = None) -> Case:
    """A program that prints a text where another is expected."""
    program = f"print({printed!r}, end='')"
    return _stdin(name, why, program, [("", expected)], Verdict.WRONG_ANSWER, checker=checker)


CASES = (
    _prints("prints-another-number", "the plainest wrong answer", "5\n", "4\n"),
    _prints("prints-nothing", "no output is not the expected one", "", "4\n"),
    _prints("prints-only-white-space", "nor is white space", " \n\n\t\n", "4\n"),
    _prints("prints-something-where-nothing-is-expected", "an empty expectation is not a wish for anything", "0\n", ""),
    _prints("misses-the-last-line", "a comparison by zip() stops at the shorter side", "1\n2\n", "1\n2\n3\n"),
    _prints("misses-the-first-line", "a comparison of the ends only", "2\n3\n", "1\n2\n3\n"),
    _prints(
        "misses-a-line-in-the-middle", "a comparison of sets of lines forgives a repeated line", "1\n2\n", "1\n1\n2\n"
    ),
    _prints("prints-a-line-too-many", "a comparison by zip() stops at the shorter side", "1\n2\n3\n", "1\n2\n"),
    _prints("prints-a-line-twice", "a comparison of sets of lines forgives a repeated line", "1\n1\n2\n", "1\n2\n"),
    _prints("prints-the-whole-answer-twice", "a search for the expected text in the output", "4\n4\n", "4\n"),
    _prints("prints-a-debug-line-too", "a search for the expected text in the output", "n = 2\n4\n", "4\n"),
    _prints(
        "prints-words-around-the-answer", "a search for the expected text in the output", "the answer is 4\n", "4\n"
    ),
    _prints("prints-lines-in-another-order", "a comparison of sorted or of sets of lines", "b\na\n", "a\nb\n"),
    _prints("prints-words-in-another-order", "a comparison of sets of words", "3 1 2\n", "1 2 3\n"),
    _prints("prints-words-swapped-between-lines", "a comparison of sets of sets of words", "2 1\n4 3\n", "1 2\n3 4\n"),
    _prints("prints-other-repetitions-of-the-same-words", "a comparison of sets of words", "1 2 2\n", "1 1 2\n"),
    _prints("prints-words-glued-together", "a comparison without white space", "12 3\n", "1 23\n"),
    _prints("prints-a-word-cut-in-two", "a comparison without white space", "1 2\n", "12\n"),
    _prints("prints-the-beginning-of-a-word", "a comparison of prefixes", "YE\n", "YES\n"),
    _prints("prints-another-case", "a comparison that folds case", "yes\n", "YES\n"),
    _prints("prints-another-word-of-the-same-letters", "a comparison of sorted characters", "ON\n", "NO\n"),
    _prints("prints-the-other-word", "a word is compared, not counted", "NO\n", "YES\n"),
    _prints(
        "prints-a-python-list", "a comparison that evaluates the output, or drops punctuation", "[1, 2, 3]\n", "1 2 3\n"
    ),
    _prints("prints-quotes-around-a-word", "a comparison that evaluates the output", "'abc'\n", "abc\n"),
    _prints("prints-commas-between-words", "a comparison that splits at commas too", "1,2,3\n", "1 2 3\n"),
    _prints("prints-an-integer-as-a-float", "an integer is expected as an integer", "4.0\n", "4\n"),
    _prints("prints-true-for-1", "a comparison of evaluated output takes True for 1", "True\n", "1\n"),
    _prints("prints-1-for-true", "and 1 for True", "1\n", "True\n"),
    _prints("prints-zeros-before-a-number", "01 may be a label, and is no way to write 1", "01\n", "1\n"),
    _prints("prints-a-plus-sign", "nor is +1", "+1\n", "1\n"),
    _prints("prints-an-integer-in-exponent-form", "1e3 is a float, 1000 is expected as an integer", "1e3\n", "1000\n"),
    _prints(
        "prints-an-underscore-in-a-number", "Python's literals are not the numbers of a file", "1_000.0\n", "1000.0\n"
    ),
    _prints("prints-a-number-in-hexadecimal", "nor are these", "0x10\n", "16\n"),
    _prints("prints-a-large-integer-that-is-off-by-one", "as floats both are 1e18", f"{10**18 + 1}\n", f"{10**18}\n"),
    _prints(
        "prints-a-larger-integer-that-is-off-by-one",
        "300 digits, which as floats are equal too, or no floats at all",
        f"{10**300 + 1}\n",
        f"{10**300}\n",
    ),
    _prints(
        "prints-an-integer-that-is-off-by-one-in-a-million", "a tolerance is for floats only", "1000001\n", "1000000\n"
    ),
    _prints("rounds-to-two-digits", "3.14 is not 3.14159 within 1e-6", "3.14\n", "3.14159\n"),
    _prints("rounds-too-early", "an error of one in ten thousand", "0.33337\n", "0.33333\n"),
    _prints("rounds-to-a-whole-number", "0 is not 0.4", "0\n", "0.4\n"),
    _prints("prints-a-large-float-beyond-the-tolerance", "two parts in a million", "1000002.0\n", "1000000.0\n"),
    _prints("prints-a-float-of-the-other-sign", "a comparison of absolute values", "-0.5\n", "0.5\n"),
    _prints("prints-nan", "nan is not less than any distance away from a number", "nan\n", "1.0\n"),
    _prints("prints-infinity", "nor is infinity within any tolerance", "inf\n", "1.0\n"),
    _prints("prints-a-number-that-overflows", "1e999 is infinity once it is a float", "1e999\n", "1e308\n"),
    _prints("prints-one-wrong-float-among-many", "a comparison of sums or means", "1.0 2.0 3.1\n", "1.0 2.0 3.0\n"),
    _prints("prints-a-float-too-few", "numpy broadcasts one number over many", "1.0\n", "1.0 1.0 1.0\n"),
    _prints(
        "prints-digits-of-another-script",
        "int() and float() read these, a reader of the output does not",
        "٣.0\n",
        "3.0\n",
    ),
    _prints("prints-a-look-alike-letter", "a Cyrillic letter in a Latin word", "YЕS\n", "YES\n"),
    _prints("prints-a-null-character", "a comparison in C ends at it", "4\x00 and more\n", "4\n"),
    _prints("prints-a-backspace", "what a terminal would show is not what is compared", "5\b4\n", "4\n"),
    _prints("prints-an-escape-sequence", "nor may colours hide a wrong word", "\x1b[8m5\x1b[0m4\n", "4\n"),
    _prints("prints-a-zero-width-space-between-words", "what nobody can see separates nothing", "1\u200b2\n", "1 2\n"),
    _stdin(
        "prints-to-standard-error-only",
        "a judge that reads both streams together",
        """
        import sys
        print(4, file=sys.stderr)
        """,
        [("", "4\n")],
        Verdict.WRONG_ANSWER,
    ),
    _stdin(
        "prints-invalid-utf-8",
        "bytes that are no text must neither crash the judge nor be dropped",
        r"""
        import sys
        sys.stdout.buffer.write(b"\xff4\n")
        """,
        [("", "4\n")],
        Verdict.WRONG_ANSWER,
    ),
    _stdin(
        "answers-the-sample-only",
        "the first unit test is the sample of the description",
        """
        n = int(input())
        print(4 if n == 2 else 0)
        """,
        [("2\n", "4\n"), ("3\n", "9\n")],
        Verdict.WRONG_ANSWER,
        unit_verdicts=(Verdict.ACCEPTED, Verdict.WRONG_ANSWER),
    ),
    _stdin(
        "answers-all-unit-tests-but-the-last",
        "an average over unit tests, or a judge that samples them",
        """
        n = int(input())
        print(n if n < 40 else 0)
        """,
        [(f"{n}\n", f"{n}\n") for n in range(1, 41)],
        Verdict.WRONG_ANSWER,
        unit_verdicts=(*(Verdict.ACCEPTED,) * 39, Verdict.WRONG_ANSWER),
    ),
    _stdin(
        "answers-another-unit-test",
        "right answers in the wrong places",
        """
        print(3 - int(input()))
        """,
        [("1\n", "1\n"), ("2\n", "2\n")],
        Verdict.WRONG_ANSWER,
    ),
    _stdin(
        "is-empty",
        "no program at all",
        "",
        [("2\n", "4\n")],
        Verdict.WRONG_ANSWER,
    ),
    _stdin(
        "defines-a-function-and-never-calls-it",
        "the answer to a description of the other format",
        """
        def solve(n):
            return n * 2
        """,
        [("2\n", "4\n")],
        Verdict.WRONG_ANSWER,
    ),
    _prints(
        "repeats-a-line-under-the-checker-unordered",
        "any order, but each line as often as expected",
        "a\nb\nb\n",
        "a\na\nb\n",
        Checker("unordered"),
    ),
    _prints(
        "reorders-words-under-the-checker-unordered",
        "lines may be in any order, words may not",
        "2 1\n",
        "1 2\n",
        Checker("unordered"),
    ),
    _prints(
        "prints-another-word-under-the-checker-any-case",
        "either case, but the same word",
        "no\n",
        "YES\n",
        Checker("any_case"),
    ),
    _prints(
        "prints-what-a-checker-program-refuses",
        "a checker that is asked and says no",
        "7",
        "2",
        Checker("program", program="def check(given, expected, actual):\n    return actual.strip() in ('2', '3')"),
    ),
    _prints(
        "prints-what-breaks-a-checker-program",
        "a checker that raises has accepted nothing",
        "seven",
        "2",
        Checker("program", program="def check(given, expected, actual):\n    return int(actual) > 1"),
    ),
    _stdin(
        "prints-the-alternative-of-another-unit-test-under-the-checker-any-of",
        "alternatives belong to one unit test",
        "print(4, 1)",
        [("5\n", "1 4\n"), ("6\n", "1 5\n")],
        Verdict.WRONG_ANSWER,
        checker=Checker("any_of", (("4 1\n",), ("5 1\n",))),
        unit_verdicts=(Verdict.ACCEPTED, Verdict.WRONG_ANSWER),
    ),
    _prints(
        "prints-a-number-for-one-too-large", "1e400 is read as infinity, near which every number lies", "7\n", "1e400\n"
    ),
    _prints(
        "prints-letters-that-a-form-feed-parts-under-the-checker-unordered",
        "a form feed ends no line",
        "b\x0ca\n",
        "a\nb\n",
        Checker("unordered"),
    ),
)
