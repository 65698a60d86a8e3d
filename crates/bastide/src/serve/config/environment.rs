//! Every environment variable the server reads, besides those that say where the sessions daemon is.

use bastide_rt::config::{EnvVar, Means};

pub(super) const DATA_DIR: EnvVar = EnvVar {
    name: "BASTIDE_DATA_DIR",
    aliases: &[],
    means: Means::Setting("data_dir"),
    default: "data directory",
    doc: "Where the server keeps people, its key, its log, and a certificate of its own making.",
};

/// It holds a secret, so it is no setting: settings are shown.
pub(super) const VAULT_KEY: EnvVar = EnvVar {
    name: "BASTIDE_VAULT_KEY",
    aliases: &[],
    means: Means::Elsewhere,
    default: "",
    doc: "The master key itself: 32 bytes in base64, as `bastide vault new-key` prints them. A file or a command is better: other programs of the same user can read a process's variables.",
};

/// It is a secret, so it is no setting.
pub(super) const OIDC_CLIENT_SECRET: EnvVar = EnvVar {
    name: "BASTIDE_OIDC_CLIENT_SECRET",
    aliases: &[],
    means: Means::Elsewhere,
    default: "",
    doc: "The client's secret itself. A file or a command is better: other programs of the same user can read a process's variables.",
};

/// It goes with a secret, so neither is a setting: settings are shown.
pub(crate) const ALERT_WEBHOOK: EnvVar = EnvVar {
    name: "BASTIDE_ALERT_WEBHOOK",
    aliases: &[],
    means: Means::Elsewhere,
    default: "",
    doc: "Address (http or https) that alerts are posted to, as JSON. Needs `BASTIDE_ALERT_WEBHOOK_SECRET_FILE`.",
};

pub(crate) const ALERT_WEBHOOK_SECRET: EnvVar = EnvVar {
    name: "BASTIDE_ALERT_WEBHOOK_SECRET_FILE",
    aliases: &[],
    means: Means::Elsewhere,
    default: "",
    doc: "File with the secret that alerts are signed with: the header `x-bastide-signature` is `sha256=` and the HMAC-SHA256 of the body.",
};

