//! Reading another process: its memory and the pointer of its stack.
#![allow(unsafe_code)]

use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use libc::{c_ulong, pid_t};

const PAGE: u64 = 4096;
/// Pieces of one read; no caller has more.
const PIECES: usize = 32;

/// The memory of a process that waits for an answer or stands still.
#[derive(Debug)]
pub(in crate::gate) struct Memory {
    tid: pid_t,
    /// Where process_vm_readv(2) may not be used, as in some containers.
    file: OnceCell<File>,
}

impl Memory {
    pub(in crate::gate) fn of(tid: pid_t) -> Self {
        Self { tid, file: OnceCell::new() }
    }

    /// Reads as much as there is of `[from, from + buffer.len())`, which may be less.
    pub(in crate::gate) fn read(&self, from: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_all(&[(from, buffer.len())], buffer)
    }

    /// Reads pieces (address, length) one after the other into `buffer`, up to the first page that is not
    /// there.
    pub(in crate::gate) fn read_all(&self, pieces: &[(u64, usize)], buffer: &mut [u8]) -> io::Result<usize> {
        if self.file.get().is_none() {
            match gather(self.tid, pieces, buffer) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                    let _ = self.file.set(File::open(format!("/proc/{}/mem", self.tid))?);
                }
                result => return result,
            }
        }
        let file = self.file.get().ok_or(io::ErrorKind::NotFound)?;
        let mut done = 0;
        for (from, length) in pieces {
            let place = buffer.get_mut(done..done + length).ok_or(io::ErrorKind::InvalidInput)?;
            match file.read_at(place, *from) {
                Ok(got) => done += got,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
            if done < *length {
                break;
            }
        }
        Ok(done)
    }
}

/// process_vm_readv(2). A piece that it cannot read whole it does not read at all, so each is given to it
/// page by page.
fn gather(tid: pid_t, pieces: &[(u64, usize)], buffer: &mut [u8]) -> io::Result<usize> {
    let mut remote = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; PIECES];
    let (mut count, mut total) = (0, 0);
    for (from, length) in pieces {
        let (mut at, mut left) = (*from, *length);
        while left > 0 {
            let here = left.min((PAGE - at % PAGE) as usize);
            let place = remote.get_mut(count).ok_or(io::ErrorKind::InvalidInput)?;
            *place = libc::iovec { iov_base: at as *mut libc::c_void, iov_len: here };
            count += 1;
            total += here;
            left -= here;
            at = at.checked_add(here as u64).ok_or(io::ErrorKind::InvalidInput)?;
        }
    }
    let buffer = buffer.get_mut(..total).ok_or(io::ErrorKind::InvalidInput)?;
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: the kernel writes at most `iov_len` bytes through the local piece, which is all of `buffer`;
    // the remote addresses are looked up in the other process, never in ours.
    let read =
        unsafe { libc::process_vm_readv(tid, &raw const local, 1, remote.as_ptr(), count as c_ulong, 0) };
    super::checked(read as libc::c_long).map(|read| read as usize)
}

/// Where the stack of a traced process that stands still begins; `None` for one with another kind of
/// registers, as a 32-bit program has.
pub(in crate::gate) fn stack_pointer(pid: pid_t) -> io::Result<Option<u64>> {
    /// `NT_PRSTATUS`, the general registers: ptrace(2), PTRACE_GETREGSET.
    const GENERAL: usize = 1;
    let mut registers = std::mem::MaybeUninit::<libc::user_regs_struct>::zeroed();
    let mut place =
        libc::iovec { iov_base: registers.as_mut_ptr().cast(), iov_len: size_of::<libc::user_regs_struct>() };
    // SAFETY: the kernel writes at most `iov_len` bytes to `registers` and puts into `place` how many.
    let result = unsafe { libc::ptrace(libc::PTRACE_GETREGSET, pid, GENERAL, &raw mut place) };
    super::checked(result)?;
    if place.iov_len != size_of::<libc::user_regs_struct>() {
        return Ok(None);
    }
    // SAFETY: all of it is written, and any bits are valid numbers.
    let registers = unsafe { registers.assume_init() };
    #[cfg(target_arch = "x86_64")]
    return Ok(Some(registers.rsp));
    #[cfg(target_arch = "aarch64")]
    return Ok(Some(registers.sp));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Memory {
        Memory::of(pid_t::try_from(std::process::id()).expect("pids fit"))
    }

    #[test]
    fn pieces_are_read_one_after_the_other() {
        let (first, second) = (vec![7_u8; 3 * 4096], *b"second");
        let mut buffer = vec![0; first.len() + 6];
        let pieces = [(first.as_ptr() as u64, first.len()), (second.as_ptr() as u64, 6)];
        let expected = [first.as_slice(), b"second"].concat();
        assert_eq!(own().read_all(&pieces, &mut buffer).expect("our own memory"), buffer.len());
        assert_eq!(buffer, expected);

        let by_file = own();
        by_file.file.set(File::open("/proc/self/mem").expect("our own")).expect("it was not");
        buffer.fill(0);
        assert_eq!(by_file.read_all(&pieces, &mut buffer).expect("our own memory"), buffer.len());
        assert_eq!(buffer, expected);
    }

    #[test]
    fn a_read_ends_where_nothing_is() {
        let mut buffer = [0; 64];
        own().read(8, &mut buffer).expect_err("nothing is there");
        own().read(u64::MAX - 8, &mut buffer).expect_err("nothing is there");
        let there = b"there".as_ptr() as u64;
        assert_eq!(own().read_all(&[(there, 5), (8, 5)], &mut buffer).expect("the first piece"), 5);
    }
}
