"""The sieve of Eratosthenes."""


def sieve(n):
    a = [True] * (n + 1)
    for i in range(2, n + 1):
        if a[i]:
            for j in range(i * i, n + 1, i):
                a[j] = False
    return sum(a)


sieve(2000000)
