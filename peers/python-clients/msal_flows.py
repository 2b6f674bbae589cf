"""MSAL, with the issuer as an authority of its own (`oidc_authority`): https, and a path in its URL."""

import threading

import msal
import requests

from session import authorize, demand, run, settings, visit

AUTHORITY = settings["issuer"]
SCOPES = [scope for scope in settings.get("msal_scope", "read").split()]


def public():
    client = settings["clients"]["public"]
    return msal.PublicClientApplication(client["id"], oidc_authority=AUTHORITY)


def confidential(credential=None):
    client = settings["clients"]["msal" if credential else "post"]
    return msal.ConfidentialClientApplication(
        client["id"],
        client_credential=credential or client["secret"],
        oidc_authority=AUTHORITY,
    )


def granted(reply):
    demand("access_token" in reply, f"{reply.get('error')}: {reply.get('error_description')} {reply}")
    return reply


def authority():
    return public().authority.token_endpoint


def client_credentials():
    application = confidential()
    first = granted(application.acquire_token_for_client(SCOPES))
    again = granted(application.acquire_token_for_client(SCOPES))
    demand(first["access_token"] == again["access_token"] and again["token_source"] == "cache", "not from its cache")


def client_secret_wrong():
    application = msal.ConfidentialClientApplication(
        settings["clients"]["post"]["id"], client_credential="wrong", oidc_authority=AUTHORITY
    )
    reply = application.acquire_token_for_client(SCOPES)
    demand(reply.get("error") == "invalid_client", f"{reply}")


def private_key_jwt():
    client = settings["clients"]["msal"]
    credential = {"private_key": client["pem"], "thumbprint": client["thumbprint"]}
    application = confidential(credential)
    granted(application.acquire_token_for_client(SCOPES))
    # It sends the same assertion again for nine minutes (RFC 7523 §3 item 7 lets a server refuse that).
    granted(application.acquire_token_for_client(SCOPES, data={"resource_hint": "2"}))
    application.remove_tokens_for_client()
    granted(application.acquire_token_for_client(SCOPES))


def logged_in(shot):
    application = public()
    flow = application.initiate_auth_code_flow(SCOPES, redirect_uri=settings["redirect_uri"])
    demand("code_challenge=" in flow["auth_uri"], "no PKCE")
    back = authorize(flow["auth_uri"], f"msal-{shot}")
    query = requests.compat.urlparse(back).query
    parameters = dict(pair.split("=", 1) for pair in query.split("&"))
    parameters = {name: requests.compat.unquote_plus(value) for name, value in parameters.items()}
    return application, granted(application.acquire_token_by_auth_code_flow(flow, parameters))


def authorization_code_pkce():
    _, reply = logged_in("code")
    demand(reply["id_token_claims"]["sub"] == settings["subject"], f"{reply['id_token_claims']}")


def refresh():
    application, reply = logged_in("refresh")
    for _ in range(3):
        accounts = application.get_accounts()
        demand(accounts, "no account")
        renewed = application.acquire_token_silent_with_error(SCOPES, accounts[0], force_refresh=True)
        demand(renewed and renewed.get("token_source") == "identity_provider", f"{renewed}")
        granted(renewed)
        demand(renewed["access_token"] != reply["access_token"], "the same access token")
        reply = renewed


def device_code():
    application = public()
    flow = application.initiate_device_flow(SCOPES)
    demand("user_code" in flow, f"{flow}")
    reply = {}
    waiting = threading.Thread(target=lambda: reply.update(application.acquire_token_by_device_flow(flow)), daemon=True)
    waiting.start()
    visit(flow["verification_uri"], "msal-device", user_code=flow["user_code"])
    waiting.join(60)
    granted(reply)


run("MSAL", {
    "authority": authority,
    "client_credentials": client_credentials,
    "client_secret_wrong": client_secret_wrong,
    "private_key_jwt": private_key_jwt,
    "authorization_code_pkce": authorization_code_pkce,
    "refresh": refresh,
    "device_code": device_code,
})
