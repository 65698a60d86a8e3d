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
         check_servers_every = '2m'\n\
         [tls]\ncertificate = '/c'\nkey = '/k'\n[login]\nlifetime = '1d12h'\n[history]\nkeep = '30d'\n\
         [vault]\nkey_command = ['/bin/key', 'of bastide']\n[log]\nformat = 'json'\n",
        &[],
    )
    .unwrap();
    let files = Certificate::Files { certificate: "/c".into(), key: "/k".into() };
    assert_eq!(config.tls, Some(files));
    assert_eq!(config.recordings().unwrap(), PathBuf::from("/r"));
    assert_eq!(config.times.login_lifetime, Duration::from_secs(36 * 3600));
    assert_eq!(config.times.history_keep, Duration::from_secs(30 * 24 * 3600));
    assert_eq!(config.times.check_servers_every, Some(Duration::from_secs(120)));
    assert_eq!(config.vault, VaultKey::Command(vec!["/bin/key".to_owned(), "of bastide".to_owned()]));
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
