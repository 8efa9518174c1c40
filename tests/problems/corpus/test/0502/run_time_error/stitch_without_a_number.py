for _ in range(int(input())):
    stitches = ""
    for item in input().replace("(", "").replace(")", "").split():
        stitches += item[-1] * int(item[:-1])
    print(stitches.count("K"), stitches.count("P"), stitches.count("Y"), f"{len(stitches)}{stitches[0]}")
