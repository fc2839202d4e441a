"""Two numbers that play the game of a GAN: how each rule of training moves them, without a network and without chance.

There is one real point at 0 and one generated point at theta, and a discriminator of slope phi. The generator minimises
theta * phi, the discriminator -theta * phi. The solution is (0, 0), and the gradients lead around it.
"""

from collections.abc import Callable

import numpy as np

STEP = 0.1  # learning rate
START = (1.0, 1.0)


def gradients(point: np.ndarray) -> np.ndarray:
    """Returns the gradient of the generator's loss by theta, and of the discriminator's by phi."""
    theta, phi = point
    return np.array([phi, -theta])


def alternating(point: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Returns the gradients where the discriminator goes first, and the generator sees where it went."""
    theta, phi = point
    return np.array([phi + STEP * theta, -theta])


# What each rule goes down, of the point where it is and of that where it was before.
RULES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "simultaneous": lambda point, before: gradients(point),
    "alternating": alternating,
    "optimistic": lambda point, before: 2 * gradients(point) - gradients(before),  # arXiv:1711.00141
    "R1": lambda point, before: gradients(point) + [0, point[1]],  # arXiv:1801.04406, gamma = 1
    "consensus": lambda point, before: gradients(point) + point,  # arXiv:1705.10461, gamma = 1
}


def path(rule: str, *, steps: int = 100) -> np.ndarray:
    """Returns where a rule leads, float64 [steps + 1, 2] of (theta, phi)."""
    points = [np.array(START)]
    for _ in range(steps):
        points.append(points[-1] - STEP * RULES[rule](points[-1], points[max(len(points) - 2, 0)]))
    return np.array(points)
