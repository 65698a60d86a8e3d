#![allow(clippy::unwrap_used)]

use bastide_rt::config::{Flag, load_with};

use super::*;

/// What the settings of this file, with these flags, come to.
fn read(file: &str, flags: &[(&'static str, &'static str, &str)]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.toml");
    std::fs::write(&path, file).unwrap();
    let flags: Vec<_> =
        flags.iter().map(|&(name, key, value)| Flag { name, key, value: value.to_owned() }).collect();
    let sources = Sources { file: File::Required(&path), variables: ENVIRONMENT, flags: &flags };
    let loaded = load_with::<Raw>(&sources, |_| None).map_err(|e| e.to_string())?;
    Config::check(&loaded).map_err(|e| e.to_string())
}

fn refused(file: &str, words: &[&str]) {
    let why = read(file, &[]).unwrap_err();
    for word in words {
        assert!(why.contains(word), "{word:?} is not in {why:?}");
    }
}

#[test]
fn every_setting_of_a_file_is_taken() {
    let config = read(
        "listen = '0.0.0.0:443'\ndata_dir = '/d'\nrecordings_dir = '/r'\npublic_url = 'https://a.example'\n\
         trusted_proxies = ['10.0.0.0/8', '::1']\ncors_origins = ['https://b.example:8443/']\nmax_connections = 100\n\
         ssh.forbidden_destinations = ['10.0.0.0/8', '*']\n\
         check_servers_every = '2m'\n\
         [tls]\ncertificate = '/c'\nkey = '/k'\n[login]\nlifetime = '1d12h'\n\
         second_factor = ['admin', 'auditor']\n[history]\nkeep = '30d'\n\
         [oidc]\nissuer = 'https://id.example'\nclient_id = 'bastide'\nclient_secret_file = '/s'\n\
         scopes = ['openid', 'groups']\nname = 'Example'\nlifetime = '8h'\nrecheck_after = '7d'\n[oidc.people]\nusername_claim = 'u'\n\
         groups_claim = 'g'\ncreate_users = false\nemail_domains = ['example']\n[oidc.people.group_map]\n'cn=ops' = 'operations'\n\
         [oidc.people.role_map]\nroot = 'admin'\n[vault]\nkey_command = ['/bin/key', 'of bastide']\n[log]\nformat = 'json'\n",
        &[],
    )
    .unwrap();
    let files = Certificate::Files { certificate: "/c".into(), key: "/k".into() };
    assert_eq!(config.tls, Some(files));
    assert_eq!(config.recordings().unwrap(), PathBuf::from("/r"));
    assert_eq!(config.times.login_lifetime, Duration::from_secs(36 * 3600));
    assert_eq!(config.sign_in.second_factor, [Role::Admin, Role::Auditor]);
    assert_eq!(config.times.history_keep, Duration::from_secs(30 * 24 * 3600));
    assert_eq!(config.times.check_servers_every, Some(Duration::from_secs(120)));
    assert_eq!(config.vault, VaultKey::Command(vec!["/bin/key".to_owned(), "of bastide".to_owned()]));
    assert_eq!(config.listen.ssh.forbidden, Forbidden::read(["10.0.0.0/8", "*"]).unwrap());
    assert_eq!(config.warnings, Vec::<String>::new());
    // What is shown is a file with the same settings.
    let again = read(&config.shown(), &[]).unwrap();
    assert_eq!(again.shown(), config.shown());
    assert!(config.shown().contains("cors_origins = [\"https://b.example:8443\"]"), "{}", config.shown());
    assert!(config.shown().contains("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]"), "{}", config.shown());
}

#[test]
fn servers_are_looked_at_now_and_then_or_never() {
    let every = |file: &str| read(file, &[]).unwrap().times.check_servers_every;
    assert_eq!(every(""), Some(Duration::from_secs(300)));
    assert_eq!(every("check_servers_every = '0'"), None);
    let never = read("check_servers_every = '0'", &[]).unwrap().shown();
    assert!(never.contains("check_servers_every = \"0\""), "{never}");
    assert_eq!(read(&never, &[]).unwrap().shown(), never);
    for wrong in ["29s", "2d", "soon", ""] {
        let file = format!("check_servers_every = '{wrong}'");
        refused(&file, &["check_servers_every", wrong, "30s", "1d"]);
    }
}

#[test]
fn who_needs_a_second_factor_is_named_by_role() {
    assert_eq!(read("", &[]).unwrap().sign_in.second_factor, []);
    let everybody = read("[login]\nsecond_factor = 'everybody'", &[]).unwrap();
    assert_eq!(everybody.sign_in.second_factor, Role::ALL);
    assert!(everybody.shown().contains("login.second_factor = [\"everybody\"]"), "{}", everybody.shown());
    let some = read("[login]\nsecond_factor = 'admin, operator'", &[]).unwrap();
    assert_eq!(some.sign_in.second_factor, [Role::Admin, Role::Operator]);
    refused("[login]\nsecond_factor = ['root']", &["login.second_factor", "root", "auditor", "everybody"]);
}

