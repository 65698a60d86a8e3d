//! Logging in by a link, and out.
//!
//! Opening the link shows a page and changes nothing, so that a preview or a prefetch cannot use it
//! up; its button posts the token, once. The page works without scripts.

use axum::Extension;
use axum::extract::{Form, Query, State, rejection::FormRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use bastide_app::login::Cookie;
use bastide_app::{App, Ctx, Error};
use serde::Deserialize;

use crate::error::Problem;
use crate::server::Site;

#[derive(Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    token: String,
}

pub(crate) async fn page(State(site): State<Site>, headers: HeaderMap, Query(link): Query<Link>) -> Response {
    let words = Words::of(&headers);
    if site.app.link_is_open(&link.token) {
        // Tokens are hexadecimal; this one has just been found, so it is.
        let form = format!(
            "<form method=post action=/login><input type=hidden name=token value=\"{}\">\
             <button autofocus>{}</button></form>",
            link.token, words.button
        );
        (StatusCode::OK, html(words, words.title, words.lead, &form)).into_response()
    } else {
        refused(words)
    }
}

pub(crate) async fn log_in(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    form: Result<Form<Link>, FormRejection>,
) -> Response {
    let words = Words::of(&headers);
    let token = match form {
        Ok(Form(link)) => link.token,
        Err(e) => return Problem::new(e.status(), "form", e.body_text()).into_response(),
    };
    match site.app.log_in(&token, ctx.request_id()).await {
        Ok(cookie) => (set(&site, &cookie), Redirect::to("/")).into_response(),
        Err(Error::LinkRefused) => refused(words),
        Err(error) => Problem::from(error).into_response(),
    }
}

pub(crate) async fn log_out(State(site): State<Site>, Extension(ctx): Extension<Ctx>) -> Response {
    let gone = Cookie { name: site.app.logins().cookie_name(), value: String::new(), max_age_seconds: 0 };
    match App::log_out(&ctx).await {
        Ok(()) => (set(&site, &gone), StatusCode::NO_CONTENT).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

fn set(site: &Site, cookie: &Cookie) -> [(header::HeaderName, HeaderValue); 1] {
    let secure = if site.https() { "; Secure" } else { "" };
    let Cookie { name, value, max_age_seconds } = cookie;
    let text =
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_seconds}{secure}");
    let value = HeaderValue::try_from(text).expect("names and values of our cookies are plain ASCII");
    [(header::SET_COOKIE, value)]
}

fn refused(words: &Words) -> Response {
    let command = "<pre>bastide login-link</pre>";
    (StatusCode::FORBIDDEN, html(words, words.refused, words.refused_lead, command)).into_response()
}

/// What the two small pages say.
struct Words {
    language: &'static str,
    title: &'static str,
    lead: &'static str,
    button: &'static str,
    refused: &'static str,
    refused_lead: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Log in to Bastide",
    lead: "This link works once.",
    button: "Log in",
    refused: "This login link no longer works",
    refused_lead: "It was used already, or it is older than 15 minutes. Make a new one on the machine where Bastide runs:",
};

const CHINESE: Words = Words {
    language: "zh-CN",
    title: "登录 Bastide",
    lead: "此链接只能使用一次。",
    button: "登录",
    refused: "此登录链接已失效",
    refused_lead: "链接已被使用，或已超过 15 分钟。请在运行 Bastide 的机器上重新生成：",
};

impl Words {
    /// The first language the browser asks for that there is; browsers list them in order.
    fn of(headers: &HeaderMap) -> &'static Self {
        let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut languages = wanted.unwrap_or_default().split(',').map(str::trim);
        let known = languages.find(|one| one.starts_with("zh") || one.starts_with("en"));
        if known.is_some_and(|one| one.starts_with("zh")) { &CHINESE } else { &ENGLISH }
    }
}

fn html(words: &Words, title: &str, lead: &str, rest: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang={language}><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
         <link rel=icon href=/icon.svg><style>{STYLE}</style>\
         <main><h1>{title}</h1><p>{lead}</p>{rest}</main></html>",
        language = words.language,
    ))
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1a2027;--soft:#5a6673;--ground:#f6f7f8;--card:#fff;--line:#dde1e5;--accent:#0f766e}\
@media(prefers-color-scheme:dark){:root{--ink:#e3e7ea;--soft:#98a3ad;--ground:#12161a;--card:#191f24;--line:#2a323a;--accent:#2aa198}}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);\
font:14px/1.5 system-ui,-apple-system,'Segoe UI','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif}\
main{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:28px 32px;max-width:360px;margin:16px}\
h1{font-size:18px;margin:0 0 8px}p{margin:0 0 16px;color:var(--soft)}\
button{font:inherit;font-weight:600;padding:8px 20px;border:0;border-radius:6px;background:var(--accent);color:#fff;cursor:pointer}\
button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}\
pre{margin:0;padding:10px 12px;border:1px solid var(--line);border-radius:6px;background:var(--ground);font:13px ui-monospace,monospace}";
