"""The tables of several devices."""

from experiments.tables.parts import markdown, result


def equality() -> str:
    """How far the weights of two replicas are from those of one device."""
    rows = result("distribute")["equality"].items()
    header = ["recipe", "moved in three steps", "two logical CPUs", "two processes"]
    columns = ("moved", "two replicas", "two processes")
    return markdown(header, [[name, *(f"{row[column]:.1e}" for column in columns)] for name, row in rows])


def noise() -> str:
    """How far two replicas are from two processes, with dropout and noise."""
    found = result("distribute")["noise"]
    by = found["difference"]
    return f"They moved by {found['moved']:.1e}, and are {f'{by:.1e} apart' if by else 'identical'}."


def faults() -> str:
    """What happened to runs of two processes of which one was killed or stopped."""
    rows = []
    for row in result("distribute")["faults"]:
        if "worker" in row:
            who = "the chief" if row["worker"] == 0 else "the other worker"
            noticed, status = f"{row['noticed_after_seconds']:.1f} s", str(row["status"])
            what = f"{row['fault']} of {who} after step {row['after_step']}"
        else:
            what, noticed, status = _without_victim(row), "", str(row.get("status", ""))
        weights = "identical" if row["difference"] == 0 else f"differ by {row['difference']:.1e}"
        rows.append([what, noticed, status, weights])
    return markdown(["what happened", "the other ended after", "status", "weights in the end"], rows)


def _without_victim(row: dict) -> str:
    if row["fault"] == "none":
        return "nothing: the same run again"
    without = ", without dropout and noise" if row.get("options") else ""
    return f"SIGTERM, then resumed by one process{without}"


def exchanged() -> str:
    """What the replicas exchange in a step."""
    rows = result("distribute")["bytes"].items()
    header = ["recipe", "trained weights", "exchanges a step", "MB a step"]
    return markdown(
        header,
        [[name, f"{row['weights']:,}", str(row["exchanges"]), f"{row['bytes'] / 1e6:.2f}"] for name, row in rows],
    )


def steps() -> str:
    """How long a step of one process takes, and of two."""
    found = result("distribute")["steps"]
    one, two = (found[each]["seconds_a_step"] for each in ("one process", "two processes"))
    hardware = result("distribute")["steps_about"]["hardware"]
    return (
        f"One process on one core: {one:.2f} s a step; two, on a core each: {two:.2f} s, {one / two:.2f} times as fast "
        f"({hardware['processor']})."
    )


def model() -> str:
    """How many times faster N devices would be."""
    found = result("distribute")["model"]
    header = ["link", *(f"{compute}" for compute in next(iter(found.values())))]
    rows = [[link, *(" / ".join(map(str, row.values())) for row in by.values())] for link, by in found.items()]
    return markdown(header, rows)
