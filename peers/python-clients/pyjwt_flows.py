"""PyJWT as a resource server: access and ID tokens verified with the published keys, and forgeries refused."""

import base64
import json

import jwt
import requests

from session import demand, refused, run, settings

ISSUER = settings["issuer"]
METADATA = requests.get(ISSUER + "/.well-known/openid-configuration", timeout=20).json()
AUDIENCE = settings.get("audience", ISSUER)
RFC9068 = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]


def token():
    client = settings["clients"]["basic"]
    reply = requests.post(
        METADATA["token_endpoint"],
        data={"grant_type": "client_credentials"},
        auth=(client["id"], client["secret"]),
        timeout=20,
    )
    demand(reply.status_code == 200, reply.text)
    return reply.json()["access_token"]


def key(of):
    # Without a cache: a test's issuer is met once.
    return jwt.PyJWKClient(METADATA["jwks_uri"], cache_keys=False).get_signing_key_from_jwt(of)


def decode(text, signing, audience=AUDIENCE, issuer=ISSUER):
    return jwt.decode(
        text,
        signing,
        algorithms=[settings["algorithm"]],
        audience=audience,
        issuer=issuer,
        options={"require": RFC9068},
    )


def access_token():
    text = token()
    head = jwt.get_unverified_header(text)
    demand(head["typ"] in ("at+jwt", "application/at+jwt"), f"typ {head['typ']} (RFC 9068 §2.1)")
    demand(head["alg"] == settings["algorithm"], head["alg"])
    claims = decode(text, key(text))
    demand(claims["client_id"] == settings["clients"]["basic"]["id"], f"{claims}")
    return " ".join(claims)


def forgeries():
    text = token()
    signing = key(text)
    head, body, signature = text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "root"}).encode()).rstrip(b"=").decode()
    refused(lambda: decode(f"{head}.{other}.{signature}", signing), jwt.InvalidSignatureError)
    refused(lambda: decode(text, signing, audience="other"), jwt.InvalidAudienceError)
    refused(lambda: decode(text, signing, issuer="https://other"), jwt.InvalidIssuerError)


def key_set():
    keys = requests.get(METADATA["jwks_uri"], timeout=20).json()["keys"]
    private = {"d", "p", "q", "dp", "dq", "qi", "k"}
    demand(not any(private & set(one) for one in keys), "a private member is published")
    demand(len({one["kid"] for one in keys}) == len(keys), "two keys of one kid")
    demand(len(jwt.PyJWKSet(keys).keys) == len(keys), "a key that PyJWT does not know")
    return len(keys)


run("PyJWT", {"access_token": access_token, "forgeries": forgeries, "key_set": key_set})
