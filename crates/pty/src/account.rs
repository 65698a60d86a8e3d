use std::ffi::CString;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, User};

use crate::Error;

/// What an account without a shell in its entry gets, passwd(5).
const DEFAULT_SHELL: &str = "/bin/sh";

/// An account of this machine, as its name service knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
    pub name: String,
    pub home: PathBuf,
    pub shell: PathBuf,
    /// All groups, the main one included.
    pub groups: Vec<u32>,
}

impl Account {
    /// The account this process runs as. Its home is `$HOME`, as other terminal programs take it,
    /// where that is an absolute path. In a container its uid may have no entry: then the name is
    /// the number, the home without `$HOME` is `/`, the shell `/bin/sh`.
    pub fn current() -> Result<Self, Error> {
        let uid = Uid::effective();
        let gid = nix::unistd::getegid();
        let groups = nix::unistd::getgroups().map_err(accounts)?;
        let entry = User::from_uid(uid).map_err(accounts)?;
        let (name, entered_home, shell) = match entry {
            Some(user) => (user.name, user.dir, shell_or_default(user.shell)),
            None => (uid.to_string(), "/".into(), DEFAULT_SHELL.into()),
        };
        let own_home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let home = own_home.unwrap_or(entered_home);
        Ok(Self { uid: uid.as_raw(), gid: gid.as_raw(), name, home, shell, groups: raw(&groups) })
    }

    /// Looks an account up. It may ask a server on the network: not a call for a reactor thread.
    pub fn named(name: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownAccount { name: name.to_owned() };
        let user = User::from_name(name).map_err(accounts)?.ok_or_else(unknown)?;
        let login = CString::new(user.name.as_str()).map_err(|_| unknown())?;
        let groups = nix::unistd::getgrouplist(&login, user.gid).map_err(accounts)?;
        Ok(Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            name: user.name,
            home: user.dir,
            shell: shell_or_default(user.shell),
            groups: raw(&groups),
        })
    }

    /// Whether this process is that account already.
    pub(crate) fn is_own(&self) -> bool {
        Uid::effective().as_raw() == self.uid
    }
}

/// Whether this process may start programs as `account`: root as anyone, others as themselves.
/// Whether a *user* may is not decided here.
pub fn may_run_as(account: &Account) -> Result<(), Error> {
    if Uid::effective().is_root() || account.is_own() {
        return Ok(());
    }
    Err(Error::Forbidden { account: account.name.clone() })
}

fn shell_or_default(shell: PathBuf) -> PathBuf {
    if shell == Path::new("") {
        return DEFAULT_SHELL.into();
    }
    shell
}

fn raw(groups: &[Gid]) -> Vec<u32> {
    groups.iter().map(|group| group.as_raw()).collect()
}

fn accounts(errno: nix::errno::Errno) -> Error {
    Error::Accounts { cause: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_account_is_known_and_allowed() {
        let own = Account::current().expect("it exists");
        assert_eq!(own.uid, Uid::effective().as_raw());
        assert!(!own.shell.as_os_str().is_empty());
        assert!(may_run_as(&own).is_ok());
    }

    #[test]
    fn root_is_found_by_name_and_an_unknown_name_is_an_error_that_says_it() {
        let root = Account::named("root").expect("every machine has root");
        assert_eq!((root.uid, root.gid), (0, 0));
        assert!(root.groups.contains(&0));
        let error = Account::named("no-such-account").expect_err("there is none");
        assert_eq!(error.to_string(), "no account named \"no-such-account\" on this machine");
    }

    #[test]
    fn an_account_without_a_shell_gets_sh() {
        assert_eq!(shell_or_default(PathBuf::new()), Path::new("/bin/sh"));
        assert_eq!(shell_or_default("/bin/zsh".into()), Path::new("/bin/zsh"));
    }
}
