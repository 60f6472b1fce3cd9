"""Is Dagster silent? What was observed and what is remembered go in, a verdict comes out; no clock, no file, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of life.

    Attributes:
        name: whose, in words: "the sensor daemon".
        good_at: when it was last known to be well, in seconds since 1970; None when this look saw nothing of it.
        tolerance_s: how much older it may be than others, because it comes seldom.
        what: what was seen instead, when it was not well.
    """

    name: str
    good_at: float | None
    tolerance_s: float = 0.0
    what: str = ""


@dataclass(frozen=True)
class Memory:
    """What the last looks left: when each sign was last well, since when Dagster is silent, and whether anybody was told.

    ``is_told``: a message that it is back is due. ``told_of``: the signs that a message named; one more that fails is told, too.
    """

    good_at: Mapping[str, float] = field(default_factory=dict)
    silent_since: float | None = None
    is_told: bool = False
    told_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What one look came to."""

    is_silent: bool
    reasons: tuple[str, ...]
    silent_since: float | None
    memory: Memory
    notice: Literal["silent", "back", ""] = ""
    names: tuple[str, ...] = ()


def judge(signs: Sequence[Sign], memory: Memory, at: float, silence_s: float) -> Verdict:
    """Silent is what was well too long ago; a sign that was never seen counts from the first look on.

    One notice a silence and one when it is over: the next look knows by ``memory`` what was told.
    """
    good_at = {sign.name: _good_at(sign, memory, at) for sign in signs}
    late = [sign for sign in signs if at - good_at[sign.name] >= silence_s + sign.tolerance_s]
    reasons = tuple(f"{sign.name}: {_words(at - good_at[sign.name])}{f' ({sign.what})' if sign.what else ''}" for sign in late)
    since = (memory.silent_since or min(good_at[sign.name] for sign in late)) if late else None
    is_back = not late and memory.is_told
    names = tuple(sign.name for sign in late)
    is_news = bool(late) and (not memory.is_told or not set(names) <= set(memory.told_of))
    notice: Literal["silent", "back", ""] = "silent" if is_news else "back" if is_back else ""
    # What is said when it is back is how long it was silent.
    shown_since = since if late else memory.silent_since
    return Verdict(
        bool(late),
        reasons,
        shown_since,
        Memory(good_at, since if late else memory.silent_since if is_back else None, memory.is_told, memory.told_of),
        notice,
        names,
    )


def told(memory: Memory, notice: str, names: tuple[str, ...] = ()) -> Memory:
    """What is remembered once the notice was sent, that named these signs."""
    if notice == "silent":
        return Memory(memory.good_at, memory.silent_since, is_told=True, told_of=tuple(dict.fromkeys([*memory.told_of, *names])))
    return Memory(memory.good_at)


def _good_at(sign: Sign, memory: Memory, at: float) -> float:
    seen = [moment for moment in (sign.good_at, memory.good_at.get(sign.name)) if moment is not None]
    return min(max(seen), at) if seen else at  # another machine's clock may be ahead


def _words(seconds: float) -> str:
    return f"nothing for {seconds / 60:.0f} min"
