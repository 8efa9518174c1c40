"""A loop outside any function, where names are looked up in a dictionary."""

i = 0
s = 0
while i < 1500000:
    i += 1
    if i % 3:
        s += i
    else:
        continue
