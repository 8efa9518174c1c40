"""lm-evaluation-harness: a folder for `--include_path`. `problems.py` is what its tasks call:

    appsplus            (`appsplus.yaml`) the question as a message, for models that chat: with --apply_chat_template
    appsplus_continued  the question as text that ends in an open block of code, for models that continue text

    lm-eval run --include_path "$(python -m appsplus.integrations lm-eval)" --tasks appsplus \\
        --metadata '{"dataset": "out/appsplus"}' --model hf --model_args pretrained=NAME --apply_chat_template

A completion that the judge fails on is in no mean but that of `judge_failed`.
"""
