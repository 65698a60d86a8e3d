//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower::ServiceExt;

use super::tls::{self, Accepted};
use super::{Config, HEAD_WITHIN, PeerAddress, body};

/// Request lines and headers of browsers are under 16 KB; proxies and company logins add some.
const MAX_HEAD: usize = 64 * 1024;
/// What was sent and is not taken for this long has nobody left who wants it. Milliseconds.
const UNTAKEN_FOR: u32 = 120_000;
/// Half a year, for a host that is reached by TLS with a certificate of its own (RFC 6797).
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=15552000");

/// What every connection is served with.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    pub(super) router: Router,
    pub(super) config: Arc<Config>,
    pub(super) ending: bastide_rt::Shutdown,
}

impl Connections {
    pub(super) async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        // A keystroke is one small packet and must not wait for the next.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "no TCP_NODELAY");
        }
        if let Err(error) = sockopt::set_tcp_user_timeout(&stream, UNTAKEN_FOR) {
            tracing::debug!(%error, %peer, "no TCP_USER_TIMEOUT");
        }
        let served = match self.config.tls.clone() {
            None => self.http(stream, peer).await,
            Some(tls) => {
                let accepted = tokio::select! {
                    accepted = tls.accept(stream) => accepted,
                    () = self.ending.draining() => return,
                };
                match accepted {
                    Ok(Accepted::Tls(stream)) => self.http(stream, peer).await,
                    Ok(Accepted::Plain(stream)) => self.not_tls(stream).await,
                    Err(error) => {
                        tracing::debug!(%error, %peer, "no TLS");
                        return;
                    }
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, %peer, "connection ended");
        }
    }

    async fn http(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
    ) -> hyper::Result<()> {
        let Self { router, config, ending } = self;
        let strict = config.tls.as_ref().is_some_and(tls::Tls::vouched_for);
        let service = service_fn(move |request: Request<Incoming>| {
            let pace = body::Pace::default();
            let mut request = request.map(|incoming| body::timely(incoming, pace.clone()));
            request.extensions_mut().insert(pace);
            let strict = strict && host(request.headers()).is_some_and(|host| !tls::is_local(host));
            let from: PeerAddress = config.proxies.origin(peer, request.headers());
            request.extensions_mut().insert(from);
            let router = router.clone();
            async move {
                let mut response = router.oneshot(request).await?;
                if strict {
                    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let mut connection =
            std::pin::pin!(rules().serve_connection(TokioIo::new(stream), service).with_upgrades());
        tokio::select! {
            served = connection.as_mut() => served,
            () = ending.draining() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    }

    /// Somebody wrote `http://` to a port that speaks TLS: once, to say so.
    async fn not_tls(self, stream: TcpStream) -> hyper::Result<()> {
        let Self { config, ending, .. } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let response = elsewhere(&config, &request);
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = rules().keep_alive(false).serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            served = connection => served,
            () = ending.draining() => Ok(()),
        }
    }
}

fn rules() -> http1::Builder {
    let mut rules = http1::Builder::new();
    rules.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_header_size(MAX_HEAD);
    rules
}

fn elsewhere(config: &Config, request: &Request<Incoming>) -> Response<Body> {
    let public = config.public.as_ref().map(|origin| origin.authority.as_str());
    let authority = public.or_else(|| authority(request.headers()));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let there = authority.map(|authority| format!("https://{authority}{path}"));
    let location = there.as_deref().and_then(|there| HeaderValue::from_str(there).ok());
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    let text = match &there {
        Some(there) => format!("This port speaks HTTPS only: {there}\n"),
        None => "This port speaks HTTPS only.\n".to_owned(),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    if let Some(location) = location.filter(|_| looks) {
        // Not for good: the setting may be undone.
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// `Host`, where it looks like one.
fn authority(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    (!host.is_empty() && host.chars().all(fits)).then_some(host)
}

/// `Host` without its port.
fn host(headers: &HeaderMap) -> Option<&str> {
    let authority = authority(headers)?;
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(host),
        _ => Some(authority),
    }
}
