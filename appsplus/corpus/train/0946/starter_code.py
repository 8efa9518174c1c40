def pair_up(singers):
