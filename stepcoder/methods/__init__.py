"""Methods as combinations of parts: each part is one file, with its formula, its source and where its options come from.

    names      what --method may say: the parts of a method, and which of them do not go together
    parts      the seams: what a part is given, and what it gives
    assembly   the parts that a config names, put together
    critics    what of a policy predicts, and what it starts from
    gae        advantages from a critic: PPO
    grpo       advantages from the other completions of the same prompt
    rloo       the same, leaving each completion out of its own baseline
    rltf       coarse, fine-grained and adaptive feedback; error_lines says what an error is blamed on, baselines what a
               completion is compared with; lines is the fine-grained part alone, as a reward
    coderl     tokens weighed by a critic of outcomes (outcome_critic), beside canonical solutions (ground_truth);
               critic_sampling is what that critic does at inference
    ppocoder   likeness to the canonical solution (syntax), as a reward

Curricula are in `stepcoder/curriculum/`, the process reward model in `stepcoder/prm/`.
"""
