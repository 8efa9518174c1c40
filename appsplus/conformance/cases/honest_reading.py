"""Honest programs of the stdin format: the ways to read standard input. Each does in a shell what is expected here."""

from functools import partial

from appsplus.conformance.case import Group, stdin_case

_stdin = partial(stdin_case, Group.HONEST)

CASES = (
    _stdin(
        "reads-by-input",
        "the plainest program there is",
        "print(int(input()) * 2)",
        [("2\n", "4\n"), ("-7\n", "-14\n")],
    ),
    _stdin(
        "reads-by-input-with-a-prompt",
        "a prompt goes to standard output, as in a shell; judges that replace input() lose it",
        """
        n = int(input("How many? "))
        print(n * 2)
        """,
        [("2\n", "How many? 4\n")],
    ),
    _stdin(
        "reads-lines-by-iterating-over-sys-stdin",
        "sys.stdin is an iterator of lines",
        """
        import sys
        print(sum(int(line) for line in sys.stdin))
        """,
        [("1\n2\n3\n", "6\n")],
    ),
    _stdin(
        "reads-all-by-sys-stdin-read",
        "the usual way to read quickly",
        """
        import sys
        n, *numbers = map(int, sys.stdin.read().split())
        print(n, sum(numbers))
        """,
        [("3\n1 2 3\n", "3 6\n")],
    ),
    _stdin(
        "reads-by-sys-stdin-readline-in-place-of-input",
        "a name for the method, taken before anything is read",
        """
        import sys
        input = sys.stdin.readline
        n = int(input())
        print([input().rstrip() for _ in range(n)], repr(input()))
        """,
        [("2\nab\ncd\n", "['ab', 'cd'] ''\n")],
    ),
    _stdin(
        "reads-by-sys-stdin-readlines",
        "a list of all lines, with their ends",
        """
        import sys
        print(sys.stdin.readlines())
        """,
        [("a\n\nb", "['a\\n', '\\n', 'b']\n")],
    ),
    _stdin(
        "reads-bytes-by-sys-stdin-buffer-read",
        "a text stream in place of sys.stdin has no buffer, or one that does not hold bytes",
        """
        import sys
        print(len(sys.stdin.buffer.read()))
        """,
        [("é\n", "3\n")],
    ),
    _stdin(
        "reads-bytes-by-sys-stdin-buffer-readline",
        "the usual way to read quickly, line by line",
        """
        import sys
        read = sys.stdin.buffer.readline
        n = int(read())
        print(sum(int(read()) for _ in range(n)))
        """,
        [("2\n10\n20\n", "30\n")],
    ),
    _stdin(
        "reads-bytes-by-iterating-over-sys-stdin-buffer",
        "the buffer is an iterator too",
        """
        import sys
        print([line.strip() for line in sys.stdin.buffer])
        """,
        [("a\nb\n", "[b'a', b'b']\n")],
    ),
    _stdin(
        "reads-by-open-0",
        "descriptor 0 must be the input, not only the object sys.stdin",
        "print(open(0).read().strip()[::-1])",
        [("abc\n", "cba\n")],
    ),
    _stdin(
        "reads-bytes-by-open-0-rb",
        "descriptor 0 opened in binary mode",
        """
        with open(0, "rb") as file:
            print(sum(map(int, file.read().split())))
        """,
        [("1 2 3\n", "6\n")],
    ),
    _stdin(
        "reads-by-opening-dev-stdin",
        "old answers on contest sites open the device by its name",
        "print(sum(map(int, open('/dev/stdin').read().split())))",
        [("1 2 3\n", "6\n")],
        needs=("proc",),
    ),
    _stdin(
        "reads-by-os-read",
        "below all of Python's streams",
        """
        import os
        data = b""
        while part := os.read(0, 5):
            data += part
        print(data.decode().upper())
        """,
        [("hello, world\n", "HELLO, WORLD\n")],
    ),
    _stdin(
        "reads-by-the-bytesio-template-of-contests",
        "a popular template: one os.read of the size that fstat tells, or of 8 KiB",
        """
        import io
        import os
        data = io.BytesIO()
        while part := os.read(0, max(os.fstat(0).st_size, 8192)):
            data.write(part)
        data.seek(0)
        input = lambda: data.readline().rstrip(b"\\r\\n").decode()
        n = int(input())
        print(sum(int(x) for _ in range(n) for x in input().split()))
        """,
        [("2\n1 2\n3 4\n", "10\n")],
    ),
    _stdin(
        "reads-by-fileinput",
        "reads sys.stdin where no file is named in argv: argv must be empty but for the program",
        """
        import fileinput
        for line in fileinput.input():
            print(fileinput.lineno(), line.strip())
        """,
        [("a\nb\n", "1 a\n2 b\n")],
    ),
    _stdin(
        "reads-by-iter-of-input-until-a-word",
        "input as a callable that iter() repeats",
        "print([len(word) for word in iter(input, 'end')])",
        [("a\nbcd\nend\nxyz\n", "[1, 3]\n")],
    ),
    _stdin(
        "reads-by-mixing-input-and-sys-stdin",
        "both read from one stream, and neither may lose what the other has buffered",
        """
        import sys
        first = input()
        second = sys.stdin.readline().strip()
        third = next(sys.stdin).strip()
        print(first, second, third, sys.stdin.read().split())
        """,
        [("1\n2\n3\n4\n5\n", "1 2 3 ['4', '5']\n")],
    ),
    _stdin(
        "reads-by-a-text-wrapper-of-its-own",
        "wraps the buffer in a stream with another encoding",
        """
        import io
        import sys
        lines = io.TextIOWrapper(sys.stdin.buffer, encoding="latin-1")
        print(len(lines.readline().strip()))
        """,
        [("é\n", "2\n")],
    ),
    _stdin(
        "reads-by-csv-reader",
        "the standard library reads from sys.stdin too",
        """
        import csv
        import sys
        for row in csv.reader(sys.stdin):
            print(len(row), row[0])
        """,
        [('1,2\n"a,b",c,d\n', "2 1\n3 a,b\n")],
    ),
    _stdin(
        "reads-by-json-load",
        "the standard library reads from sys.stdin too",
        """
        import json
        import sys
        print(json.load(sys.stdin)["b"])
        """,
        [('{"a": 1, "b": [2, 3]}\n', "[2, 3]\n")],
    ),
    _stdin(
        "reads-in-a-thread",
        "input() from a thread other than the main one",
        """
        import threading
        def work():
            print(int(input()) + 1)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """,
        [("41\n", "42\n")],
    ),
    _stdin(
        "asks-for-more-input-than-there-is",
        "input() after the end raises EOFError; a judge that answers '' or blocks changes the program",
        """
        print(input())
        try:
            input()
        except EOFError:
            print("no more")
        """,
        [("1\n", "1\nno more\n")],
    ),
    _stdin(
        "reads-until-eoferror",
        "the usual loop for an unknown number of lines",
        """
        total = 0
        while True:
            try:
                total += int(input())
            except EOFError:
                break
        print(total)
        """,
        [("1\n2\n3", "6\n"), ("", "0\n")],
    ),
    _stdin(
        "reads-an-empty-input",
        "no input is an input: every way to read says that it is at its end",
        """
        import sys
        print(repr(sys.stdin.read()), repr(sys.stdin.readline()), list(sys.stdin))
        """,
        [("", "'' '' []\n")],
    ),
    _stdin(
        "reads-a-last-line-without-its-end",
        "the last line often has no newline",
        """
        a = input()
        b = input()
        print(repr(a), repr(b))
        """,
        [("x\ny", "'x' 'y'\n")],
    ),
    _stdin(
        "reads-lines-that-end-in-crlf",
        "a carriage return may stay at the end of a line, as in a shell, or be dropped; no line may be lost or doubled",
        """
        import sys
        print(int(input()), repr(input().rstrip()), [line.rstrip() for line in sys.stdin])
        """,
        [("12\r\nab\r\n\r\ncd\r\nef", "12 'ab' ['', 'cd', 'ef']\n")],
    ),
    _stdin(
        "reads-carriage-returns-as-bytes",
        "the bytes of the input are those of the unit test: nothing is translated below the text stream",
        """
        import sys
        print(sys.stdin.buffer.read())
        """,
        [("a\r\nb\rc\n", "b'a\\r\\nb\\rc\\n'\n")],
    ),
    _stdin(
        "reads-spaces-at-both-ends-of-a-line",
        "an input that is stripped, or split and joined again, is another input",
        """
        print(repr(input()))
        print(repr(input()))
        print(repr(input()))
        """,
        [("  a  b \n\n\tc\n", "'  a  b '\n''\n'\\tc'\n")],
    ),
    _stdin(
        "reads-line-separators-inside-a-line",
        "only newlines end a line; a judge that uses str.splitlines ends it at form feeds and U+2028 too",
        """
        line = input()
        print(len(line), [hex(ord(c)) for c in line if not c.isalpha()])
        print(input())
        """,
        [("a\x0cb\x1cc\u2028d\n2\n", "7 ['0xc', '0x1c', '0x2028']\n2\n")],
    ),
    _stdin(
        "reads-and-prints-text-beyond-ascii",
        "standard streams are UTF-8, whatever the host's locale",
        """
        word = input()
        print(word[::-1], len(word))
        """,
        [("żółw 🐢\n", "🐢 włóż 6\n")],
    ),
    _stdin(
        "reads-a-long-line",
        "one line of 300,000 characters, as large tests have",
        """
        line = input()
        print(len(line), line.count("7"))
        """,
        [("1234567890" * 30_000 + "\n", "300000 30000\n")],
    ),
    _stdin(
        "reads-many-lines",
        "50,000 lines by input(), without a time limit that only quick readers meet",
        """
        n = int(input())
        print(sum(int(input()) for _ in range(n)))
        """,
        [("50000\n" + "7\n" * 50_000, "350000\n")],
    ),
    _stdin(
        "reads-half-of-its-input-only",
        "a program that needs no more stops reading, and that is no error",
        "print(input())",
        [("1\n" + "2\n" * 100_000, "1\n")],
    ),
    _stdin(
        "asks-what-kind-of-file-standard-input-is",
        "a real descriptor: number 0, readable, and no terminal",
        """
        import sys
        print(sys.stdin.fileno(), sys.stdin.readable(), sys.stdin.isatty(), sys.stdin.encoding.lower())
        """,
        [("", "0 True False utf-8\n")],
    ),
    _stdin(
        "reads-input-in-every-unit-test-afresh",
        "a judge that runs all unit tests in one process must give each its own standard input",
        """
        import sys
        print(sys.stdin.readline().strip())
        """,
        [("1\nrest\n", "1\n"), ("2\nrest\n", "2\n"), ("3\n", "3\n")],
    ),
)
