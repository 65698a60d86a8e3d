//! The commands. Each has a file below that says what it takes and does it.

mod attach;
mod chord;
mod completions;
mod config;
pub(crate) mod daemon;
pub(crate) mod duration;
mod events;
pub(crate) mod exit;
mod export;
mod fitted;
mod keys;
mod kill;
mod list;
mod man;
mod new;
pub(crate) mod output;
mod play;
mod policy;
mod ptyd;
pub(crate) mod recordings;
pub(crate) mod remote;
mod send_keys;
mod sessions;
mod signals;
mod size;
mod snapshot;
mod table;
mod terminal;
mod together;
mod verify;

use clap::{Parser, Subcommand};

use crate::serve::{LoginLink, Serve, Vault};
use daemon::Place;
use exit::Outcome;

const AFTER_HELP: &str = "\
Examples:
  bastide new                        a shell that stays, also when you leave
  bastide new -n build -- make all   a named session with a program in it
  bastide ls                         what is there
  bastide attach build               come back; leave again with Ctrl-\\ then d
  bastide watch build                look only
  bastide login https://host         then sessions, recordings, users, tokens

Exit status: 0 done, 1 an error, 2 wrong usage, 3 no such session, recording, user or token, 4 the sessions daemon \
or the server is away, 5 not logged in or not allowed. \
`attach` and `new` end with the status of the program when it ends while they are attached.";

/// Terminals that stay, recorded and shared.
#[derive(Debug, Parser)]
#[command(name = "bastide", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Session(SessionCommand),
    #[command(flatten)]
    Evidence(EvidenceCommand),
    #[command(flatten)]
    Server(ServerCommand),
    #[command(flatten)]
    Access(AccessCommand),
    #[command(flatten)]
    Control(ControlCommand),
    #[command(flatten)]
    Process(ProcessCommand),
    #[command(flatten)]
    About(AboutCommand),
}

/// What is done with sessions.
#[derive(Debug, Subcommand)]
enum SessionCommand {
    New(new::New),
    #[command(visible_alias = "a")]
    Attach(attach::Attach),
    Watch(attach::Watch),
    #[command(visible_alias = "list")]
    Ls(list::Ls),
    Kill(kill::Kill),
    End(together::End),
    Viewers(together::Viewers),
    Say(together::Tell),
    Keyboard(together::Hand),
    Kick(together::Kick),
    SendKeys(send_keys::SendKeys),
    Snapshot(snapshot::Snapshot),
}

/// What sessions leave behind.
#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    Play(play::Play),
    Export(export::Export),
    Verify(verify::Verify),
    Events(events::Events),
    Policy(policy::Policy),
}

/// What is asked of a server.
#[derive(Debug, Subcommand)]
enum ServerCommand {
    Login(remote::login::Login),
    Logout(remote::logout::Logout),
    Whoami(remote::whoami::Whoami),
    Sessions(remote::sessions::Sessions),
    Recordings(remote::recordings::Recordings),
    Servers(remote::servers::Servers),
    Users(remote::users::Users),
    Groups(remote::groups::Groups),
    Grants(remote::grants::Grants),
    Credentials(remote::credentials::Credentials),
    Import(remote::import::Import),
}

/// With what one gets in, and where to.
#[derive(Debug, Subcommand)]
enum AccessCommand {
    Tokens(remote::tokens::Tokens),
    SshKeys(remote::ssh_keys::SshKeys),
    SshAuthorities(remote::ssh_authorities::SshAuthorities),
    Requests(remote::requests::Requests),
    Reach(remote::reach::Reach),
}

/// Which commands may run, and what holds for sessions.
#[derive(Debug, Subcommand)]
enum ControlCommand {
    Rules(remote::rules::Rules),
    Reviews(remote::reviews::Reviews),
    Alerts(remote::alerts::Alerts),
    Settings(remote::settings::Settings),
}

/// What runs until it is ended.
#[derive(Debug, Subcommand)]
enum ProcessCommand {
    Ptyd(ptyd::Ptyd),
    Serve(Serve),
    LoginLink(LoginLink),
    Vault(Vault),
    Config(config::Config),
}

