"""A loop over a range with a condition in it."""


def f(n):
    s = 0
    for i in range(n):
        if i & 1:
            s += i
        else:
            s -= 1
    return s


f(6000000)
