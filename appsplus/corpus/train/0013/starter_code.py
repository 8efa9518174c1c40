def sort_labels(labels: list[str]) -> list[str]:
