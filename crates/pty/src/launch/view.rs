//! The new process's own view of the machine's files. The same rules as in `in_child`: system calls only.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::ptr;

use super::in_child::{Failed, check};
use super::{Step, Surroundings};

/// Of directories of its own: as `/tmp` is, and no larger than leaves the machine working.
const PRIVATE: &CStr = c"mode=1777,size=25%";

/// Enters a mount namespace, mount_namespaces(7), and furnishes it. Where nothing is asked for, nothing is done.
pub(super) fn enter(surroundings: &Surroundings) -> Result<(), Failed> {
    if surroundings.read_only.is_empty() && surroundings.private.is_empty() {
        return Ok(());
    }
    // SAFETY: a plain system call. The process shares memory with its parent at most, not its file system.
    check(Step::Namespace, unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    // What is mounted outside later would come in writable.
    mount(Step::Namespace, None, c"/", libc::MS_REC | libc::MS_PRIVATE)?;
    for path in &surroundings.read_only {
        if path.as_c_str() != c"/" {
            mount(Step::ReadOnly, Some(path), path, libc::MS_BIND | libc::MS_REC)?;
        }
        check(Step::ReadOnly, refuse_writes(path))?;
    }
    for directory in &surroundings.private {
        let flags = libc::MS_NOSUID | libc::MS_NODEV;
        // SAFETY: all are live C strings.
        let mounted = unsafe {
            let kind = c"tmpfs".as_ptr();
            libc::mount(kind, directory.as_ptr(), kind, flags, PRIVATE.as_ptr().cast())
        };
        check(Step::Private, mounted)?;
    }
    Ok(())
}

fn mount(step: Step, source: Option<&CStr>, target: &CStr, flags: u64) -> Result<(), Failed> {
    let source = source.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: source and target are live C strings or null, the rest is null where these flags read nothing.
    check(step, unsafe { libc::mount(source, target.as_ptr(), ptr::null(), flags, ptr::null()) })
}

/// Of the mount and all below it, mount_setattr(2), Linux 5.12.
fn refuse_writes(path: &CStr) -> c_int {
    let wanted =
        libc::mount_attr { attr_set: libc::MOUNT_ATTR_RDONLY, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is a live C string, and the kernel reads as many bytes of the attributes as are told.
    let set = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    };
    if set == 0 { 0 } else { -1 }
}
