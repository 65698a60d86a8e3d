use bastide_oidc::{Answer, Error};
use bastide_testkit::OidcProvider;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{HERE, agreed, client, signed_in};

#[tokio::test]
async fn a_code_becomes_a_subject_and_claims() {
    let provider = OidcProvider::start().await;
    provider.person(&json!({ "sub": "s-1", "groups": ["a", "b"], "preferred_username": "ann" }));
    let claims = signed_in(&client(&provider), &provider).await.unwrap();
    assert_eq!((claims.subject.as_str(), claims.issuer.as_str()), ("s-1", provider.issuer()));
    assert_eq!(claims.texts("groups"), ["a", "b"]);
    assert!(!provider.asked().iter().any(|path| path == "/userinfo"), "nothing was missing in the token");
}

#[tokio::test]
async fn what_the_token_lacks_is_asked_for() {
    let provider = OidcProvider::start().await;
    provider.tell_only_when_asked();
    provider.person(&json!({ "sub": "s-1", "groups": ["a"] }));
    let claims = signed_in(&client(&provider), &provider).await.unwrap();
    assert_eq!(claims.texts("groups"), ["a"]);
}

#[tokio::test]
async fn configuration_and_keys_are_asked_for_once() {
    let provider = OidcProvider::start().await;
    provider.person(&json!({ "sub": "s-1", "groups": [] }));
    let client = client(&provider);
    for _ in 0..3 {
        signed_in(&client, &provider).await.unwrap();
    }
    let asked = provider.asked();
    let times = |path: &str| asked.iter().filter(|asked| *asked == path).count();
    assert_eq!(times("/.well-known/openid-configuration"), 1, "{asked:?}");
    assert_eq!(times("/keys"), 1, "{asked:?}");
    assert_eq!(times("/token"), 3, "{asked:?}");
}

#[tokio::test]
async fn a_code_is_good_once_and_with_its_own_verifier() {
    let provider = OidcProvider::start().await;
    provider.person(&json!({ "sub": "s-1" }));
    let client = client(&provider);
    let (waiting, answer) = agreed(&client, &provider).await;
    let (other, _) = agreed(&client, &provider).await;
    let refused = |code: &str| Err(Error::Refused { code: code.to_owned() });
    let finish = async |waiting, answer: &Answer| {
        client.finish(waiting, (answer, &[]), Timestamp::now()).await.map(|claims| claims.subject)
    };
    // Somebody else's verifier; the provider then takes the code back.
    assert_eq!(finish(&other, &answer).await, refused("invalid_grant"));
    let (waiting_again, answer) = {
        drop(waiting);
        agreed(&client, &provider).await
    };
    assert_eq!(finish(&waiting_again, &answer).await, Ok("s-1".to_owned()));
    assert_eq!(finish(&waiting_again, &answer).await, refused("invalid_grant"));
}

#[tokio::test]
async fn whoever_says_no_is_not_asked_again() {
    let provider = OidcProvider::start().await;
    let client = client(&provider);
    let (waiting, mut answer) = agreed(&client, &provider).await;
    (answer.code, answer.error) = (None, Some("access_denied\n<b>".to_owned()));
    let result = client.finish(&waiting, (&answer, &[]), Timestamp::now()).await;
    assert_eq!(result.unwrap_err(), Error::Refused { code: "access_denied<b>".to_owned() });
    assert!(!provider.asked().iter().any(|path| path == "/token"));
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_not_taken_to_this_one() {
    let provider = OidcProvider::start().await;
    let client = client(&provider);
    for issuer in [Some("https://other.example.org".to_owned()), None] {
        let (waiting, mut answer) = agreed(&client, &provider).await;
        answer.issuer = issuer;
        let result = client.finish(&waiting, (&answer, &[]), Timestamp::now()).await;
        assert_eq!(result.unwrap_err(), Error::OtherIssuer);
    }
    assert!(!provider.asked().iter().any(|path| path == "/token"), "the code stays here");
}

#[tokio::test]
async fn clocks_may_be_a_little_apart() {
    let provider = OidcProvider::start().await;
    provider.person(&json!({ "sub": "s-1" }));
    let client = client(&provider);
    for (seconds, good) in [(-50, true), (-120, false), (350, true), (400, false)] {
        let (waiting, answer) = agreed(&client, &provider).await;
        let now = Timestamp::now() + SignedDuration::from_secs(seconds);
        let result = client.finish(&waiting, (&answer, &[]), now).await;
        assert_eq!(result.is_ok(), good, "{seconds} s apart: {result:?}");
    }
}

#[tokio::test]
async fn nothing_of_ours_is_shown_by_what_is_printed() {
    let provider = OidcProvider::start().await;
    let client = client(&provider);
    let begun = client.begin(HERE).await.unwrap();
    assert!(!format!("{client:?}").contains(OidcProvider::CLIENT_SECRET));
    assert_eq!(format!("{:?}", begun.waiting), "Waiting(…)");
}
