//! Whether a machine can be reached at all: a TCP connection, and an ICMP echo where the system lets us send one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustix::net::{self, AddressFamily, SocketFlags, SocketType, ipproto};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// A machine that is up answers within a fraction of it, also from the other side of the world.
pub const TCP_WITHIN: Duration = Duration::from_secs(5);
/// One echo; one that is lost on the way says nothing against the machine, TCP tries again by itself.
pub const ICMP_WITHIN: Duration = Duration::from_secs(2);

/// RFC 792 and RFC 4443.
const ECHO_REQUEST: [u8; 2] = [8, 128];
const ECHO_REPLY: [u8; 2] = [0, 129];
/// Something to recognise the answer by, beside what the kernel checks itself.
const PAYLOAD: &[u8; 8] = b"bastide?";

/// Resolves a name and connects; closes again at once.
///
/// # Errors
/// What did not work, in one clause.
pub async fn tcp(host: &str, port: u16) -> Result<SocketAddr, String> {
    let connect = async {
        let addresses = tokio::net::lookup_host((host, port)).await;
        let addresses = addresses.map_err(|e| format!("the name {host} cannot be resolved: {e}"))?;
        let mut last = format!("the name {host} has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(_) => return Ok(address),
                Err(e) => last = format!("{address}: {e}"),
            }
        }
        Err(last)
    };
    let late = |_| Err(format!("{host}:{port} does not answer within {} s", TCP_WITHIN.as_secs()));
    timeout(TCP_WITHIN, connect).await.unwrap_or_else(late)
}

/// Sends one echo and waits for its answer. `None` where the system does not permit it: then it says nothing
/// (`net.ipv4.ping_group_range` of icmp(7) decides).
///
/// # Errors
/// What did not work, in one clause.
pub async fn icmp(address: IpAddr) -> Option<Result<(), String>> {
    let socket = match open(address) {
        Ok(socket) => socket,
        Err(e) if matches!(e.kind(), io::ErrorKind::PermissionDenied) => return None,
        Err(e) => return Some(Err(format!("no ICMP here: {e}"))),
    };
    let answered = timeout(ICMP_WITHIN, echo(&socket, address.is_ipv6())).await;
    Some(match answered {
        Ok(Ok(())) => Ok(()),
        Ok(Err(e)) => Err(format!("{address}: {e}")),
        Err(_) => Err(format!("{address}: no ICMP answer within {} s", ICMP_WITHIN.as_secs())),
    })
}

/// A socket of datagrams, which for the runtime is one like any other.
fn open(address: IpAddr) -> io::Result<UdpSocket> {
    let (family, protocol) = match address {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::DGRAM, flags, Some(protocol))?;
    net::connect(&socket, &SocketAddr::new(address, 0))?;
    UdpSocket::from_std(socket.into())
}

/// The kernel writes identifier and checksum, and gives us the answers to our own identifier only.
async fn echo(socket: &UdpSocket, v6: bool) -> io::Result<()> {
    let mut request = [0_u8; 16];
    request[0] = ECHO_REQUEST[usize::from(v6)];
    request[7] = 1;
    request[8..].copy_from_slice(PAYLOAD);
    socket.send(&request).await?;
    let mut answer = [0_u8; 64];
    loop {
        let length = socket.recv(&mut answer).await?;
        if is_answer(&answer[..length], v6) {
            return Ok(());
        }
    }
}

fn is_answer(message: &[u8], v6: bool) -> bool {
    message.first() == Some(&ECHO_REPLY[usize::from(v6)]) && message.get(8..16) == Some(PAYLOAD)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_listener_is_reached_and_a_closed_port_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(tcp("127.0.0.1", port).await.unwrap().port(), port);
        drop(listener);
        let refused = tcp("127.0.0.1", port).await.unwrap_err();
        assert!(refused.contains("refused"), "{refused}");
        let unknown = tcp("no-such-host.invalid", 22).await.unwrap_err();
        assert!(unknown.contains("cannot be resolved"), "{unknown}");
    }

    /// Where the system permits no echo that is an answer too, and no failure.
    #[tokio::test]
    async fn this_machine_answers_an_echo_where_one_may_be_sent() {
        assert_eq!(icmp([127, 0, 0, 1].into()).await.unwrap_or(Ok(())), Ok(()));
    }

    #[test]
    fn only_our_own_echo_counts() {
        let mut answer = [0_u8; 16];
        answer[8..].copy_from_slice(PAYLOAD);
        assert!(is_answer(&answer, false));
        assert!(!is_answer(&answer, true));
        assert!(!is_answer(&answer[..15], false));
        answer[0] = 3;
        assert!(!is_answer(&answer, false), "unreachable is no echo");
    }
}