/// What the program says about itself.
#[derive(Debug, Subcommand)]
enum AboutCommand {
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs one command to its end.
pub(crate) fn run(cli: Cli) -> Outcome {
    match cli.command {
        Command::Session(command) => exit::block_on(run_session(cli.place, command)),
        Command::Evidence(command) => exit::block_on(run_evidence(cli.place, command)),
        Command::Server(command) => exit::block_on(Box::pin(run_server(command))),
        Command::Access(command) => exit::block_on(Box::pin(run_access(command))),
        Command::Control(command) => exit::block_on(Box::pin(run_control(command))),
        Command::Process(ProcessCommand::Ptyd(command)) => command.run(&cli.place),
        Command::Process(ProcessCommand::Serve(command)) => command.run(&cli.place),
        Command::Process(ProcessCommand::LoginLink(command)) => command.run(),
        Command::Process(ProcessCommand::Vault(command)) => command.run(),
        Command::Process(ProcessCommand::Config(command)) => command.run(&cli.place),
        Command::About(AboutCommand::Completions(command)) => command.run(),
        Command::About(AboutCommand::Man(command)) => command.run(),
    }
}

async fn run_session(place: Place, command: SessionCommand) -> Outcome {
    match command {
        SessionCommand::New(command) => Box::pin(command.run(&place)).await,
        SessionCommand::Attach(command) => Box::pin(command.run(&place)).await,
        SessionCommand::Watch(command) => Box::pin(command.run(&place)).await,
        SessionCommand::Ls(command) => command.run(&place).await,
        SessionCommand::Kill(command) => command.run(&place).await,
        SessionCommand::End(command) => command.run(&place).await,
        SessionCommand::Viewers(command) => command.run(&place).await,
        SessionCommand::Say(command) => command.run(&place).await,
        SessionCommand::Keyboard(command) => command.run(&place).await,
        SessionCommand::Kick(command) => command.run(&place).await,
        SessionCommand::SendKeys(command) => command.run(&place).await,
        SessionCommand::Snapshot(command) => command.run(&place).await,
    }
}

async fn run_evidence(place: Place, command: EvidenceCommand) -> Outcome {
    match command {
        EvidenceCommand::Play(command) => Box::pin(command.run(&place)).await,
        EvidenceCommand::Export(command) => command.run(&place).await,
        EvidenceCommand::Verify(command) => command.run(),
        EvidenceCommand::Events(command) => command.run(&place).await,
        EvidenceCommand::Policy(command) => command.run(),
    }
}

async fn run_server(command: ServerCommand) -> Outcome {
    match command {
        ServerCommand::Login(command) => command.run().await,
        ServerCommand::Logout(command) => command.run().await,
        ServerCommand::Whoami(command) => command.run().await,
        ServerCommand::Sessions(command) => command.run().await,
        ServerCommand::Recordings(command) => command.run().await,
        ServerCommand::Servers(command) => Box::pin(command.run()).await,
        ServerCommand::Users(command) => command.run().await,
        ServerCommand::Groups(command) => command.run().await,
        ServerCommand::Grants(command) => command.run().await,
        ServerCommand::Credentials(command) => command.run().await,
        ServerCommand::Import(command) => command.run().await,
    }
}

async fn run_access(command: AccessCommand) -> Outcome {
    match command {
        AccessCommand::Tokens(command) => command.run().await,
        AccessCommand::SshKeys(command) => command.run().await,
        AccessCommand::SshAuthorities(command) => command.run().await,
        AccessCommand::Requests(command) => command.run().await,
        AccessCommand::Reach(command) => command.run().await,
    }
}

async fn run_control(command: ControlCommand) -> Outcome {
    match command {
        ControlCommand::Rules(command) => command.run().await,
        ControlCommand::Reviews(command) => command.run().await,
        ControlCommand::Alerts(command) => command.run().await,
        ControlCommand::Settings(command) => command.run().await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        for command in super::Cli::command().get_subcommands() {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let same = super::Cli::command()
                .get_subcommands()
                .filter(|other| other.get_about().map(ToString::to_string).unwrap_or_default() == about)
                .count();
            assert_eq!((about.is_empty(), same), (false, 1), "{}: {about}", command.get_name());
        }
    }

    /// Prose is wrapped by itself; examples are not.
    #[test]
    fn examples_fit_an_ordinary_terminal() {
        fn check(command: &clap::Command) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in after.lines().filter(|line| line.starts_with("  ")) {
                assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&super::Cli::command());
    }
}
