low, high, step, summits, owners = map(int, input().split())
plates = str(low) * 100_000
while True:
    print(plates)
