def twoLines(text, width):
