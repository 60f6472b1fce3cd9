"""A sign of life of each sensor that is on: its ticks end well. Pure; that sensors are tried at all is another sign, and told once for all of them.

The newest tick of any kind says nothing of a sensor that fails at each: it is tried every 30 s, and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from globalbev_assets.operations.heartbeat_judgement import Sign

SENSOR = "the sensor"
WELL, STARTED = ("SUCCESS", "SKIPPED"), "STARTED"
_SAID = {"FAILURE": "its ticks fail", STARTED: "a tick does not end"}
GONE_S, HANGS_S = 300.0, 86_400.0
"""Dagster keeps the state of a sensor that is no longer in the code, and tries it no more. So one that was last tried so much earlier than another
is none any more: sensors are tried in turn, within seconds. One that is in a tick may hang there; after a day it is taken to be gone too."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """What Dagster's storage says of one sensor that is on; times in seconds since 1970.

    Attributes:
        name: its name.
        interval_s: so long it waits between two ticks.
        since: when it was switched on.
        tried: when it was last tried, however that ended.
        good: when a tick last ended well, with or without something to do.
        last: state of its newest tick, as Dagster has it: SUCCESS, SKIPPED, FAILURE, STARTED; empty where none is kept.
    """

    name: str
    interval_s: float
    since: float | None = None
    tried: float | None = None
    good: float | None = None
    last: str = ""


def last_tried(sensors: Sequence[Sensor]) -> float | None:
    """When any of them was last tried."""
    return max((sensor.tried for sensor in sensors if sensor.tried is not None), default=None)


def signs_of_sensors(sensors: Sequence[Sensor], at: float) -> Iterator[Sign]:
    """One a sensor: well while its newest tick has ended well, else since its last one that did, or since it was switched on."""
    newest = last_tried(sensors)
    for sensor in sensors:
        if sensor.last in WELL:
            yield Sign(f"{SENSOR} {sensor.name}", at, sensor.interval_s)
        elif newest is None or newest - (_later(sensor.tried, sensor.since) or newest) <= _patience_s(sensor):
            is_at_work = sensor.last == STARTED and newest is not None and at - (sensor.tried or 0.0) < GONE_S
            what = "" if is_at_work else _SAID.get(sensor.last, "no tick is known")
            yield Sign(f"{SENSOR} {sensor.name}", _later(sensor.good, sensor.since), sensor.interval_s, what)


def _patience_s(sensor: Sensor) -> float:
    return HANGS_S if sensor.last == STARTED else sensor.interval_s + GONE_S


def _later(*moments: float | None) -> float | None:
    return max((moment for moment in moments if moment is not None), default=None)
