"""The worklist: every problem of a build that needs eyes, with its reasons, the evidence, and a proposal where there is one.

    kinds        the kinds of doubt, and what each asks a reviewer
    find         what looks for them, one module each; what is found becomes a `WorkItem`
    case         what those modules are shown, and what they answer; `answers`: what the solutions answer to unit tests
    value        how much a decision is worth: the order of the list
    audit        the random sample of accepted problems, and the error rate that decisions about it give
    submissions  known right and wrong programs: what the unit tests accept and refuse
    desk         all of it, problem by problem, as a build goes on

What a worklist looks like on disk is in `appsplus.release.worklist`.
"""
