//! The way to the mail server: nothing goes to one that does not prove who it is, and nobody is mailed twice because
//! somebody else was not mailed.

use countersign::domain::effect::Reached;
use countersign::domain::notice::{ChannelName, Occasion};
use countersign::notify::{
    Channel, EmailChannel, EmailSettings, EmailUnusable, SmtpSecurity, Telling,
};

use super::house::{CAROL, DAVE, House, secret};
use super::post::{Mode, PASSWORD, Post};

fn told() -> Telling {
    Telling::Told { handle: None }
}

fn addresses(addresses: &[&str]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_mailed_is_not_mailed_again_for_those_who_were_not() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let message = house.message(&case, Occasion::Asked).await;
    let to = addresses(&[CAROL, "later@example.com", DAVE]);
    let channel = house.channel(&to, &house.plain());
    let Telling::Retry { error, .. } = channel.tell(&message).await else {
        panic!("one was put off");
    };
    assert!(error.starts_with("later@example.com: "), "{error}");
    assert!(error.contains("come back in a moment"), "{error}");
    // Somebody else goes on, after a restart.
    let channel = house.channel(&to, &house.plain());
    assert_eq!(channel.tell(&message).await, told());
    assert_eq!(channel.tell(&message).await, told());
    let taken = house.post.taken();
    let mut readers: Vec<&str> = taken.iter().map(super::post::Mail::to).collect();
    readers.sort_unstable();
    assert_eq!(readers, [CAROL, DAVE, "later@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_refused_for_good_keeps_nobody_else_from_their_mail() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let message = house.message(&case, Occasion::Asked).await;
    let to = addresses(&["gone@example.com", CAROL]);
    let channel = house.channel(&to, &house.plain());
    let Telling::Failed { error, .. } = channel.tell(&message).await else {
        panic!("one was refused");
    };
    assert!(error.starts_with("gone@example.com: "), "{error}");
    assert!(error.contains("there is nobody of that name"), "{error}");
    house.post.mails(CAROL, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_quotes_the_link_does_not_bring_it_into_our_error() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let message = house.message(&case, Occasion::Asked).await;
    let channel = house.channel(&addresses(&["filter@example.com"]), &house.plain());
    let expected = Telling::Failed {
        error: "filter@example.com: the server answered 554".to_owned(),
        reached: Reached::No,
    };
    assert_eq!(channel.tell(&message).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_have_the_question_is_mailed_the_end_and_who_surely_has_not_is_not() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let asked = house.message(&case, Occasion::Asked).await;
    let mut closed = house.message(&case, Occasion::Closed).await;
    closed.id = format!("{case}_2");
    // The server takes the mail and goes; refuses it for good; or wants it later.
    for (address, perhaps) in [
        ("lost@example.com", Reached::Perhaps),
        ("gone@example.com", Reached::No),
        ("later@example.com", Reached::No),
    ] {
        let channel = house.channel(&addresses(&[address]), &house.plain());
        match channel.tell(&asked).await {
            Telling::Retry { reached, .. } | Telling::Failed { reached, .. } => {
                assert_eq!(reached, perhaps, "{address}");
            }
            other @ (Telling::NoNews | Telling::Told { .. }) => panic!("{address}: {other:?}"),
        }
        let end = match perhaps {
            Reached::Perhaps => told(),
            Reached::No => Telling::NoNews,
        };
        assert_eq!(channel.tell(&closed).await, end, "{address}");
    }
    let taken = house.post.taken();
    let readers: Vec<&str> = taken.iter().map(super::post::Mail::to).collect();
    assert_eq!(readers, ["lost@example.com"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_to_mail_when_somebody_voted() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let message = house.message(&case, Occasion::Voted).await;
    let channel = house.channel(&addresses(&[CAROL]), &house.plain());
    assert_eq!(channel.tell(&message).await, Telling::NoNews);
    assert!(house.post.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_proves_who_it_is_before_it_gets_the_password_or_a_mail() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let message = house.message(&case, Occasion::Asked).await;
    for (mode, security) in [
        (Mode::Tls, SmtpSecurity::Tls),
        (Mode::StartTls, SmtpSecurity::StartTls),
    ] {
        let post = Post::open(mode).await;
        let settings = EmailSettings {
            host: "localhost".to_owned(),
            port: post.port,
            security,
            login: Some(("countersign".to_owned(), secret(PASSWORD))),
            from: "approvals@example.com".to_owned(),
        };
        let to = [format!("{mode:?}@example.com")];
        let channel = |settings: &EmailSettings, roots: &[&[u8]]| {
            let name = ChannelName::new("payments", "email");
            EmailChannel::trusting(name, &to, settings, house.ports(), roots).unwrap()
        };
        let untrusted = channel(&settings, &[]).tell(&message).await;
        assert!(matches!(untrusted, Telling::Retry { .. }), "{untrusted:?}");
        let root = [post.root.as_bytes()];
        let stranger = EmailSettings {
            login: Some(("countersign".to_owned(), secret("hunter2"))),
            ..settings.clone()
        };
        let refused = channel(&stranger, &root).tell(&message).await;
        let expected = Telling::Failed {
            reached: Reached::No,
            error: "`localhost` refused the login (535)".to_owned(),
        };
        assert_eq!(refused, expected);
        assert!(post.taken().is_empty());
        assert_eq!(channel(&settings, &root).tell(&message).await, told());
        assert_eq!(post.mails(&to[0], 1).await[0].0["protected"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_offers_no_tls_gets_nothing() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let message = house.message(&case, Occasion::Asked).await;
    for security in [SmtpSecurity::StartTls, SmtpSecurity::Tls] {
        let settings = EmailSettings {
            security,
            ..house.plain()
        };
        let channel = house.channel(&addresses(&[CAROL]), &settings);
        let told = channel.tell(&message).await;
        assert!(matches!(told, Telling::Retry { .. }), "{told:?}");
    }
    assert!(house.post.taken().is_empty());
    let elsewhere = EmailSettings {
        host: "mail.example.com".to_owned(),
        ..house.plain()
    };
    let name = ChannelName::new("payments", "email");
    let refused = EmailChannel::new(name, &addresses(&[CAROL]), &elsewhere, house.ports());
    assert!(matches!(refused, Err(EmailUnusable::Plain(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_tried_again() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let message = house.message(&case, Occasion::Asked).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let nowhere = EmailSettings {
        port,
        ..house.plain()
    };
    let channel = house.channel(&addresses(&[CAROL]), &nowhere);
    let told = channel.tell(&message).await;
    assert!(matches!(told, Telling::Retry { .. }), "{told:?}");
}
