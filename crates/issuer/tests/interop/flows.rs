//! What each client has to pass. A flow that is missing here is not run; one that is here and is
//! not reported has failed.

use crate::peers::Script;

/// One run of a script.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) script: Script,
    /// What the script calls its client.
    pub(crate) client: &'static str,
    pub(crate) flows: &'static [&'static str],
}

/// At the issuer without TLS and without a path.
pub(crate) const HTTP: &[Run] = &[
    Run {
        script: Script::Node("flows.mjs"),
        client: "openid-client",
        flows: &[
            "discovery",
            "discovery_rfc8414",
            "client_credentials_basic",
            "client_credentials_post",
            "client_secret_wrong",
            "private_key_jwt_EdDSA",
            "private_key_jwt_ES256",
            "private_key_jwt_RS256",
            "dpop_algorithms",
            "resource",
            "authorization_code_pkce",
            "authorization_code_confidential",
            "authorization_code_form_post",
            "authorization_denied",
            "code_used_twice",
            "pkce_verifier_wrong",
            "id_token",
            "userinfo",
            "refresh",
            "refresh_lost_reply",
            "introspection",
            "revocation",
            "device_code_typed",
            "device_code_link",
            "device_code_denied",
            "dpop_client_credentials",
            "dpop_resource",
            "dpop_authorization_code",
        ],
    },
    Run {
        script: Script::Python("authlib_flows.py"),
        client: "Authlib",
        flows: &[
            "metadata",
            "authorization_code_pkce",
            "refresh",
            "id_token",
            "refresh_by_itself",
            "introspection",
            "revocation",
            "device_code",
            "client_credentials_basic",
            "client_credentials_post",
            "client_secret_wrong",
        ],
    },
    Run {
        script: Script::Python("pyjwt_flows.py"),
        client: "PyJWT",
        flows: &["access_token", "forgeries", "key_set"],
    },
    Run {
        script: Script::Node("pages.mjs"),
        client: "Chromium",
        flows: &[
            "password_wrong_then_right",
            "without_scripts",
            "by_keyboard",
            "fields_have_names",
            "narrow",
            "not_in_a_frame",
            "headers",
            "client_unknown",
            "redirect_uri_unknown",
            "redirect_uri_not_alike",
            "response_type_unsupported",
            "pkce_missing",
            "pkce_plain",
            "scope_unknown",
            "prompt_none",
            "parameters_are_data",
            "double_click",
            "back_and_again",
            "two_tabs",
            "login_is_remembered",
            "sessions_are_seen_and_ended",
            "user_code_wrong",
        ],
    },
];

/// At the issuer with TLS and a path.
pub(crate) const HTTPS: &[Run] = &[
    Run {
        script: Script::Node("flows.mjs"),
        client: "openid-client",
        flows: &[
            "discovery",
            "discovery_rfc8414",
            "authorization_code_pkce",
            "id_token",
            "userinfo",
        ],
    },
    Run {
        script: Script::Python("authlib_flows.py"),
        client: "Authlib",
        // Of its own accord it verifies with RS256 and ES256 only.
        flows: &["metadata", "openid_metadata", "authorization_code_pkce", "rfc9068_verification"],
    },
    Run {
        script: Script::Python("requests_oauthlib_flows.py"),
        client: "requests-oauthlib",
        flows: &[
            "client_credentials_basic",
            "client_credentials_post",
            "client_secret_wrong",
            "password",
            "authorization_code_pkce",
            "refresh",
            "refresh_by_itself",
            "revocation",
            "device_code",
        ],
    },
    Run {
        script: Script::Python("pyjwt_flows.py"),
        client: "PyJWT",
        flows: &["access_token", "forgeries", "key_set"],
    },
    Run {
        script: Script::Python("msal_flows.py"),
        client: "MSAL",
        flows: &[
            "authority",
            "client_credentials",
            "client_secret_wrong",
            "authorization_code_pkce",
            "refresh",
            "device_code",
        ],
    },
];
