"""Signs up, reads the session and the list of sessions, refreshes and signs out, with the client
that openapi-python-client makes of allauth's document. The first check that fails ends the walk."""

import os
import secrets

from allauth_client import Client
from allauth_client.api.authentication_account import (
    post_allauth_client_v1_auth_login as login,
    post_allauth_client_v1_auth_signup as signup,
)
from allauth_client.api.authentication_current_session import (
    delete_allauth_client_v1_auth_session as sign_out,
    get_allauth_client_v1_auth_session as get_session,
)
from allauth_client.api.configuration import get_allauth_client_v1_config as get_config
from allauth_client.api.sessions import (
    delete_allauth_client_v1_auth_sessions as end_sessions,
    get_allauth_client_v1_auth_sessions as list_sessions,
)
from allauth_client.api.tokens import post_allauth_app_v1_tokens_refresh as refresh
from allauth_client.models import (
    AuthenticatedResponse,
    AuthenticationResponse,
    EndSessions,
    ErrorResponse,
    Login,
    PostAllauthAppV1TokensRefreshBody,
    SessionGoneResponse,
    Signup,
)

PASSWORD = "a long enough password"

client = Client(base_url=os.environ["BASE_URL"], raise_on_unexpected_status=True)
email = f"foreign-python-{secrets.token_hex(8)}@example.com"


def check(holds, what):
    if not holds:
        raise SystemExit(f"python: {what}")


def call(operation, status, model, *arguments, **keywords):
    """The parsed answer of an operation, which must have this status and be of this model."""
    answer = operation.sync_detailed(*arguments, client=client, **keywords)
    name = operation.__name__.rsplit(".", 1)[1]
    check(answer.status_code == status, f"{name}: got {answer.status_code}, want {status}: {answer.content!r}")
    if model is not None:
        check(isinstance(answer.parsed, model), f"{name}: got {answer.parsed!r}, want {model.__name__}")
    return answer.parsed


def log_in(password, status, model):
    body = Login(password=password)
    body["email"] = email  # the generator drops what the document says with anyOf
    return call(login, status, model, "app", body=body)


config = call(get_config, 200, None, "app")
check(bool(config.data.account), "config: no account settings")

signed_up = call(signup, 200, AuthenticatedResponse, "app", body=Signup(email=email, password=PASSWORD))
user = signed_up.data.user
check(user.email == email, f"sign-up: the address is {user.email!r}")
check(bool(user.username), "sign-up: no user name")
token = signed_up.meta.session_token
access_token = signed_up.meta.access_token
refresh_token = signed_up.meta["refresh_token"]  # not named by the document
check(all((token, access_token, refresh_token)), "sign-up: a token is missing")

session = call(get_session, 200, AuthenticatedResponse, "app", x_session_token=token)
check(session.data.user.id == user.id, "session: another user")

refused = log_in("not the password", 400, ErrorResponse)
check(bool(refused.errors[0].code), "sign-in with a wrong password: no code")
second = log_in(PASSWORD, 200, AuthenticatedResponse)
check(second.data.methods[0].method.value == "password", "sign-in: the method is not the password")

sessions = call(list_sessions, 200, None, "app", x_session_token=token).data
check(len(sessions) == 2, f"sessions: got {len(sessions)}, want 2")
check([s.is_current for s in sessions].count(True) == 1, "sessions: not exactly one is the current one")
others = [s.id for s in sessions if not s.is_current]
left = call(end_sessions, 200, None, "app", body=EndSessions(sessions=others), x_session_token=token).data
check(len(left) == 1 and left[0].is_current, "sessions: the other one did not end")
call(get_session, 410, SessionGoneResponse, "app", x_session_token=second.meta.session_token)

refreshed = call(refresh, 200, None, body=PostAllauthAppV1TokensRefreshBody(refresh_token=refresh_token)).data
check(bool(refreshed.access_token), "refresh: no access token")
without_token = client
client = client.with_headers({"Authorization": "Bearer " + refreshed.access_token})
session = call(get_session, 200, AuthenticatedResponse, "app")
check(session.data.user.id == user.id, "session by access token: another user")

call(sign_out, 401, AuthenticationResponse, "app")
call(get_session, 401, AuthenticationResponse, "app")
client = without_token
call(get_session, 410, SessionGoneResponse, "app", x_session_token=token)
last = refreshed.refresh_token or refresh_token
call(refresh, 400, ErrorResponse, body=PostAllauthAppV1TokensRefreshBody(refresh_token=last))

print(f"python: 15 calls hold; the user's id is {user.id!r}")
