"""What stands between the web and every view: form tokens, rate limits, response headers.

A request that carries `Authorization: Bearer` needs no form token, because no foreign page can make a
browser send that header; every other POST needs one, from the form or from the X-CSRFToken header. The
content policy forbids inline scripts and styles; an island that must add a style element (CodeMirror does)
reads the nonce of `<meta property="csp-nonce">`.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import Flask, Response, abort, current_app, g, request, session
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from arena.league.uploads import MAX_UPLOAD_BYTES
from leaderboard.settings import Settings

csrf = CSRFProtect()

# The editor's form may be this many times too large and is still read: what was typed is shown again then.
EDITOR = "entries.enter"
EDITOR_ROOM = 8
# Where the file of a policy may come in a form.
UPLOADS = (EDITOR, "api_entering.submit", "api_entering.check")


def caller() -> str:
    """Name who is calling for a rate limit: the racer when signed in, else the address."""
    if current_user.is_authenticated:
        return f"racer:{current_user.id}"
    return get_remote_address()


limiter = Limiter(key_func=get_remote_address, headers_enabled=True)


def csp_nonce() -> str:
    """Return this request's nonce for style elements made by scripts."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def register(app: Flask, settings: Settings) -> None:
    """Put the guards before and after every view of the app."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,  # `_check_form_token` decides, because bearer tokens are exempt
        WTF_CSRF_TIME_LIMIT=None,  # a form left open over lunch must not lose what was typed
        WTF_CSRF_SSL_STRICT=False,  # behind a proxy the referrer's host may differ
        RATELIMIT_STORAGE_URI=settings.rate_limit_storage,
        RATELIMIT_ENABLED=settings.rate_limits,
        RATELIMIT_STRATEGY="moving-window" if settings.rate_limit_storage == "memory://" else "fixed-window",
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.session_days),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
        MAX_CONTENT_LENGTH=settings.max_upload_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_upload_bytes,
    )
    if settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=settings.proxies
        )
    csrf.init_app(app)
    limiter.init_app(app)
    app.before_request(_refuse_nul)
    app.before_request(_leave_room_for_entries)
    app.before_request(_check_form_token)
    app.after_request(_add_headers)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def _refuse_nul() -> None:
    """Answer 400 to an address with NUL: no name has one, and PostgreSQL refuses to compare with it."""
    if "\0" in request.path or any("\0" in value for value in request.args.values()):
        abort(400)


def _leave_room_for_entries() -> None:
    """Read more of the editor's text, and the files of people who say who they are."""
    room = current_app.config["MAX_CONTENT_LENGTH"]
    if request.endpoint == EDITOR:
        room *= EDITOR_ROOM
        request.max_form_memory_size = room
    is_file = request.mimetype == "multipart/form-data" and request.endpoint in UPLOADS
    if is_file and ("_user_id" in session or "Authorization" in request.headers):
        room += MAX_UPLOAD_BYTES
    if request.endpoint in UPLOADS:
        request.max_content_length = room


def _check_form_token() -> None:
    if request.endpoint is None:
        return  # no view will see it: 404 or 405 is the better answer
    if request.path.startswith("/api/") and "_user_id" not in session:
        return  # nobody is signed in here: there is nothing to misuse, and the answer is 401
    has_token = request.headers.get("Authorization", "").lower().startswith("bearer ")
    if current_app.config["WTF_CSRF_ENABLED"] and not has_token:
        csrf.protect()


def _add_headers(response: Response) -> Response:
    style = f"style-src 'self' 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else "style-src 'self'"
    policy = (
        f"default-src 'self'; script-src 'self'; {style}; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if "_user_id" in session and not request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response
