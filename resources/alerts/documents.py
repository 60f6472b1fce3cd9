"""Incidents and messages as JSON documents, as ``ops.alerts`` keeps them, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from globalbev_assets.errors import TransientError
from resources.alerts.claims import Claims, Said, Slot
from resources.alerts.incident import Incident
from resources.alerts.messages import Delivery, Message
from resources.alerts.observations import Breach

_BETWEEN = "|"


def incident_document(incident: Incident) -> str:
    """The incident as JSON."""
    plain = _plain(incident, but=("broken", "mended"))
    slots = {name: {_BETWEEN.join(slot): _claims(days) for slot, days in getattr(incident, name).items()} for name in ("broken", "mended")}
    return json.dumps({**plain, **slots}, default=str)


def read_incident(text: str) -> Incident:
    """The incident that was written so; what another version has written beside it is left out.

    Raises:
        TransientError: GB-2203, when it is damaged.
    """
    with _readable():
        found = _known(Incident, json.loads(text))
        times = {name: _moment(found.get(name)) for name in ("opened_at", "announced_at", "reminded_at", "closed_at")}
        slots = {name: _slots(found.get(name, {})) for name in ("broken", "mended")}
        told = found.get("told", [found["severity"]] if found["announcement"] else [])
        return Incident(**{**found, **times, **slots, "told": tuple(told)})


def message_document(message: Message) -> str:
    """The message as JSON."""
    deliveries = {channel: _plain(delivery) for channel, delivery in message.deliveries.items()}
    return json.dumps({**_plain(message, but=("deliveries",)), "deliveries": deliveries}, default=str)


def read_message(text: str) -> Message:
    """The message that was written so; see :func:`read_incident`."""
    with _readable():
        raw = json.loads(text)
        found = _known(Message, raw)
        deliveries = {
            channel: Delivery(**{**_known(Delivery, one), "next_at": _moment(one.get("next_at")), "done_at": _moment(one.get("done_at"))})
            for channel, one in found["deliveries"].items()
        }
        listed = {"severities": tuple(found.get("severities") or [raw["severity"]]), "incidents": tuple(found["incidents"])}
        return Message(**{**found, **listed, "created_at": _moment(found["created_at"]), "deliveries": deliveries})


@contextmanager
def _readable() -> Iterator[None]:
    """A document that cannot be read is the table's error, with a code: a bare one said nothing, at every tick."""
    try:
        yield
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise unusable("reading a document", error) from None


def unusable(doing: str, error: Exception) -> TransientError:
    """The table of the alerts cannot be used now."""
    return TransientError(
        "GB-2203",
        "The table of the alerts cannot be read or written.",
        got=f"{type(error).__name__} while {doing}",
        valid="the table ops.alerts, readable and written by one process at a time",
        todo="Nothing is lost: it is tried again at the next tick. If it stays, `globalbev help GB-2203` says how it is mended.",
    )


def _known(kind: type[Any], found: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in found.items() if name in names}


def _plain(thing: Any, but: tuple[str, ...] = ()) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in fields(thing) if field.name not in but}


def _claims(days: Claims) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        day: {source: {**_plain(said), "breach": _plain(said.breach) if said.breach else None} for source, said in sources.items()}
        for day, sources in days.items()
    }


def _slots(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[Slot, Claims]:
    return {
        (table, rule): {day: {source: _said(said) for source, said in sources.items()} for day, sources in days.items()}
        for name, days in found.items()
        for table, _, rule in (name.partition(_BETWEEN),)
    }


def _said(found: Any) -> Said:
    """A first version kept only the event."""
    if isinstance(found, int):
        return Said(found)
    return Said(**{**_known(Said, found), "breach": _breach(found.get("breach"))})


def _breach(found: Mapping[str, Any] | None) -> Breach | None:
    if found is None:
        return None
    figures = {name: Decimal(found[name]) if found.get(name) is not None else None for name in ("observed", "minimum", "maximum")}
    return Breach(**{**_known(Breach, found), **figures})


def _moment(text: str | None) -> Any:
    return datetime.fromisoformat(text) if text else None
