"""A smaller dataset out of a dataset: train is pruned, the other splits stay whole.

    embedding    problems as vectors: TF-IDF, or a model that the user names
    pruning      vectors -> which of them are kept: reduce, cluster, prune
    dataset      a dataset folder -> another one, with books that balance

After "Code Less, Align More" (arXiv:2407.05040); docs/selection.md says what is the paper's and what is ours.
"""

from appsplus.selection.dataset import Selected, SelectOptions, select

__all__ = ["SelectOptions", "Selected", "select"]
