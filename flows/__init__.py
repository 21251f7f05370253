"""The runs that people schedule and start: pull, compute, plan, apply, report; the command line and the settings."""

import os

# Our matrices are small. Several threads on one of them wait for each other longer than they work, and what they add up depends on their
# number; lots beside each other use the processors better. It must be set before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
