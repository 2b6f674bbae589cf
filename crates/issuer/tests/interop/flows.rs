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
            "discovery_rfc8414",
            "client_credentials_basic",
            "client_credentials_post",
            "client_secret_wrong",
        ],
    },
    Run {
        script: Script::Python("authlib_flows.py"),
        client: "Authlib",
        flows: &["client_credentials_basic", "client_credentials_post", "client_secret_wrong"],
    },
    Run {
        script: Script::Python("pyjwt_flows.py"),
        client: "PyJWT",
        flows: &["access_token", "forgeries", "key_set"],
    },
];

/// At the issuer with TLS and a path.
pub(crate) const HTTPS: &[Run] = &[
    Run {
        script: Script::Node("flows.mjs"),
        client: "openid-client",
        flows: &["discovery_rfc8414"],
    },
    Run {
        script: Script::Python("authlib_flows.py"),
        client: "Authlib",
        // Of its own accord it verifies with RS256 and ES256 only.
        flows: &["rfc9068_verification"],
    },
    Run {
        script: Script::Python("requests_oauthlib_flows.py"),
        client: "requests-oauthlib",
        flows: &[
            "client_credentials_basic",
            "client_credentials_post",
            "client_secret_wrong",
            "password",
        ],
    },
    Run {
        script: Script::Python("pyjwt_flows.py"),
        client: "PyJWT",
        flows: &["access_token", "forgeries", "key_set"],
    },
];
