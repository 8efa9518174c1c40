def longest_quiet(levels, threshold):
