//! What a link may do: once, for whoever it was sent to, on what the mail showed.

use countersign::domain::effect::Ballot;
use countersign::domain::id::{CaseId, ContentDigest};
use countersign::identity::{Purpose, Seal};
use countersign::notify::MailLink;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::COOKIE;

use super::house::{CAROL, DAVE, House, VERA, filled};
use crate::harness::{ADMIN, APPROVER};

fn soon() -> Timestamp {
    countersign::clock::Clock.now() + SignedDuration::from_mins(5)
}

/// A link as a mail of this house would have it.
async fn link(house: &House, case: &str, address: &str, deadline: Timestamp) -> String {
    let digest = house.file(case).await.case.shown();
    let link = MailLink::new(CaseId::parse(case).unwrap(), digest, address, deadline).unwrap();
    format!("{}/mail/{}", house.url, link.sealed(&house.seal).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_works_once_and_not_by_a_slip_of_the_pen() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let link = house.post.mails(CAROL, 1).await.remove(0).link();
    let page = house.vote(&link, "approve", "   ").await;
    assert_eq!(page.status, 422, "{}", page.text);
    assert!(page.text.contains("A reason is required"), "{}", page.text);
    assert_eq!(house.votes(&case).await, [""; 0]);
    // The form is there once more.
    let page = house.send(&link, &page, "approve", "it is due").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = house
        .send(&link, &page_before(&house, &link).await, "reject", "oh")
        .await;
    assert_eq!(page.status, 409, "{}", page.text);
    assert!(page.text.contains("used before"), "{}", page.text);
    assert_eq!(house.look(&link).await.status, 409);
    assert_eq!(
        house.votes(&case).await,
        ["carol@example.com approve by email"]
    );
}

/// A form of another link of the same reader, since the link itself shows none any more.
async fn page_before(house: &House, _used: &str) -> super::house::Page {
    let case = house.asked(77).await;
    let other = link(house, &case, CAROL, soon()).await;
    house.look(&other).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_used_ten_times_at_once_counts_once() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let link = house.post.mails(CAROL, 1).await.remove(0).link();
    let page = house.look(&link).await;
    let sent = (0..10).map(|number| {
        let vote = if number % 2 == 0 { "approve" } else { "reject" };
        house.send(&link, &page, vote, "now")
    });
    let answers = futures_util::future::join_all(sent).await;
    let counted = answers.iter().filter(|page| page.status == 200).count();
    assert_eq!(counted, 1);
    assert!(answers.iter().all(|page| [200, 409].contains(&page.status)));
    assert_eq!(house.votes(&case).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_mail_votes_as_its_reader_and_as_nobody_else() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let link = house.post.mails(CAROL, 1).await.remove(0).link();
    // Two people have it open; each has a form of their own.
    let (hers, theirs) = (house.look(&link).await, house.look(&link).await);
    assert_ne!(hers.cookie(), theirs.cookie());
    assert_eq!(house.send(&link, &theirs, "approve", "x").await.status, 200);
    assert_eq!(house.send(&link, &hers, "approve", "x").await.status, 409);
    // Nor does anything in the form make it somebody else's.
    assert_eq!(
        house.votes(&case).await,
        ["carol@example.com approve by email"]
    );
    let daves = house.post.mails(DAVE, 1).await.remove(0).link();
    let page = house.look(&daves).await;
    let body = format!("form={}&vote=approve&reason=x&by=alice", page.form());
    let request = house.request("POST", &daves).header(COOKIE, page.cookie());
    let page = house.page(request.body(body)).await;
    assert_eq!(page.status, 400, "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_not_shown_to_this_browser_for_this_link_decides_nothing() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let link = house.post.mails(CAROL, 1).await.remove(0).link();
    let other = house.post.mails(DAVE, 1).await.remove(0).link();
    let (page, others) = (house.look(&link).await, house.look(&other).await);
    let post = |cookie: &str, form: &str, headers: &[(&str, &str)]| {
        let mut request = house.request("POST", &link).header(COOKIE, cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        house.page(filled(request, form, "approve", "x"))
    };
    let (cookie, form) = (page.cookie(), page.form());
    let host = house.url.strip_prefix("http://").unwrap();
    for (what, cookie, form, headers) in [
        ("no cookie", "a=b", form.as_str(), vec![]),
        ("another browser's cookie", &others.cookie(), &form, vec![]),
        ("another link's form", &cookie, &others.form(), vec![]),
        ("no form", &cookie, "", vec![]),
        ("a made-up form", &cookie, "AAAA", vec![]),
        (
            "another site",
            &cookie,
            &form,
            vec![("Origin", "https://evil.example")],
        ),
        (
            "another site of the same name",
            &cookie,
            &form,
            vec![("Origin", "http://127.0.0.1:1")],
        ),
        (
            "another site, as the browser says",
            &cookie,
            &form,
            vec![("Sec-Fetch-Site", "cross-site")],
        ),
        (
            "a sibling site",
            &cookie,
            &form,
            vec![
                ("Sec-Fetch-Site", "same-site"),
                ("Origin", house.url.as_str()),
            ],
        ),
    ] {
        let page = post(cookie, form, &headers).await;
        assert_eq!(page.status, 403, "{what}: {}", page.text);
    }
    assert_eq!(house.votes(&case).await, [""; 0]);
    let own = format!("http://{host}");
    let page = post(&cookie, &form, &[("Origin", own.as_str())]).await;
    assert_eq!(page.status, 200, "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_not_ours_leads_nowhere() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let link = house.post.mails(CAROL, 1).await.remove(0).link();
    let token = link.rsplit_once('/').unwrap().1;
    let opened = MailLink::open(&house.seal, token, soon()).unwrap();
    let foreign = opened.sealed(&Seal::new(&[8; 32])).unwrap();
    let session = house.seal.seal(Purpose::Session, &opened, soon()).unwrap();
    let middle = token.len() / 2;
    let (head, tail) = token.split_at(middle);
    let flipped = if tail.starts_with('A') { "B" } else { "A" };
    let changed = format!("{head}{flipped}{}", &tail[1..]);
    for other in [&foreign, &session, &changed, head, "x", &"A".repeat(9000)] {
        let page = house.look(&format!("{}/mail/{other}", house.url)).await;
        assert_eq!(page.status, 404, "{other}");
        assert!(page.text.contains("This link leads nowhere"));
        assert!(!page.text.contains("billing-bot"));
    }
    assert_eq!(house.votes(&case).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_vote_now_votes_by_link() {
    let house = House::open().await;
    let case = house.asked(1).await;
    for (address, status) in [
        // Nobody; somebody who may look; somebody of another team.
        ("mallory@example.com", 403),
        (VERA, 403),
        ("otto@example.com", 403),
    ] {
        let link = link(&house, &case, address, soon()).await;
        let mut page = house.look(&link).await;
        if page.status == 200 {
            page = house.send(&link, &page, "approve", "x").await;
        }
        assert_eq!(page.status, status, "{address}: {}", page.text);
    }
    assert_eq!(house.votes(&case).await, [""; 0]);
    // The case of an address does not matter, as it does not to a directory.
    let link = link(&house, &case, "Carol@Example.com", soon()).await;
    assert_eq!(house.vote(&link, "reject", "no").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_link_says_who_decided_and_an_old_one_that_it_is_old() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let carols = house.post.mails(CAROL, 1).await.remove(0).link();
    let open = house.look(&carols).await;
    let over = link(&house, &case, CAROL, soon() - SignedDuration::from_hours(1)).await;
    let page = house.look(&over).await;
    assert_eq!(page.status, 410, "{}", page.text);
    assert!(page.text.contains("The time is up"), "{}", page.text);
    let before = MailLink::new(
        CaseId::parse(&case).unwrap(),
        ContentDigest::of(&[b"something else"]),
        CAROL,
        soon(),
    );
    let before = before.unwrap().sealed(&house.seal).unwrap();
    let page = house.look(&format!("{}/mail/{before}", house.url)).await;
    assert_eq!(page.status, 409, "{}", page.text);
    assert!(
        page.text.contains("has changed since the mail"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("billing-bot"), "{}", page.text);

    let (status, _) = house.server.vote(ADMIN, &case, "reject", "never").await;
    assert_eq!(status, 200);
    for page in [
        house.look(&carols).await,
        house.send(&carols, &open, "approve", "late").await,
    ] {
        assert_eq!(page.status, 409, "{}", page.text);
        assert!(
            page.text.contains("It was rejected by alice"),
            "{}",
            page.text
        );
        assert!(page.text.contains("never"), "{}", page.text);
    }
    let votes = house.file(&case).await.case.votes;
    assert_eq!(votes.len(), 1);
    assert_eq!(votes[0].vote, Ballot::Reject);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_votes_by_mail_and_elsewhere_is_one_person() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let link = house.post.mails(CAROL, 1).await.remove(0).link();
    house.vote(&link, "approve", "x").await;
    let (status, _) = house.server.vote(APPROVER, &case, "approve", "x").await;
    assert_eq!(status, 200, "bob is somebody else");
    let file = house
        .server
        .case_when(&case, |verdict| verdict["resolution"].is_object())
        .await;
    assert_eq!(file["verdict"]["resolution"]["outcome"], "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_runs_nothing_fetches_nothing_and_is_kept_nowhere() {
    let house = House::open().await;
    house.asked(1).await;
    let mail = house.post.mails(CAROL, 1).await.remove(0);
    let page = house.look(&mail.link()).await;
    let header = |name: &str| page.headers[name].to_str().unwrap();
    assert_eq!(
        header("content-security-policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("x-robots-tag"), "noindex, nofollow");
    let cookie = header("set-cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    assert!(!page.text.contains("<script") && !page.text.contains("style="));
    // What the page says of the request, the mail said before.
    let values = page.text.split("<dd>").skip(1);
    for value in values.map(|rest| rest.split_once("</dd>").unwrap().0) {
        assert!(mail.html().contains(value), "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_is_on_the_page_behind_a_link_and_the_vote_counts() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let link = house.post.mails(CAROL, 1).await.remove(0).link();
    assert!(!house.look(&link).await.text.contains("frozen"));
    let why = serde_json::json!({"reason": "<b>odd</b> refunds"});
    house
        .server
        .call("PUT", "/v1/freeze", ADMIN, Some(&why))
        .await;
    let page = house.look(&link).await.text;
    let banner = "<strong>Approvals are frozen</strong> <bdi>by alice: &#60;b&#62;odd&#60;/b&#62; refunds</bdi>";
    assert!(page.contains(banner), "{page}");
    assert_eq!(house.vote(&link, "approve", "it is due").await.status, 200);
    assert_eq!(
        house.votes(&case).await,
        ["carol@example.com approve by email"]
    );
}
