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
    """The incident that was written so; what another version has written beside it is left out.

    Raises:
        TransientError: GB-2203, when it is damaged.
    """
    with _readable():
        found = _known(Incident, json.loads(text))
        times = {name: _moment(found.get(name)) for name in ("opened_at", "announced_at", "reminded_at", "closed_at")}
        slots = {name: _slots(found.get(name, {})) for name in ("broken", "mended")}
        return Incident(**{**found, **times, **slots, "breach": _breach(found.get("breach"))})


def message_document(message: Message) -> str:
    """The message as JSON."""
    deliveries = {channel: _plain(delivery) for channel, delivery in message.deliveries.items()}
    return json.dumps({**_plain(message, but=("deliveries",)), "deliveries": deliveries}, default=str)


def read_message(text: str) -> Message:
    """The message that was written so; see :func:`read_incident`."""
    with _readable():
        found = _known(Message, json.loads(text))
        deliveries = {
            channel: Delivery(**{**_known(Delivery, one), "next_at": _moment(one.get("next_at")), "done_at": _moment(one.get("done_at"))})
            for channel, one in found["deliveries"].items()
        }
        given = {**found, "created_at": _moment(found["created_at"]), "incidents": tuple(found["incidents"]), "deliveries": deliveries}
        return Message(**given)


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
        todo="Nothing is lost: it is tried again at the next tick. If it stays, `globalbev doctor`.",
    )


def _known(kind: type[Any], found: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in found.items() if name in names}


def _plain(thing: Any, but: tuple[str, ...] = ()) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in fields(thing) if field.name not in but}


def _slots(found: Mapping[str, Claims]) -> dict[Slot, Claims]:
    return {(table, rule): days for name, days in found.items() for table, _, rule in (name.partition(_BETWEEN),)}


def _breach(found: Mapping[str, Any] | None) -> Breach | None:
    if found is None:
        return None
    figures = {name: Decimal(found[name]) if found.get(name) is not None else None for name in ("observed", "minimum", "maximum")}
    return Breach(**{**_known(Breach, found), **figures})


def _moment(text: str | None) -> Any:
    return datetime.fromisoformat(text) if text else None
