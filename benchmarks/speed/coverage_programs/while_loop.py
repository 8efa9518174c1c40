"""A loop of two short lines, the worst case for anything that costs by the line."""


def f(n):
    i = 0
    s = 0
    while i < n:
        i += 1
        s += i
    return s


f(6000000)
