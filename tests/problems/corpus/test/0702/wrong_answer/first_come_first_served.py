def seat_choir(wishes, seats):
    room = dict(zip("ABCDEFGH", seats))
    result = ""
    for wish in wishes:
        choice = "-"
        for part in wish:
            if room[part] > 0:
                room[part] -= 1
                choice = part
                break
        result += choice
    return result
