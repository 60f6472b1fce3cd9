"""Incidents and messages as JSON documents, as ``ops.alerts`` keeps them, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from resources.alerts.incident import Claims, Incident, Slot
from resources.alerts.messages import Delivery, Message
from resources.alerts.observations import Breach

_BETWEEN = "|"


def incident_document(incident: Incident) -> str:
    """The incident as JSON."""
    plain = _plain(incident, but=("broken", "mended", "breach"))
    slots = {name: {_BETWEEN.join(slot): days for slot, days in getattr(incident, name).items()} for name in ("broken", "mended")}
    breach = _plain(incident.breach) if incident.breach else None
    return json.dumps({**plain, **slots, "breach": breach}, default=str)


def read_incident(text: str) -> Incident:
    """The incident that was written so."""
    found = json.loads(text)
    times = {name: _moment(found[name]) for name in ("opened_at", "announced_at", "reminded_at", "closed_at")}
    return Incident(**{**found, **times, "broken": _slots(found["broken"]), "mended": _slots(found["mended"]), "breach": _breach(found["breach"])})


def message_document(message: Message) -> str:
    """The message as JSON."""
    deliveries = {channel: _plain(delivery) for channel, delivery in message.deliveries.items()}
    return json.dumps({**_plain(message, but=("deliveries",)), "deliveries": deliveries}, default=str)


def read_message(text: str) -> Message:
    """The message that was written so."""
    found = json.loads(text)
    deliveries = {
        channel: Delivery(**{**delivery, "next_at": _moment(delivery["next_at"]), "done_at": _moment(delivery["done_at"])})
        for channel, delivery in found["deliveries"].items()
    }
    given = {**found, "created_at": _moment(found["created_at"]), "incidents": tuple(found["incidents"]), "deliveries": deliveries}
    return Message(**given)


def _plain(thing: Any, but: tuple[str, ...] = ()) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in fields(thing) if field.name not in but}


def _slots(found: Mapping[str, Claims]) -> dict[Slot, Claims]:
    return {(table, rule): days for name, days in found.items() for table, _, rule in (name.partition(_BETWEEN),)}


def _breach(found: Mapping[str, Any] | None) -> Breach | None:
    if found is None:
        return None
    figures = {name: Decimal(found[name]) if found[name] is not None else None for name in ("observed", "minimum", "maximum")}
    return Breach(**{**found, **figures})


def _moment(text: str | None) -> Any:
    return datetime.fromisoformat(text) if text else None
