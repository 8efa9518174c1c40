"""A process reward model: what each line of a program is worth, learned from what the policy can still make of it.

    search      the last line up to which a response can still be completed: binary search, many responses at once
    label       the rounds of that search: completions of the policy, the judge, caches, the data set
    training    a scalar head on the policy's weights, MSE at line ends; held-out accuracy, AUROC and calibration
    reward      what it gives a completion in reinforcement learning, line by line; guards against its being hacked
    reranking   best of K by it, and search over lines guided by it

Formula, sources and options: docs/methods/prm.md.
"""
