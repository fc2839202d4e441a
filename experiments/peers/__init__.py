"""Other tools beside ssgan: `bench` times a training step of each, `compare_peers` trains them for a given time.

The other modules run in processes of their own, most of them in the environment of the tool that they name.
"""
