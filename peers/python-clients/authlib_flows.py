"""Authlib: metadata, grants, ID tokens, refresh, introspection, revocation, private_key_jwt, and RFC 9068 verification."""

import time

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.jwk import KeySet, import_key

from session import authorize, demand, refused, run, settings, visit

ISSUER = settings["issuer"]
SCOPE = settings.get("scope", "openid")
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
METHODS = {"none": "none", "basic": "client_secret_basic", "post": "client_secret_post"}


def fetched(url):
    reply = requests.get(url, timeout=20)
    reply.raise_for_status()
    return reply.json()


METADATA = fetched(ISSUER + "/.well-known/openid-configuration")


def session(name, **more):
    client = settings["clients"][name]
    made = OAuth2Session(
        client["id"],
        client.get("secret") or client.get("key"),
        token_endpoint_auth_method=METHODS.get(client["auth"], client["auth"]),
        redirect_uri=settings["redirect_uri"],
        code_challenge_method="S256",
        token_endpoint=METADATA["token_endpoint"],
        default_timeout=20,
        **more,
    )
    return made


def keys():
    return KeySet.import_key_set(fetched(METADATA["jwks_uri"]))


def log_in(name, shot, **more):
    client = session(name, scope=SCOPE, **more)
    verifier, nonce = "v" * 64, f"nonce-{shot}"
    url, state = client.create_authorization_url(
        METADATA["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    back = authorize(url, f"authlib-{shot}")
    token = client.fetch_token(authorization_response=back, code_verifier=verifier, state=state)
    return client, token, nonce


def client_credentials(name, **more):
    token = session(name).fetch_token(grant_type="client_credentials", **more)
    demand(token["token_type"].lower() == "bearer", token["token_type"])
    return token


def metadata():
    # It knows where RFC 8414 §3.1 has the issuer's path: behind the well-known one.
    oauth = AuthorizationServerMetadata(fetched(get_well_known_url(ISSUER, external=True)))
    oauth.validate()
    demand(oauth["issuer"] == ISSUER, oauth["issuer"])


def openid_metadata():
    OpenIDProviderMetadata(METADATA).validate()


def client_credentials_wrong():
    client = session("basic")
    client.client_secret = "wrong"
    error = refused(lambda: client.fetch_token(grant_type="client_credentials"))
    demand(getattr(error, "error", None) == "invalid_client", f"{error!r}")


def private_key_jwt(name):
    def flow():
        key = settings["clients"][name]["key"]
        client = session(name)
        client.client_secret = import_key({k: v for k, v in key.items() if k != "alg"})
        client.register_client_auth_method(
            PrivateKeyJWT(METADATA["token_endpoint"], headers={"kid": key["kid"]}, alg=key["alg"])
        )
        client.fetch_token(grant_type="client_credentials")
        client.fetch_token(grant_type="client_credentials")

    return flow


def code_pkce():
    client, token, _ = log_in("public", "code")
    demand(token.get("refresh_token"), "no refresh_token")


def id_token():
    _, token, nonce = log_in("public", "id-token")
    algorithms = METADATA["id_token_signing_alg_values_supported"]
    decoded = jwt.decode(token["id_token"], keys(), algorithms=algorithms)
    options = {"iss": {"essential": True, "value": ISSUER}, "sub": {"essential": True, "value": settings["subject"]}}
    params = {"nonce": nonce, "client_id": settings["clients"]["public"]["id"], "access_token": token["access_token"]}
    CodeIDToken(decoded.claims, decoded.header, options, params).validate(leeway=30)
    return decoded.header["alg"]


def refresh():
    client, token, _ = log_in("public", "refresh")
    for _ in range(3):
        renewed = client.refresh_token(refresh_token=token["refresh_token"])
        demand(renewed["refresh_token"] != token["refresh_token"], "it did not rotate")
        token = renewed


def refresh_by_itself():
    seen = []
    client, token, _ = log_in("basic", "auto", update_token=lambda new, **kwargs: seen.append(new))
    client.token = dict(token, expires_at=int(time.time()) - 1)
    reply = client.get(METADATA["userinfo_endpoint"])
    demand(reply.status_code == 200 and reply.json()["sub"] == settings["subject"], f"{reply.status_code} {reply.text}")
    demand(len(seen) == 1, f"{len(seen)} renewals")


def introspection():
    client, token, _ = log_in("basic", "introspection")
    seen = client.introspect_token(METADATA["introspection_endpoint"], token=token["access_token"]).json()
    demand(seen["active"] is True and seen["sub"] == settings["subject"], f"{seen}")
    demand(client.introspect_token(METADATA["introspection_endpoint"], token="x").json() == {"active": False}, "garbage")


def revocation():
    client, token, _ = log_in("basic", "revocation")
    reply = client.revoke_token(METADATA["revocation_endpoint"], token=token["refresh_token"])
    demand(reply.status_code == 200, f"{reply.status_code}")
    error = refused(lambda: client.refresh_token(refresh_token=token["refresh_token"]))
    demand(getattr(error, "error", None) == "invalid_grant", f"{error!r}")


def device_code():
    client = session("public")
    asked = client.post(
        METADATA["device_authorization_endpoint"],
        data={"client_id": client.client_id, "scope": SCOPE},
        withhold_token=True,
    ).json()

    def poll():
        return client.fetch_token(grant_type=DEVICE, device_code=asked["device_code"])

    waiting = refused(poll)
    demand(getattr(waiting, "error", None) == "authorization_pending", f"{waiting!r}")
    visit(asked["verification_uri"], "authlib-device", user_code=asked["user_code"])
    time.sleep(asked.get("interval", 5))
    demand(poll()["access_token"], "no token")


def rfc9068_verification():
    class Validator(JWTBearerTokenValidator):
        def get_jwks(self):
            return keys()

    client_scope = {"scope": settings["client_scope"]} if settings.get("client_scope") else {}
    token = client_credentials("basic", **client_scope)["access_token"]
    validator = Validator(issuer=ISSUER, resource_server=settings.get("audience", ISSUER))
    claims = validator.authenticate_token(token)
    validator.validate_token(claims, [], None)
    head, body, signature = token.split(".")
    forged = ".".join([head, body, ("A" if signature[9] != "A" else "B").join([signature[:9], signature[10:]])])
    refused(lambda: validator.authenticate_token(forged))
    refused(lambda: Validator(issuer=ISSUER, resource_server="other").validate_token(
        Validator(issuer=ISSUER, resource_server="other").authenticate_token(token), [], None))


FLOWS = {
    "metadata": metadata,
    "openid_metadata": openid_metadata,
    "client_credentials_basic": lambda: client_credentials("basic") and None,
    "client_credentials_post": lambda: client_credentials("post") and None,
    "client_secret_wrong": client_credentials_wrong,
    "authorization_code_pkce": code_pkce,
    "id_token": id_token,
    "refresh": refresh,
    "refresh_by_itself": refresh_by_itself,
    "introspection": introspection,
    "revocation": revocation,
    "device_code": device_code,
    "rfc9068_verification": rfc9068_verification,
}
FLOWS |= {
    f"private_key_jwt_{client['key']['alg']}": private_key_jwt(name)
    for name, client in settings["clients"].items()
    if client["auth"] == "private_key_jwt"
}

run("Authlib", FLOWS)
