"""Words counted in a dictionary and sorted."""

text = ("the quick brown fox jumps over the lazy dog " * 20000).split()
count = {}
for w in text:
    if w in count:
        count[w] += 1
    else:
        count[w] = 1
    if len(w) > 3:
        w = w.upper()
best = sorted(count.items(), key=lambda kv: (-kv[1], kv[0]))
