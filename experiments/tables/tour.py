"""The table of the tour."""

from experiments.tables.parts import markdown, result


def tour() -> str:
    """How many of the eight heaps each game found, and the share of its points near one, of each seed."""
    rows = []
    for name, game in result("tour")["games"].items():
        near = ", ".join(f"{100 * share:.0f}" for share in game["near"])
        rows.append([name, ", ".join(map(str, game["heaps"])), f"{near} %"])
    return markdown(["game", "heaps found, of 8", "points near a heap"], rows)
