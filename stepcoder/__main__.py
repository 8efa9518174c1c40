"""`python -m stepcoder`, which `accelerate launch -m stepcoder` starts in several processes."""

from stepcoder.cli import main

main()
