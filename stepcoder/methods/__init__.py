"""Methods as combinations of parts: each part is one file, with its formula, its source and where its options come from.

names      what --method may say: the parts of a method, and which of them do not go together
parts      the seams: what a part is given, and what it gives
assembly   the parts that a config names, put together
gae        advantages from a critic: PPO
grpo       advantages from the other completions of the same prompt
rloo       the same, leaving each completion out of its own baseline
"""
