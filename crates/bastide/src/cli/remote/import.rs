//! `bastide import`

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bastide_app::inventory::{MAX_TEXT, csv_line};
use bastide_app::store::{Infini, InfiniServer, read_infini};
use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use super::{At, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide import infini.db             says what it would do
  bastide import infini.db --apply
  bastide import ~/.ssh/config --apply
  bastide import servers.csv --apply   columns: name, host, port, username, …
  bastide import inventory.ini --format ansible
  bastide import ~/.ssh/known_hosts

For administrators. Nothing is done without --apply, and a second time nothing is left to do. Passwords go into \
the vault, as the servers' own credentials. Of infini.db, servers are taken over; brands, models, services, tasks and \
their pictures are counted and stay where they are.";

/// The server's limit of a text.
const MAX_FILE: u64 = MAX_TEXT as u64;
/// Servers in one request: its body stays below what the server takes.
const AT_ONCE: usize = 500;
/// More are not counted.
const MAX_PICTURES: usize = 100_000;

/// Take over servers from a list or an earlier program
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Import {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The list; `-` is standard input
    file: PathBuf,
    /// What it is [default: by its name]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Do it, instead of saying what would be done
    #[arg(long)]
    apply: bool,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    SshConfig,
    Csv,
    Ansible,
    KnownHosts,
    /// The database of InfiniTensor's manager
    Infini,
}

/// A list of servers as text, without secrets.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// In which form
    #[arg(long, value_enum, default_value = "csv")]
    format: Written,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    Csv,
    Ansible,
    SshConfig,
}

impl Export {
    pub(super) async fn run(self, client: &Client) -> Outcome {
        let format = match self.format {
            Written::Csv => "csv",
            Written::Ansible => "ansible",
            Written::SshConfig => "ssh_config",
        };
        let path = format!("/api/v1/servers/export?format={format}");
        let list = client.send(client.request(Method::GET, &path)).await?;
        let text = list.bytes().await.map_err(|error| client.unreachable(&error))?;
        output::print(&text)?;
        Ok(DONE)
    }
}

impl Import {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        self.list.run(&client).await
    }
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Outcome {
        let format = self
            .format
            .or_else(|| by_name(&self.file))
            .ok_or_else(|| Failure::text(format!("{}: say what it is with --format", self.file.display())))?;
        let done = match format {
            Format::Infini => self.infini(client).await?,
            Format::KnownHosts => {
                let body = json!({ "text": text(&self.file)?, "dry_run": !self.apply });
                client.post("/api/v1/servers/known-hosts", &body).await?
            }
            Format::SshConfig => self.list(client, "ssh_config").await?,
            Format::Csv => self.list(client, "csv").await?,
            Format::Ansible => self.list(client, "ansible").await?,
        };
        if self.json {
            output::json(&done)?;
            return Ok(DONE);
        }
        self.say(&done)
    }

    async fn list(&self, client: &Client, format: &str) -> Result<Value, Failure> {
        send(client, format, &text(&self.file)?, !self.apply).await
    }

    async fn infini(&self, client: &Client) -> Result<Value, Failure> {
        let Infini { servers, others, pictures } = read_infini(&self.file)
            .await
            .map_err(|e| anyhow!("{} cannot be read as infini.db: {e}", self.file.display()))?;
        let mut all =
            json!({ "created": [], "changed": [], "unchanged": 0, "skipped": [], "dry_run": !self.apply });
        let names = names(&servers);
        let rows: Vec<_> = servers.iter().zip(&names).collect();
        for part in rows.chunks(AT_ONCE) {
            let mut list = "name,host,port,username,password,agent_port,brand_id,accelerator_id\n".to_owned();
            part.iter().for_each(|(server, name)| list.push_str(&line(server, name)));
            let done = send(client, "csv", &list, !self.apply).await?;
            for field in ["created", "changed", "skipped"] {
                if let (Some(all), Some(done)) = (all[field].as_array_mut(), done[field].as_array()) {
                    all.extend(done.iter().cloned());
                }
            }
            let before = all["unchanged"].as_u64().unwrap_or_default();
            all["unchanged"] = json!(before + done["unchanged"].as_u64().unwrap_or_default());
        }
        if let Some(uploads) = uploads(&self.file, &pictures) {
            all["uploads"] = uploads;
        }
        all["later"] = others.into_iter().map(|(table, rows)| (table.to_owned(), json!(rows))).collect();
        Ok(all)
    }

    fn say(&self, done: &Value) -> Outcome {
        let would = if self.apply { "" } else { "would be " };
        for (field, word) in [("created", "added"), ("changed", "changed")] {
            for name in done[field].as_array().into_iter().flatten() {
                output::line(&format!("{would}{word}: {}", name.as_str().unwrap_or_default()))?;
            }
        }
        for skipped in done["skipped"].as_array().into_iter().flatten() {
            let name = shown::text(skipped, "/name");
            let line = &skipped["line"];
            output::remark(&format!("line {line} {name}: {}", shown::text(skipped, "/why")));
        }
        let count = |field: &str| done[field].as_array().map_or(0, Vec::len);
        output::remark(&format!(
            "{} {would}added, {} {would}changed, {} already as they are, {} passed over",
            count("created"),
            count("changed"),
            done["unchanged"],
            count("skipped")
        ));
        for (table, rows) in done["later"].as_object().into_iter().flatten() {
            output::remark(&format!(
                "{table}: {rows} rows are left for later; Bastide has no place for them yet"
            ));
        }
        if let Some(uploads) = done.get("uploads") {
            output::remark(&format!(
                "uploads: {} pictures ({} shown by brands and models, {} more that they show are missing) stay in {}: \
                 they come with the brands and models; keep that directory",
                uploads["files"],
                uploads["shown"],
                uploads["missing"],
                shown::text(uploads, "/directory")
            ));
        }
        if !self.apply {
            output::remark("Nothing was done: --apply does it.");
        }
        Ok(DONE)
    }
}

