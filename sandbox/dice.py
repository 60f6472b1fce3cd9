"""Chance from a seed: each use is a pure function of the seed and its own name, so nothing depends on what was drawn before."""

from __future__ import annotations

import hashlib
from random import Random


def dice(seed: int, *name: object) -> Random:
    """A generator of its own for a named purpose."""
    text = ":".join(str(part) for part in (seed, *name))
    return Random(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"))  # noqa: S311
