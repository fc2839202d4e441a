"""Ways to damage a file: each takes its bytes and a random generator, and returns other bytes."""

import numpy as np


def flip(content: bytes, random: np.random.Generator) -> bytes:
    """Flips one to eight bits."""
    changed = bytearray(content)
    for position in random.integers(0, len(content), random.integers(1, 9)):
        changed[position] ^= 1 << int(random.integers(8))
    return bytes(changed)


def truncate(content: bytes, random: np.random.Generator) -> bytes:
    """Cuts the end off."""
    return content[: random.integers(len(content))]


def insert(content: bytes, random: np.random.Generator) -> bytes:
    """Inserts up to 64 random bytes."""
    position = random.integers(len(content) + 1)
    return content[:position] + random.bytes(int(random.integers(1, 65))) + content[position:]


def zero(content: bytes, random: np.random.Generator) -> bytes:
    """Zeroes a range."""
    start, stop = _range(content, random)
    return content[:start] + bytes(stop - start) + content[stop:]


def duplicate(content: bytes, random: np.random.Generator) -> bytes:
    """Repeats a range."""
    start, stop = _range(content, random)
    return content[:stop] + content[start:]


def edit_length(content: bytes, random: np.random.Generator) -> bytes:
    """Overwrites 2, 4 or 8 aligned bytes with a number that a length field would not survive."""
    width = int(random.choice([2, 4, 8]))
    value = int(random.choice([0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**62])) % 256**width
    start = int(random.integers(max(len(content) // 2, 1))) * 2
    return content[:start] + value.to_bytes(width, random.choice(["little", "big"])) + content[start + width :]


def edit_token(content: bytes, random: np.random.Generator) -> bytes:
    """Replaces what stands between two delimiters of a text by something that is hard to digest."""
    hostile = [
        b"1e999",
        b"-1",
        b"0",
        b"9" * 30,
        b"NaN",
        b"null",
        b"[" * 2000,
        b'"\\ud800"',
        b"{}",
        b'"' + b"x" * 999 + b'"',
    ]
    cuts = [i for i, byte in enumerate(content[:100_000]) if byte in b',:[]{}="\n']
    if len(cuts) < 2:
        return insert(content, random)
    at = int(random.integers(len(cuts) - 1))
    return content[: cuts[at] + 1] + hostile[random.integers(len(hostile))] + content[cuts[at + 1] :]


def _range(content: bytes, random: np.random.Generator) -> tuple[int, int]:
    start = int(random.integers(len(content)))
    return start, min(len(content), start + int(2 ** random.uniform(0, 12)))


MUTATIONS = (flip, truncate, insert, zero, duplicate, edit_length, edit_token)
