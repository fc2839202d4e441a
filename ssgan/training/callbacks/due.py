"""When something that is done every so-many steps is due."""


def is_due(step: int, every: int, total_steps: int) -> bool:
    """Tells whether a step is due: every so-manyth one is, and the last one."""
    return step % every == 0 or step == total_steps