pub(crate) const ENVIRONMENT: &[EnvVar] = &[
    EnvVar {
        name: "BASTIDE_LISTEN",
        aliases: &[],
        means: Means::Setting("listen"),
        default: "127.0.0.1:8722",
        doc: "Address and port of the web server.",
    },
    EnvVar {
        name: "BASTIDE_SSH_LISTEN",
        aliases: &[],
        means: Means::Setting("ssh.listen"),
        default: "127.0.0.1:2222",
        doc: "Address and port of the SSH door, or `off`.",
    },
    EnvVar {
        name: "BASTIDE_SSH_FORBIDDEN_DESTINATIONS",
        aliases: &[],
        means: Means::Setting("ssh.forbidden_destinations"),
        default: "link-local addresses and the metadata services of clouds",
        doc: "Where nobody is connected to through a server (`-L`, `-D`, `-W`), with commas between: networks, addresses, names, `*.example.org`, `*` for any name. It takes the place of the usual ones.",
    },
    DATA_DIR,
    ALERT_WEBHOOK,
    ALERT_WEBHOOK_SECRET,
    EnvVar {
        name: "BASTIDE_RECORDINGS_DIR",
        aliases: &[],
        means: Means::Setting("recordings_dir"),
        default: "recordings in the daemon's state directory",
        doc: "Where the sessions daemon keeps recordings; the server reads them there.",
    },
    EnvVar {
        name: "BASTIDE_PUBLIC_URL",
        aliases: &[],
        means: Means::Setting("public_url"),
        default: "",
        doc: "The address people see, when it is not the one listened on; with https the cookie is Secure.",
    },
    EnvVar {
        name: "BASTIDE_TLS_CERTIFICATE",
        aliases: &[],
        means: Means::Setting("tls.certificate"),
        default: "",
        doc: "File with the certificate chain in PEM form, the server's own first. With it and the key the server speaks TLS. Read again within a minute when it has changed.",
    },
    EnvVar {
        name: "BASTIDE_TLS_KEY",
        aliases: &[],
        means: Means::Setting("tls.key"),
        default: "",
        doc: "File with the certificate's private key in PEM form, without a passphrase.",
    },
    EnvVar {
        name: "BASTIDE_TLS_SELF_SIGNED",
        aliases: &[],
        means: Means::Setting("tls.self_signed"),
        default: "false",
        doc: "Speak TLS with a certificate that the server makes once and keeps as self-signed.pem in the data directory. Its fingerprint is printed at the start.",
    },
    EnvVar {
        name: "BASTIDE_TRUSTED_PROXIES",
        aliases: &[],
        means: Means::Setting("trusted_proxies"),
        default: "",
        doc: "Addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-For is believed, with commas between. Without it everybody behind a proxy shares one limit of failed logins.",
    },
    EnvVar {
        name: "BASTIDE_CORS_ORIGINS",
        aliases: &[],
        means: Means::Setting("cors_origins"),
        default: "",
        doc: "Origins (https://app.example.org) of other front ends whose pages may call this server with a token, with commas between. Their cookies are not looked at.",
    },
    EnvVar {
        name: "BASTIDE_MAX_CONNECTIONS",
        aliases: &[],
        means: Means::Setting("max_connections"),
        default: "8192",
        doc: "Connections at once; more wait. One address other than a trusted proxy or this machine gets an eighth.",
    },
    EnvVar {
        name: "BASTIDE_LOGIN_LIFETIME",
        aliases: &[],
        means: Means::Setting("login.lifetime"),
        default: "7d",
        doc: "How long a browser stays logged in: 5m to 400d.",
    },
    EnvVar {
        name: "BASTIDE_SECOND_FACTOR",
        aliases: &[],
        means: Means::Setting("login.second_factor"),
        default: "",
        doc: "Who must log in with a second factor (a code of an app, or a passkey): roles with commas between, such as `admin,operator`, or `everybody`. Who has none sets one up when logging in next. Others may have one.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_ISSUER",
        aliases: &[],
        means: Means::Setting("oidc.issuer"),
        default: "",
        doc: "Address of a provider of OpenID Connect whom people may sign in with, as it writes it itself. See [single sign-on](single-sign-on.md).",
    },
    EnvVar {
        name: "BASTIDE_OIDC_CLIENT_ID",
        aliases: &[],
        means: Means::Setting("oidc.client_id"),
        default: "",
        doc: "As whom the provider knows this server.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_CLIENT_SECRET_FILE",
        aliases: &[],
        means: Means::Setting("oidc.client_secret_file"),
        default: "",
        doc: "File with the client's secret. Without any secret the server is a public client (PKCE alone).",
    },
    EnvVar {
        name: "BASTIDE_OIDC_CLIENT_SECRET_COMMAND",
        aliases: &[],
        means: Means::Setting("oidc.client_secret_command"),
        default: "",
        doc: "Program, with its arguments, that prints the client's secret instead of a file. Run at each start without a shell, for 30 seconds at most.",
    },
    OIDC_CLIENT_SECRET,
    EnvVar {
        name: "BASTIDE_OIDC_SCOPES",
        aliases: &[],
        means: Means::Setting("oidc.scopes"),
        default: "openid,profile,email",
        doc: "What the provider is asked for, with commas between.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_NAME",
        aliases: &[],
        means: Means::Setting("oidc.name"),
        default: "single sign-on",
        doc: "What the button on the login page calls the provider.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_LIFETIME",
        aliases: &[],
        means: Means::Setting("oidc.lifetime"),
        default: "12h",
        doc: "How long a browser that signed in so stays logged in, at most: 5m to 30d.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_RECHECK_AFTER",
        aliases: &[],
        means: Means::Setting("oidc.recheck_after"),
        default: "30d",
        doc: "How long after their last sign-in API tokens and SSH keys of people hold who come by single sign-on and have no password here: 1h to 366d.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_USERNAME_CLAIM",
        aliases: &[],
        means: Means::Setting("oidc.people.username_claim"),
        default: "preferred_username",
        doc: "Claim that a new person's user name is made of; of an address, what stands before the @.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_GROUPS_CLAIM",
        aliases: &[],
        means: Means::Setting("oidc.people.groups_claim"),
        default: "groups",
        doc: "Claim with the groups that `group_map` names; dots lead into objects (`realm_access.roles`).",
    },
    EnvVar {
        name: "BASTIDE_OIDC_ROLES_CLAIM",
        aliases: &[],
        means: Means::Setting("oidc.people.roles_claim"),
        default: "as groups_claim",
        doc: "Claim with the values that `role_map` names.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_GROUP_MAP",
        aliases: &[],
        means: Means::Setting("oidc.people.group_map"),
        default: "",
        doc: "Values of the groups claim and groups here: `team-ops=operations,team-dev=developers`. At each sign-in people come into these groups and go out of them; no others are touched.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_ROLE_MAP",
        aliases: &[],
        means: Means::Setting("oidc.people.role_map"),
        default: "",
        doc: "Values of the roles claim and roles here: `bastide-admins=admin`. With it, people whom a sign-in has made have the first of admin, operator, auditor, reviewer, user that fits.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_CREATE_USERS",
        aliases: &[],
        means: Means::Setting("oidc.people.create_users"),
        default: "true",
        doc: "Whether people whom nobody has linked get in, as new people.",
    },
    EnvVar {
        name: "BASTIDE_OIDC_EMAIL_DOMAINS",
        aliases: &[],
        means: Means::Setting("oidc.people.email_domains"),
        default: "all",
        doc: "Domains, with commas between, of which the verified e-mail address has to be.",
    },
    EnvVar {
        name: "BASTIDE_HISTORY_KEEP",
        aliases: &[],
        means: Means::Setting("history.keep"),
        default: "366d",
        doc: "How long what happened in an ended session is remembered: 1d to 3660d. Sessions themselves are remembered as long as their recording's file is there.",
    },
    EnvVar {
        name: "BASTIDE_CHECK_SERVERS_EVERY",
        aliases: &[],
        means: Means::Setting("check_servers_every"),
        default: "5m",
        doc: "How often each server is looked at, whether its SSH port answers: 30s to 1d, or 0 for never. Those behind a jump host are looked at only when somebody asks.",
    },
    EnvVar {
        name: "BASTIDE_VAULT_KEY_FILE",
        aliases: &[],
        means: Means::Setting("vault.key_file"),
        default: "vault.key in the data directory",
        doc: "File with the master key that stored passwords and private keys are sealed under. Made at the first start, for its owner only. Keep a copy, apart from copies of the database.",
    },
    EnvVar {
        name: "BASTIDE_VAULT_KEY_COMMAND",
        aliases: &[],
        means: Means::Setting("vault.key_command"),
        default: "",
        doc: "Program, with its arguments, that prints the master key (base64) instead of a file. Run at each start without a shell, for 30 seconds at most.",
    },
    VAULT_KEY,
    EnvVar {
        name: "BASTIDE_LOG_FORMAT",
        aliases: &[],
        means: Means::Setting("log.format"),
        default: "text",
        doc: "How the server's log on standard error is written: text or json.",
    },
    EnvVar {
        name: "BASTIDE_LOG",
        aliases: &[],
        means: Means::Elsewhere,
        default: "info",
        doc: "What is logged: a level, or levels by part (info,bastide_app=debug). Wins over log.filter of the file.",
    },
];
