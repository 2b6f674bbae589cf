"""requests-oauthlib: every grant it has, PKCE, refresh by itself, revocation."""

import time

import requests
from oauthlib.oauth2 import BackendApplicationClient, DeviceClient, LegacyApplicationClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from session import authorize, demand, refused, run, settings, visit

SCOPE = settings.get("scope", "openid").split()
ISSUER = settings["issuer"]
METADATA = requests.get(ISSUER + "/.well-known/openid-configuration", timeout=20).json()
TOKEN = METADATA["token_endpoint"]


def client(name):
    return settings["clients"][name]


def basic(name):
    return HTTPBasicAuth(client(name)["id"], client(name)["secret"])


def client_credentials_basic():
    session = OAuth2Session(client=BackendApplicationClient(client("basic")["id"]))
    token = session.fetch_token(TOKEN, auth=basic("basic"))
    demand(token["access_token"] and session.authorized, "no token")


def client_credentials_post():
    session = OAuth2Session(client=BackendApplicationClient(client("post")["id"]))
    session.fetch_token(TOKEN, client_secret=client("post")["secret"], include_client_id=True)


def client_secret_wrong():
    session = OAuth2Session(client=BackendApplicationClient(client("basic")["id"]))
    wrong = HTTPBasicAuth(client("basic")["id"], "wrong")
    error = refused(lambda: session.fetch_token(TOKEN, auth=wrong), OAuth2Error)
    demand(error.error == "invalid_client", f"{error!r}")


def log_in(shot, **more):
    session = OAuth2Session(
        client("public")["id"], redirect_uri=settings["redirect_uri"], scope=SCOPE, pkce="S256", **more
    )
    url, _ = session.authorization_url(METADATA["authorization_endpoint"])
    back = authorize(url, f"requests-oauthlib-{shot}")
    # It demands https of the address that comes back, also where RFC 8252 §7.3 has http on the loopback.
    back = back.replace("http://", "https://", 1)
    token = session.fetch_token(TOKEN, authorization_response=back, include_client_id=True)
    return session, token


def authorization_code_pkce():
    session, token = log_in("code")
    demand(token.get("refresh_token"), "no refresh_token")
    reply = session.get(METADATA["userinfo_endpoint"])
    demand(reply.json()["sub"] == settings["subject"], reply.text)


def refresh():
    session, token = log_in("refresh")
    for _ in range(3):
        renewed = session.refresh_token(TOKEN, client_id=client("public")["id"])
        demand(renewed["refresh_token"] != token["refresh_token"], "it did not rotate")
        token = renewed


def refresh_by_itself():
    kept = []
    session, token = log_in(
        "auto",
        auto_refresh_url=TOKEN,
        auto_refresh_kwargs={"client_id": client("public")["id"]},
        token_updater=kept.append,
    )
    session.token = dict(token, expires_in=-10, expires_at=time.time() - 10)
    reply = session.get(METADATA["userinfo_endpoint"])
    demand(reply.status_code == 200, f"{reply.status_code} {reply.text}")
    demand(len(kept) == 1, f"{len(kept)} renewals")


def password():
    session = OAuth2Session(client=LegacyApplicationClient(client("password")["id"]))
    token = session.fetch_token(
        TOKEN,
        username=settings["username"],
        password=settings["password"],
        include_client_id=True,
    )
    demand(token["refresh_token"], "no refresh_token")


def revocation():
    session, token = log_in("revocation")
    made = session._client.prepare_token_revocation_request(METADATA["revocation_endpoint"], token["refresh_token"],
                                                            token_type_hint="refresh_token")
    url, headers, body = made
    body += "&client_id=" + client("public")["id"]
    reply = requests.post(url, headers=headers, data=body, timeout=20)
    demand(reply.status_code == 200, f"{reply.status_code} {reply.text}")
    error = refused(lambda: session.refresh_token(TOKEN, client_id=client("public")["id"]), OAuth2Error)
    demand(error.error == "invalid_grant", f"{error!r}")


def device_code():
    public = client("public")["id"]
    asked = requests.post(
        METADATA["device_authorization_endpoint"],
        data={"client_id": public, "scope": " ".join(SCOPE)},
        timeout=20,
    ).json()
    session = OAuth2Session(client=DeviceClient(public), scope=SCOPE)

    def poll():
        # `code` is what the session hands on; RFC 8628 §3.4 wants it as `device_code`.
        return session.fetch_token(
            TOKEN, device_code=asked["device_code"], include_client_id=True
        )

    waiting = refused(poll, OAuth2Error)
    demand(waiting.error == "authorization_pending", f"{waiting!r}")
    visit(asked["verification_uri_complete"], "requests-oauthlib-device")
    time.sleep(asked.get("interval", 5))
    demand(poll()["access_token"], "no token")


run("requests-oauthlib", {
    "client_credentials_basic": client_credentials_basic,
    "client_credentials_post": client_credentials_post,
    "client_secret_wrong": client_secret_wrong,
    "authorization_code_pkce": authorization_code_pkce,
    "refresh": refresh,
    "refresh_by_itself": refresh_by_itself,
    "password": password,
    "revocation": revocation,
    "device_code": device_code,
})
