def page_counts(index):
