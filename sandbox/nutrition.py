"""Nutrition documents: one JSON file a product, in the older and the newer shape."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from partitions.days import DayRange

from .dice import dice
from .landing import Landing
from .ledger import Defect

FEED = "product_nutrition"
PRODUCTS_A_MONTH = 50
NUTRIENTS = {
    "sugars": (0.0, 13.0),
    "fat": (0.0, 4.0),
    "carbohydrates": (0.0, 14.0),
    "proteins": (0.0, 4.0),
    "salt": (0.0, 0.4),
    "caffeine": (0.0, 0.05),
}
ALLERGENS = ("milk", "soy", "sulphites", "gluten", "almonds")


def deliver_history(root: Path, seed: int, skus: Sequence[str], days: DayRange) -> list[Defect]:
    """Fifty products a month, and what goes wrong."""
    landing = Landing(root, FEED)
    months = [days.first + timedelta(days=3 + 30 * month) for month in range(6)]
    for month, day in enumerate(months):
        for sku in skus[month * PRODUCTS_A_MONTH : (month + 1) * PRODUCTS_A_MONTH]:
            landing.deliver(day, f"{sku}.json", document(seed, sku), has_marker=dice(seed, "marker", sku).random() < 0.7)
    _correct(landing, seed, skus, months)
    _spoil(landing, seed, skus, months)
    return landing.defects


def document(seed: int, sku: str, *, version: int = 1) -> bytes:
    """A product's document; a later version has other values."""
    luck = dice(seed, "nutrition", sku, version)
    values = {name: round(luck.uniform(*span), 2) for name, span in NUTRIENTS.items() if luck.random() < 0.8}
    energy_kj = round(37 * values.get("fat", 0) + 17 * (values.get("carbohydrates", 3.0) + values.get("proteins", 0)), 1)
    basis = "per_100ml" if luck.random() < 0.9 else "per_100g"
    nutrition = _older(luck, basis, values, energy_kj) if dice(seed, "shape", sku).random() < 0.6 else _newer(luck, basis, values, energy_kj)
    return _encode(luck, sku, nutrition)


def _older(luck: Random, basis: str, values: dict[str, float], energy_kj: float) -> dict[str, Any]:
    energy: dict[str, Any] = {"energy-kj_100g": energy_kj} if luck.random() < 0.8 else {"energy-kcal_100g": round(energy_kj / 4.184, 1)}
    others = {f"{name}_100g": str(value) if luck.random() < 0.3 else value for name, value in values.items()}
    return {"basis": basis, "nutriments": energy | others}


def _newer(luck: Random, basis: str, values: dict[str, float], energy_kj: float) -> dict[str, Any]:
    is_kj = luck.random() < 0.7
    energy = {"value": energy_kj if is_kj else round(energy_kj / 4.184, 1), "unit": "kJ" if is_kj else "kcal", "modifier": None}
    others = {
        name: {"value": str(value) if luck.random() < 0.2 else value, "unit": "g", "modifier": "<" if luck.random() < 0.05 else None}
        for name, value in values.items()
    }
    return {"basis": basis, "aggregated_set": {"nutrients": {"energy": energy} | others}}


def _encode(luck: Random, sku: str, nutrition: dict[str, Any]) -> bytes:
    body: dict[str, Any] = {"sku": sku, "nutrition": nutrition}
    found = luck.sample(ALLERGENS, luck.randint(1, 2))
    drawn = luck.random()
    if drawn < 0.35:
        body["allergens"] = found
    elif drawn < 0.7:
        body["allergens"] = ", ".join(found)
    if luck.random() < 0.1:
        body["ecoscore"] = {"grade": luck.choice("abcde"), "revision": 2}
    return json.dumps(body, indent=1).encode()


def _correct(landing: Landing, seed: int, skus: Sequence[str], months: Sequence[date]) -> None:
    """Three documents are delivered again with other values a month later, one twice, one under another name."""
    for number in range(3):
        sku = skus[PRODUCTS_A_MONTH + number]
        landing.deliver(months[2], f"{sku}.json", document(seed, sku, version=2))
        landing.note(months[1], f"{sku}.json", "corrected_later", "superseded", rows=1)
    twice, renamed = skus[2 * PRODUCTS_A_MONTH], skus[3 * PRODUCTS_A_MONTH]
    landing.spoil(months[2] + timedelta(days=1), f"{twice}.json", document(seed, twice), "delivered_twice", "duplicate_file")
    landing.spoil(months[3] + timedelta(days=1), f"copy_of_{renamed}.json", document(seed, renamed), "same_content_renamed", "duplicate_file")


def _spoil(landing: Landing, seed: int, skus: Sequence[str], months: Sequence[date]) -> None:
    """Documents that cannot be taken: of unknown products, with unreadable values, or not JSON at all."""
    for number, day in enumerate(months):
        stray = f"BEV-98{number:04d}"
        landing.deliver(day, f"{stray}.json", document(seed, stray))
        _quarantined(landing, day, stray, "unknown_sku", "sku")
        vague = skus[len(months) * PRODUCTS_A_MONTH + number]
        body = {"sku": vague, "nutrition": {"basis": "per_100ml", "nutriments": {"sugars_100g": ("trace", "n/a", "10.6 g?")[number % 3]}}}
        landing.deliver(day, f"{vague}.json", json.dumps(body).encode())
        _quarantined(landing, day, vague, "value_unreadable", "value")
    whole = document(seed, "BEV-000001")
    landing.spoil(months[1] + timedelta(days=2), "truncated.json", whole[: len(whole) // 2], "corrupt")
    landing.spoil(months[2] + timedelta(days=2), "utf16.json", whole.decode().encode("utf-16"), "wrong_encoding")
    landing.spoil(months[3] + timedelta(days=2), "empty.json", b"", "empty")


def _quarantined(landing: Landing, day: date, sku: str, rule: str, column: str) -> None:
    key = {"sku": sku, "file": f"{FEED}/{day}/{sku}.json"}
    landing.defects.append(Defect(FEED, key, rule, "quarantined", "silver.nutrition", rule, column, day))
