kinds, passengers = map(int, input().split())
store = []
for _ in range(kinds):
    value, number = map(int, input().split())
    store.append([value, number])
store.sort()

for _ in range(passengers):
    price, paid = map(int, input().split())
    if paid < price:
        print("TOO LITTLE")
        continue
    if paid == price:
        print("EXACT")
        continue

    change = paid - price
    given = []
    for value, number in store:
        count = min(change // value, number)
        change -= count * value
        given.append(count)

    if change > 0:
        print("REFUSED")
        continue
    parts = []
    for kind, count in zip(store, given):
        if count > 0:
            kind[1] -= count
            parts.append(f"{count}x{kind[0]}")
    print(" ".join(parts))

total = 0
for value, number in store:
    total += value * number
print(total)
