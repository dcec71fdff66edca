"""Who may ask, how much may come, and what every answer says to browsers."""

import asyncio
import hmac
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monoface.serving.limits import RefusedError, ServeLimits

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_COOKIE = "monoface-token"

# What answers say that say nothing else: nothing of them may run, and nobody else may read or frame them.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def refusal(_: Request, error: Exception) -> Response:
    """The answer to a request that was refused, or to one that no address answers."""
    if isinstance(error, HTTPException):
        return refused_response(RefusedError(error.status_code, error.detail))
    if not isinstance(error, RefusedError):
        raise error
    return refused_response(error)


def refused_response(error: RefusedError) -> Response:
    """A status with a reason."""
    headers = {} if error.retry_seconds is None else {"Retry-After": str(error.retry_seconds)}
    return JSONResponse({"status": error.status, "reason": error.reason}, error.status, headers)


class Guard:
    """Lets requests through that come from this server's own page, or from no page at all.

    A page of somebody else's can send requests to this machine, too. Browsers say where they come from
    (`Origin`, `Sec-Fetch-Site`), and by which name they know this server (`Host`): names other than this
    machine's are refused where no token is asked for, so that no stranger's name can be made to lead here.

    Args:
        app: What answers.
        token: What requests must show; none where only this machine can ask.
    """

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, send_guarded)

    def _answer(self, scope: Scope) -> Response | None:
        """What a request is answered at the door; None if it may come in."""
        headers = Headers(scope=scope)
        try:
            self._check_origin(headers)
            if self._token is not None:
                return self._check_token(self._token, scope, headers)
        except RefusedError as error:
            return refused_response(error)
        return None

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._token is None and _hostname(host) not in LOOPBACK:
            raise RefusedError(421, "this server answers to 127.0.0.1, localhost and [::1] only")
        if origin is not None and urlsplit(origin).netloc != host:
            raise RefusedError(403, "requests from pages of other sites are refused")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise RefusedError(403, "requests from pages of other sites are refused")

    def _check_token(self, token: str, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        """Refuse who does not know the token; who has it in the address gets it as a cookie."""
        bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
        except CookieError:
            morsel = None
        for shown in (bearer, "" if morsel is None else morsel.value):
            if hmac.compare_digest(shown.encode(), token.encode()):
                return None
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if hmac.compare_digest(asked.encode(), token.encode()):
            response = RedirectResponse(scope["path"], 303)
            response.set_cookie(_COOKIE, token, httponly=True, samesite="strict")
            return response
        raise RefusedError(401, "expected the token that the server printed: in Authorization: Bearer TOKEN")


class UploadLimit:
    """Reads no more of a request than is allowed, and not for longer.

    Args:
        app: What answers.
        limits: How much, and for how long.
    """

    def __init__(self, app: ASGIApp, limits: ServeLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as far as it keeps within the limits."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        most, came, done = self._limits.upload_bytes, 0, False
        deadline = asyncio.get_running_loop().time() + self._limits.upload_seconds
        told = Headers(scope=scope).get("content-length", "")
        if told.isdigit() and int(told) > most:
            await self._too_large()(scope, receive, send)
            return

        async def receive_within() -> Message:
            nonlocal came, done
            if done:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                seconds = self._limits.upload_seconds
                raise RefusedError(408, f"expected the whole request within {seconds:.0f} seconds") from None
            came += len(message.get("body", b""))
            done = not message.get("more_body", False)
            if came > most:
                raise RefusedError(413, self._reason)
            return message

        await self._app(scope, receive_within, send)

    @property
    def _reason(self) -> str:
        return f"expected at most {self._limits.upload_bytes / 1e6:.0f} MB in one request"

    def _too_large(self) -> Response:
        return refused_response(RefusedError(413, self._reason))


def _hostname(host: str) -> str:
    """`Host` without its port; an address of IPv6 stands in brackets."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].lower()
