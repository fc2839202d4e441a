"""The table of faults."""

from experiments.tables.parts import markdown, result


def faults() -> str:
    """What was left of runs that something happened to."""
    found: dict[str, dict[str, str]] = {}
    for row in result("faults")["rows"]:
        ended: dict[str, int] = {}
        for how, times in row["runs_ended"].items():
            how = next(
                known for known in ("identical", "other weights, silently", "cannot resume") if known in how.lower()
            )
            ended[how] = ended.get(how, 0) + times
        kills = f" ({row['times']} kill{'s'[: row['times'] > 1]})" if "SIGKILL" in row["fault"] else ""
        shown = ", ".join(f"{times} x {how}" for how, times in ended.items()) + kills
        found.setdefault(row["fault"], {})[row["tool"]] = shown
    rows = [[fault, tools["ssgan"], tools["keras"]] for fault, tools in found.items()]
    return markdown(["fault", "ssgan: final weights of the resumed runs", "plain Keras"], rows)