async fn send(client: &Client, format: &str, text: &str, dry_run: bool) -> Result<Value, Failure> {
    let body = json!({ "format": format, "text": text, "dry_run": dry_run });
    client.post("/api/v1/servers/import", &body).await
}

fn by_name(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match (name, ending) {
        ("known_hosts", _) => Some(Format::KnownHosts),
        ("config" | "ssh_config", _) => Some(Format::SshConfig),
        (_, "csv" | "tsv") => Some(Format::Csv),
        (_, "ini" | "yml" | "yaml") | ("hosts", _) => Some(Format::Ansible),
        (_, "db" | "sqlite") => Some(Format::Infini),
        _ => None,
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let cannot = || format!("cannot read {}", path.display());
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(MAX_FILE + 1).read_to_string(&mut text),
        false => std::fs::File::open(path).with_context(cannot)?.take(MAX_FILE + 1).read_to_string(&mut text),
    };
    let length = read.with_context(cannot)?;
    match length as u64 > MAX_FILE {
        true => Err(Failure::text(format!("{}: longer than {MAX_FILE} bytes", path.display()))),
        false => Ok(text),
    }
}

/// What that program keeps of pictures beside its database, in `uploads` next to it or next to its directory. Bastide
/// has no place for them before it has brands and models, so they are counted and left there.
fn uploads(database: &Path, pictures: &[String]) -> Option<Value> {
    let beside = database.parent()?;
    let places = [beside.join("uploads"), beside.join("..").join("uploads")];
    let found = places.iter().find(|place| place.is_dir());
    let files: HashSet<String> = found
        .and_then(|place| std::fs::read_dir(place).ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_picture(name))
        .take(MAX_PICTURES)
        .collect();
    if files.is_empty() && pictures.is_empty() {
        return None;
    }
    let shown = pictures.iter().filter(|name| files.contains(*name)).count();
    let place = found.unwrap_or(&places[0]);
    let directory = place.canonicalize().unwrap_or_else(|_| place.clone());
    Some(json!({
        "directory": directory.to_string_lossy(), "files": files.len(), "shown": shown,
        "missing": pictures.len() - shown,
    }))
}

/// What that program takes as a picture.
fn is_picture(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["png", "jpg", "jpeg", "gif", "webp"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// A name for each: there, several may have one.
fn names(servers: &[InfiniServer]) -> Vec<String> {
    let mut taken = HashSet::new();
    let unique = |server: &InfiniServer| {
        let name = server.name.trim();
        match taken.insert(name.to_lowercase()) {
            true => name.to_owned(),
            false => format!("{name} ({})", server.id),
        }
    };
    servers.iter().map(unique).collect()
}

fn line(server: &InfiniServer, name: &str) -> String {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    // Its own placeholder for none.
    let port = server.port.filter(|port| *port != 0);
    csv_line(&[
        name,
        server.host.trim(),
        &number(port),
        server.username.as_deref().unwrap_or_default(),
        server.password.as_deref().unwrap_or_default(),
        &number(server.agent_port),
        &number(server.brand_id),
        &number(server.accelerator_id),
    ])
}
