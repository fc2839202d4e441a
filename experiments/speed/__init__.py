"""What ssgan's own training costs: `costs` as it grows, `variants` with one thing done in another way.

Everything that is timed is a module that `experiments.common.processes` runs in a process of its own.
"""