#[test]
fn flags_win_and_lists_have_commas() {
    let flags = [
        ("--trusted-proxies", "trusted_proxies", "10.0.0.1, 10.0.0.2"),
        ("--tls-self-signed", "tls.self_signed", "true"),
    ];
    let config = read("trusted_proxies = ['192.0.2.1']", &flags).unwrap();
    assert_eq!(config.trusted.named, ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(config.tls, Some(Certificate::SelfSigned));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    refused("listen = '0.0.0.0:1'\ncolour = 1\n", &["server.toml:2", "colour"]);
    refused("[tls]\ncertificat = '/c'\n", &["server.toml:2", "certificat"]);
    refused("[tls]\ncertificate = '/c'\n", &["tls.certificate", "needs tls.key"]);
    refused("[tls]\nkey = '/c'\n", &["tls.key", "needs tls.certificate"]);
    refused("[tls]\ncertificate = '/c'\nkey = '/k'\nself_signed = true\n", &["one or the other"]);
    refused("trusted_proxies = ['proxy']\n", &["trusted_proxies", "\"proxy\"", "10.0.0.0/8"]);
    refused("cors_origins = ['b.example']\n", &["cors_origins", "\"b.example\"", "https://"]);
    refused("trusted_proxies = 7\n", &["server.toml:1", "a list of texts"]);
    refused(
        "[vault]\nkey_file = '/k'\nkey_command = 'tell key'\n",
        &["vault.key_command", "one or the other"],
    );
    refused("[vault]\nkey_command = ' '\n", &["vault.key_command", "no program"]);
    refused("[vault]\nkey_command = 7\n", &["server.toml:2", "a program and its arguments"]);
    refused("[vault]\nkey = 'c2VjcmV0'\n", &["server.toml:2"]);
    refused("max_connections = 3\n", &["max_connections", "at least 16"]);
    for lifetime in ["1m", "soon", "401d"] {
        refused(&format!("[login]\nlifetime = '{lifetime}'\n"), &["login.lifetime", lifetime, "12h"]);
    }
}

#[test]
fn a_server_on_the_network_without_tls_is_warned_of() {
    let warned = |file| read(file, &[]).unwrap().warnings.join("\n");
    assert!(warned("listen = '0.0.0.0:80'").contains("--tls-self-signed"));
    assert_eq!(warned("listen = '0.0.0.0:80'\n[tls]\nself_signed = true"), "");
    assert_eq!(warned("listen = '127.0.0.1:80'"), "");
}

#[test]
fn single_sign_on_is_whole_or_not_there() {
    let oidc = |lines: &str| read(&format!("[oidc]\n{lines}"), &[]);
    let both = "issuer = 'https://id.example'\nclient_id = 'bastide'\n";
    assert!(oidc("").unwrap().sign_in.oidc.is_none());
    assert!(
        oidc("issuer = ''\nclient_id = ''\n").unwrap().sign_in.oidc.is_none(),
        "variables that are unset"
    );
    let usual = oidc(both).unwrap();
    let settings = &usual.sign_in.oidc.as_ref().unwrap().settings;
    assert_eq!(settings.provider.scopes, ["openid", "profile", "email"]);
    assert_eq!(settings.mapping.roles_claim, "groups", "as the groups claim");
    assert_eq!(read(&usual.shown(), &[]).unwrap().shown(), usual.shown());

    let refused = |lines: &str, words: &[&str]| {
        let why = oidc(lines).unwrap_err();
        for word in words {
            assert!(why.contains(word), "{word:?} is not in {why:?}");
        }
    };
    refused("issuer = 'https://id.example'\n", &["oidc.issuer", "oidc.client_id"]);
    refused("client_id = 'bastide'\n", &["oidc.client_id", "oidc.issuer"]);
    refused("issuer = 'http://id.example'\nclient_id = 'bastide'\n", &["oidc.issuer", "http://"]);
    refused(&format!("{both}lifetime = '31d'\n"), &["oidc.lifetime", "31d"]);
    refused(&format!("{both}recheck_after = '5m'\n"), &["oidc.recheck_after", "5m", "366d"]);
    refused(&format!("{both}scopes = ['a b']\n"), &["scopes"]);
    refused(
        &format!("{both}client_secret_file = '/s'\nclient_secret_command = ['/c']\n"),
        &["client_secret_command", "one or the other"],
    );
    refused(&format!("{both}[oidc.people.role_map]\na = 'root'\n"), &["role_map", "root", "operator"]);
    refused(&format!("{both}[oidc.people]\nemail_domains = ['@example.org']\n"), &["email_domains"]);
    refused(&format!("{both}[oidc.people]\ngroups = ['x']\n"), &["server.toml:5", "groups"]);
}

#[test]
fn maps_of_single_sign_on_stand_in_one_variable_too() {
    let sources = Sources { file: File::None, variables: ENVIRONMENT, flags: &[] };
    let given = |name: &str| match name {
        "BASTIDE_OIDC_ISSUER" => Some("https://id.example".into()),
        "BASTIDE_OIDC_CLIENT_ID" => Some("bastide".into()),
        "BASTIDE_OIDC_GROUP_MAP" => Some("cn=ops=operations, team-dev = developers".into()),
        "BASTIDE_OIDC_ROLE_MAP" => Some("root=admin".into()),
        _ => None,
    };
    let loaded = load_with::<Raw>(&sources, given).unwrap();
    let config = Config::check(&loaded).unwrap();
    let shown = config.shown();
    assert!(
        shown.contains(r#"group_map = { "cn=ops" = "operations", "team-dev" = "developers" }"#),
        "{shown}"
    );
    assert!(shown.contains(r#"role_map = { "root" = "admin" }"#), "{shown}");
}
