"""The worklist: every problem of a build that needs eyes, with its reasons, the evidence, and a proposal where there is one.

    find       the kinds of doubt as a list, one module each; what is found becomes a `WorkItem`
    value      how much a decision is worth: the order of the list
    audit      the random sample of accepted problems, and the error rate that decisions about it give
    submissions  known right and wrong programs: what the unit tests accept and refuse

What a worklist looks like on disk is in `appsplus.release.worklist`.
"""
