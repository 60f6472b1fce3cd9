"""Answers and errors in the shapes of Databricks' REST API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What is sent back: a status, a JSON document or bytes, and further headers."""

    status: int = 200
    document: dict[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """An error as the API gives it: ``{"error_code": …, "message": …}``."""

    def __init__(self, status: int, error_code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"error_code": error_code, "message": message}, headers=headers or {})


def not_found(message: str) -> ApiError:
    """What was asked for is not there."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", message)


def invalid(message: str) -> ApiError:
    """A request that makes no sense."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def denied(message: str) -> ApiError:
    """Known who asks, and may not."""
    return ApiError(403, "PERMISSION_DENIED", message)
