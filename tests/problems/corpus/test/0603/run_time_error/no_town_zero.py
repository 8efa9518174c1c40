import sys


def main():
    rows = sys.stdin.read().split("\n")
    n, q = map(int, rows[0].split())
    gold = [0] + list(map(int, rows[1].split()))
    parent = list(range(n))
    size = [1] * (n + 1)
    name = list(range(n + 1))

    def find(town):
        while parent[town] != town:
            parent[town] = parent[parent[town]]
            town = parent[town]
        return town

    for row in rows[2:2 + q]:
        entry = row.split()
        guild = find(int(entry[1]))
        if entry[0] == "pact":
            other = find(int(entry[2]))
            if guild == other:
                continue
            if size[guild] < size[other]:
                guild, other = other, guild
            if gold[other] > gold[guild]:
                name[guild] = name[other]
            elif gold[other] == gold[guild]:
                name[guild] = min(name[guild], name[other])
            parent[other] = guild
            size[guild] += size[other]
            gold[guild] += gold[other]
        elif entry[0] == "tax":
            gold[guild] = max(0, gold[guild] - int(entry[2]))
        else:
            print(name[guild], size[guild], gold[guild])


main()
