"""Who may call: tokens, service principals that get theirs by OAuth, and what each may do."""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from .answers import Answer, ApiError, denied

TOKEN_S = 3600


class OAuthError(ApiError):
    """A refusal in the shape of OAuth's own standard (RFC 6749)."""

    def __init__(self) -> None:
        super().__init__(401, "invalid_client", "Client authentication failed")
        self.answer = Answer(401, {"error": "invalid_client", "error_description": "Client authentication failed"})


@dataclass
class Principals:
    """The callers of a workspace.

    Attributes:
        tokens: principal by bearer token.
        clients: secret by client id, of service principals.
        without: principals that may call but submit nothing.
        without_manage: principals that may give nobody else access.
    """

    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    clients: dict[str, str] = field(default_factory=dict, repr=False)
    without: set[str] = field(default_factory=set)
    without_manage: set[str] = field(default_factory=set)
    _expiry: dict[str, float] = field(default_factory=dict, repr=False)

    def new_token(self, principal: str) -> str:
        """A personal access token."""
        token = f"dapi{secrets.token_hex(16)}"
        self.tokens[token] = principal
        return token

    def new_client(self) -> tuple[str, str]:
        """Id and secret of a service principal."""
        client = f"{secrets.token_hex(4)}-service-principal"
        self.clients[client] = f"dose{secrets.token_hex(16)}"
        return client, self.clients[client]

    def who(self, authorization: str | None) -> str:
        """The caller of a request.

        Raises:
            ApiError: 401 nothing was sent, 403 the token is not known or has run out.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme != "Bearer" or not token:
            raise ApiError(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type for this API.")
        principal = next((name for known, name in self.tokens.items() if hmac.compare_digest(known, token)), None)
        if principal is None or self._expiry.get(token, time.time() + 1) < time.time():
            raise ApiError(403, "403", "Invalid access token.")
        return principal

    def may_submit(self, principal: str) -> None:
        """Refuse whoever may look only."""
        if principal in self.without:
            raise denied(f"{principal} does not have the permission to use this cluster policy and to submit runs.")

    def grant(self, authorization: str | None, form: Mapping[str, str]) -> dict[str, object]:
        """The token endpoint of OAuth's client credentials."""
        client, secret = _basic(authorization) if authorization else (form.get("client_id", ""), form.get("client_secret", ""))
        if not hmac.compare_digest(self.clients.get(client, ""), secret) or not secret:
            raise OAuthError
        token = secrets.token_urlsafe(32)
        self.tokens[token], self._expiry[token] = client, time.time() + TOKEN_S
        return {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_S, "scope": "all-apis"}


def _basic(authorization: str) -> tuple[str, str]:
    name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
    return name, secret
