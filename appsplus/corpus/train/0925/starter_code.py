def worst_pair(heights):
