//! A hundred votes, the platform's own decision and the deadline, all at once: one resolution, and everybody who was too
//! late is told which.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use countersign::domain::case::{Case, Refused, Resolution, Resolved, Resolver};
use countersign::domain::effect::Ballot;
use countersign::domain::escalation::Via;
use countersign::domain::id::CaseId;
use countersign::domain::log_entry::EntryKind;
use countersign::domain::person::{Person, Role};
use countersign::domain::platform::PlatformOutcome;
use countersign::flow::VoteError;
use countersign::store::{CaseFile, LogLine};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::harness::{Countersign, config, eventually, requested, spawn, token};
use crate::hook::Hook;
use crate::tracemem::TraceMem;

/// Servers that race beside each other, each with a store of its own.
const SERVERS: u32 = 4;
/// How many questions each of them races for.
const ROUNDS: u32 = 250;
/// People of the team that is asked, each with a name and, by mail, an address.
const VOTERS: usize = 80;
/// Votes of theirs on one question: the last ones are second votes of the first ones.
const VOTES: usize = 95;
/// Votes of people whom nobody asked.
const OUTSIDERS: usize = 5;
/// How many questions are raced for over HTTP.
const HTTP_ROUNDS: u32 = 12;
const WEBHOOK: &str = "whsec_b2xkLXNlY3JldC1vZi10aGUtcGF5bWVudHMtdG9vbC0x";

const ASKING: &str = r#"package approvals.pay

escalate contains {"reason": "ask", "to": "payments", "votes": input.context.quorum, "within": "30m"} if input.action == "pay"
"#;

/// One vote, and what became of it.
struct Voted {
    /// Whose; an outsider has none.
    voter: Option<usize>,
    reason: String,
    told: Result<Case, VoteError>,
}

/// How many races ended how.
#[derive(Default)]
struct Ends(BTreeMap<&'static str, u32>);

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_votes_the_platform_and_the_deadline_at_once_one_resolves_and_every_loser_is_told()
 {
    let races = (0..SERVERS).map(|server| races(u64::from(server)));
    let mut ends = Ends::default();
    for raced in futures_util::future::join_all(races).await {
        for (word, count) in raced.0 {
            *ends.0.entry(word).or_default() += count;
        }
    }
    let total: u32 = ends.0.values().sum();
    assert_eq!(total, SERVERS * ROUNDS);
    // Everybody won now and then, or it was no race.
    for word in ["approved", "rejected", "expired", "superseded"] {
        assert!(
            ends.0.get(word).is_some_and(|&count| count >= 5),
            "{:?}",
            ends.0
        );
    }
}

async fn races(seed: u64) -> Ends {
    let hook = Hook::open().await;
    let platform = TraceMem::start().await;
    let server = Arc::new(start(&config("enforce", &platform), &hook).await);
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut ends = Ends::default();
    let mut cases = Vec::new();
    for number in 0..ROUNDS {
        let quorum = chance.u32(2..=3);
        let mut asked = requested(number, json!(1));
        asked["context"]["quorum"] = json!(quorum);
        let id = CaseId::parse(&server.accepted(&asked).await).unwrap();
        let (votes, word) = race(&server, id, number, &mut chance).await;
        let file = file(&server, id).await;
        let ended = judged(&file, quorum, &votes, word);
        *ends.0.entry(ended).or_default() += 1;
        cases.push((id, ended, tellings(&file)));
    }
    // The team hears of each end of what it was asked in time, and of no other. What ended by the deadline is to be told at that
    // moment, half an hour from now, and what the platform says of it after that.
    let ended = |early: bool| -> BTreeMap<String, usize> {
        let ended = cases
            .iter()
            .filter(|(_, word, _)| (*word != "expired") == early);
        ended
            .map(|(id, _, tellings)| (id.to_string(), *tellings))
            .collect()
    };
    let all = |tellings: &BTreeMap<String, usize>| tellings.values().sum::<usize>();
    let (mut early, late) = (ended(true), ended(false));
    let due = eventually("nothing else is left to be sent", async || {
        let due = server.flow.store().outbox(10_000).await.unwrap();
        (due.len() <= all(&late)).then_some(due)
    })
    .await;
    let waiting = due.iter().filter_map(|item| item.case_id);
    assert_eq!(counted(waiting.map(|id| id.to_string())), late);
    for item in due {
        assert_eq!(
            (item.kind.as_str(), item.channel.as_deref()),
            ("notify", Some("payments/webhook"))
        );
    }
    let about = |kind: &str| -> Vec<String> {
        let id = |event: &Value| event["data"]["case_id"].as_str().unwrap().to_owned();
        hook.heard(kind).iter().map(id).collect()
    };
    let asked = BTreeSet::from_iter(about("escalation.asked"));
    early.retain(|id, _| asked.contains(id));
    assert!(!early.is_empty(), "the team was asked nothing in time");
    let told = about("escalation.closed").into_iter();
    assert_eq!(counted(told), early);
    // At most one answer to one request, and only if people gave it.
    let mut answered = BTreeMap::<String, u32>::new();
    for answer in platform.received() {
        *answered
            .entry(answer.json()["token"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    for (number, (id, ..)) in cases.iter().enumerate() {
        let file = file(&server, *id).await;
        let people = file
            .timeline
            .iter()
            .any(|line| line.kind == EntryKind::Resolved);
        let sent = answered
            .get(&token(u32::try_from(number).unwrap()))
            .copied()
            .unwrap_or_default();
        assert!(
            sent <= u32::from(people),
            "{sent} answers: {:?}",
            file.timeline
        );
    }
    let report = server.flow.store().verify_log().await.unwrap();
    assert_eq!(report.faults, [""; 0]);
    Arc::into_inner(server).unwrap().stop().await;
    ends
}

/// A server whose team `payments` is told at `hook`.
async fn start(config: &str, hook: &Hook) -> Countersign {
    let members: Vec<String> = (0..VOTERS).map(name).collect();
    let config = format!(
        "{config}teams:\n  - name: payments\n    members: [{}]\n    webhook: {{url: {}, secrets: [{WEBHOOK}]}}\n  - name: others\n    members: [otto]\nagents:\n  owner: {{billing-bot: [owner]}}\n",
        members.join(", "),
        hook.url
    );
    Countersign::start_with(&config, &[("approvals/pay/pay.rego", ASKING)]).await
}

fn name(voter: usize) -> String {
    format!("v{voter}")
}

/// The voter, who comes by name or, as from a mail, by address.
fn person(voter: usize, via: Via) -> Person {
    let email = format!("v{voter}@example.com");
    Person {
        name: if via == Via::Email {
            email.clone()
        } else {
            name(voter)
        },
        email: Some(email),
        role: Role::Approver,
        teams: BTreeSet::from(["payments".to_owned()]),
        also: BTreeSet::new(),
    }
}

fn outsider(number: usize) -> Person {
    let (name, role, teams) = match number % 3 {
        0 => (
            "otto",
            Role::Approver,
            BTreeSet::from(["others".to_owned()]),
        ),
        1 => ("owner", Role::Admin, BTreeSet::new()),
        _ => (
            "vera",
            Role::Viewer,
            BTreeSet::from(["payments".to_owned()]),
        ),
    };
    Person {
        name: name.to_owned(),
        email: None,
        also: BTreeSet::new(),
        role,
        teams,
    }
}

async fn file(server: &Countersign, id: CaseId) -> CaseFile {
    server.flow.store().case(id).await.unwrap().unwrap()
}

enum Racer {
    Vote(Option<usize>, Person, Via, Ballot),
    Platform,
    Deadline,
}

/// Everybody at once; what became of each vote, and what the platform said.
async fn race(
    server: &Arc<Countersign>,
    id: CaseId,
    number: u32,
    chance: &mut fastrand::Rng,
) -> (Vec<Voted>, &'static str) {
    let case = file(server, id).await.case;
    let (shown, deadline) = (case.shown(), case.question().unwrap().deadline);
    let word = if chance.bool() {
        "approved"
    } else {
        "rejected"
    };
    let rejecting = [0.0, 0.05, 0.5][chance.usize(..3)];
    let vias = [Via::Api, Via::Web, Via::Slack, Via::Webhook, Via::Email];
    let mut racers: Vec<Racer> = (0..VOTES + OUTSIDERS)
        .map(|vote| {
            let via = vias[(vote + vote / VOTERS) % vias.len()];
            let ballot = if chance.f64() < rejecting {
                Ballot::Reject
            } else {
                Ballot::Approve
            };
            if vote < VOTES {
                let voter = vote % VOTERS;
                Racer::Vote(Some(voter), person(voter, via), via, ballot)
            } else {
                Racer::Vote(None, outsider(vote), via, ballot)
            }
        })
        .collect();
    chance.shuffle(&mut racers);
    // Two or three votes decide, so that the two others need a start to win at all.
    for racer in [Racer::Platform, Racer::Deadline] {
        let front = if chance.bool() { 4 } else { racers.len() };
        racers.insert(chance.usize(..front), racer);
    }
    // In a third of the races people come one after another, so that the deadline wins some of them too.
    let late = if chance.u8(..3) == 0 { 40 } else { 0 };
    let start = Arc::new(Barrier::new(racers.len()));
    let running: Vec<_> = racers
        .into_iter()
        .enumerate()
        .map(|(place, racer)| {
            let (server, start) = (Arc::clone(server), Arc::clone(&start));
            let turns = chance.u32(..=late);
            spawn(async move {
                start.wait().await;
                match racer {
                    Racer::Vote(voter, person, via, ballot) => {
                        for _ in 0..turns {
                            tokio::task::yield_now().await;
                        }
                        let reason = format!("vote {place} on {number}");
                        let told =
                            server
                                .flow
                                .vote(id, person, via, ballot, Some(reason.clone()), shown);
                        Some(Voted {
                            voter,
                            reason,
                            told: told.await,
                        })
                    }
                    Racer::Platform => {
                        let (status, told) = server.deliver(&ended(number, word)).await;
                        assert_eq!(status, 200, "{told}");
                        None
                    }
                    Racer::Deadline => {
                        server.flow.pass_time(deadline).await.unwrap();
                        None
                    }
                }
            })
        })
        .collect();
    let told = futures_util::future::join_all(running).await;
    (told.into_iter().filter_map(Result::unwrap).collect(), word)
}

fn ended(number: u32, word: &str) -> Value {
    json!({
        "event": "approval.resolved", "approval_id": format!("appr_{number}"), "resolution": word,
        "approver": "dana", "rationale": "she knows the customer",
    })
}

/// How often the team is told of an end of the case: of each, and of a platform that says otherwise afterwards.
fn tellings(file: &CaseFile) -> usize {
    let standing = file.case.resolution().unwrap().outcome;
    let says_otherwise = |line: &LogLine| {
        let said = &line.detail.as_ref().unwrap()["platform_outcome"];
        standing.contradicts(&PlatformOutcome::parse(said.as_str().unwrap()))
    };
    let is_news = |line: &&LogLine| {
        is_closing(line) || (line.kind == EntryKind::PlatformReported && says_otherwise(line))
    };
    file.timeline.iter().filter(is_news).count()
}

fn is_closing(line: &LogLine) -> bool {
    matches!(
        line.kind,
        EntryKind::Resolved | EntryKind::Expired | EntryKind::Superseded
    )
}

fn counted(cases: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for case in cases {
        *counted.entry(case).or_default() += 1;
    }
    counted
}

/// What the log says that people did: whose vote it was, what they said and why.
fn vote_in(line: &LogLine) -> (usize, Ballot, &str) {
    let detail = line.detail.as_ref().unwrap();
    let by = detail["by"].as_str().unwrap();
    let by = by.strip_suffix("@example.com").unwrap_or(by);
    let voter = by.strip_prefix('v').unwrap().parse().unwrap();
    let ballot = serde_json::from_value(detail["vote"].clone()).unwrap();
    (voter, ballot, detail["reason"].as_str().unwrap())
}

/// Holds the file of a case against what its racers were told, and says how it ended.
fn judged(file: &CaseFile, quorum: u32, votes: &[Voted], word: &str) -> &'static str {
    let case = &file.case;
    let standing = case.resolution().unwrap();
    let closings = file.timeline.iter().filter(|line| is_closing(line));
    let closings: Vec<&LogLine> = closings.collect();
    let kinds: Vec<EntryKind> = closings.iter().map(|line| line.kind).collect();
    let timeline = &file.timeline;

    // What people said before the end, as the log has it, counted once more.
    let counted: Vec<(usize, Ballot, &str)> = timeline
        .iter()
        .filter(|line| matches!(line.kind, EntryKind::Voted | EntryKind::Resolved))
        .map(vote_in)
        .collect();
    let mut said = BTreeMap::new();
    let mut people = None;
    for &(voter, ballot, reason) in &counted {
        assert_eq!(people, None, "somebody voted after the end: {timeline:?}");
        said.insert(voter, (ballot, reason));
        let approvals = said
            .values()
            .filter(|(ballot, _)| *ballot == Ballot::Approve)
            .count();
        if ballot == Ballot::Reject {
            people = Some(Resolved::Rejected);
        } else if approvals >= quorum as usize {
            people = Some(Resolved::Approved);
        }
    }
    // One end. A platform that says otherwise while our answer is on its way has the last word, and that is all.
    let overruled = kinds == [EntryKind::Resolved, EntryKind::Superseded];
    assert!(kinds.len() == 1 || overruled, "{timeline:?}");
    assert_eq!(
        people.is_some(),
        kinds[0] == EntryKind::Resolved,
        "{timeline:?}"
    );
    let expected = if kinds.contains(&EntryKind::Expired) {
        Resolved::Expired
    } else if kinds.contains(&EntryKind::Superseded) {
        Resolved::Superseded
    } else {
        people.unwrap()
    };
    assert_eq!(standing.outcome, expected, "{timeline:?}");
    if overruled {
        assert_ne!(people.unwrap().to_string(), word, "{timeline:?}");
        assert!(
            timeline.iter().all(|line| line.kind != EntryKind::Answered),
            "{timeline:?}"
        );
    }

    // Whoever was told that their vote counts is in the log and, unless they voted again, in the case.
    let acknowledged: BTreeSet<&str> = votes
        .iter()
        .filter(|vote| vote.told.is_ok())
        .map(|vote| vote.reason.as_str())
        .collect();
    let logged: BTreeSet<&str> = counted.iter().map(|(_, _, reason)| *reason).collect();
    assert_eq!(acknowledged, logged, "{timeline:?}");
    assert_eq!(logged.len(), counted.len(), "{timeline:?}");
    let kept: HashSet<(Ballot, &str)> = case
        .votes
        .iter()
        .map(|vote| (vote.vote, vote.reason.as_deref().unwrap()))
        .collect();
    assert_eq!(kept.len(), case.votes.len());
    assert_eq!(kept, said.into_values().collect(), "{timeline:?}");

    // Everybody else is told of the end that there is.
    for vote in votes {
        let Err(error) = &vote.told else {
            assert!(vote.voter.is_some(), "an outsider's vote counted");
            continue;
        };
        let VoteError::Refused(_, refused) = error else {
            panic!("{error:?}");
        };
        let Refused::Closed(told) = refused else {
            let unasked = matches!(refused, Refused::NotAsked { .. } | Refused::OwnRequest);
            assert!(
                unasked && vote.voter.is_none(),
                "told {refused:?}: {timeline:?}"
            );
            continue;
        };
        let last = closings[0].detail.as_ref().unwrap()["by"].as_str();
        let stood = overruled
            && Some(told.outcome) == people
            && last.is_some_and(|name| told.by == Resolver::Person(name.to_owned()));
        assert!(same(told, standing) || stood, "told {told:?}: {timeline:?}");
        assert!(
            error.to_string().contains(&format!("by {}", told.by)),
            "{error}"
        );
    }
    if overruled {
        "overruled"
    } else {
        expected.as_str()
    }
}

fn same(one: &Resolution, other: &Resolution) -> bool {
    let of = |resolution: &Resolution| {
        (
            resolution.outcome,
            resolution.by.clone(),
            resolution.at.as_microsecond(),
        )
    };
    of(one) == of(other)
}

/// The token of a voter.
fn key(voter: usize) -> String {
    format!("approver-token-of-voter-{voter}-0123456789")
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_each_of_a_hundred_is_counted_or_told_who_decided() {
    let hook = Hook::open().await;
    let platform = TraceMem::start().await;
    let tokens: String = (0..100)
        .map(|voter| {
            format!(
                "    - {{name: v{voter}, role: approver, teams: [payments], token: {}}}\n",
                key(voter)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let config = config("enforce", &platform).replace(
        "  tokens:\n    - {name: alice",
        &format!("  tokens:\n{tokens}    - {{name: alice"),
    );
    let server = start(&config, &hook).await;
    for number in 0..HTTP_ROUNDS {
        let mut asked = requested(number, json!(1));
        asked["context"]["quorum"] = json!(2 + number % 2);
        let id = server.accepted(&asked).await;
        let digest = server.case(&id).await["digest"].clone();
        let path = format!("/v1/cases/{id}/votes");
        let votes = (0..100).map(|voter| {
            let vote = if number % 3 == 0 && voter % 7 == 6 {
                "reject"
            } else {
                "approve"
            };
            let body =
                json!({"vote": vote, "reason": format!("as {voter} sees it"), "digest": digest});
            let (server, path) = (&server, &path);
            async move { server.call("POST", path, &key(voter), Some(&body)).await }
        });
        let platforms = async {
            // On every third question the platform's own word is among them.
            if number % 3 == 2 {
                server.deliver(&ended(number, "rejected")).await;
            }
        };
        let (told, ()) = tokio::join!(futures_util::future::join_all(votes), platforms);
        let file = server
            .case_when(&id, |verdict| verdict["resolution"].is_object())
            .await;
        let timeline = file["timeline"].as_array().unwrap();
        let steps: Vec<&str> = timeline
            .iter()
            .map(|line| line["kind"].as_str().unwrap())
            .collect();
        let ends = steps
            .iter()
            .filter(|kind| matches!(**kind, "resolved" | "expired" | "superseded"));
        let overruled = steps.contains(&"resolved") && steps.contains(&"superseded");
        assert_eq!(ends.count(), if overruled { 2 } else { 1 }, "{steps:?}");
        let who_voted: BTreeSet<&str> = timeline
            .iter()
            .filter_map(|line| line["detail"]["reason"].as_str())
            .collect();
        for (voter, (status, answer)) in told.iter().enumerate() {
            let reason = format!("as {voter} sees it");
            assert_eq!(
                who_voted.contains(reason.as_str()),
                *status == 200,
                "{answer}"
            );
            if *status == 200 {
                continue;
            }
            assert_eq!(
                (*status, answer["code"].as_str()),
                (409, Some("closed")),
                "{answer}"
            );
            let resolution = &answer["verdict"]["resolution"];
            let named = format!(
                "was {} by {} at ",
                resolution["outcome"].as_str().unwrap(),
                resolution["by"].as_str().unwrap()
            );
            assert!(
                answer["detail"].as_str().unwrap().contains(&named),
                "{answer}"
            );
            if !overruled {
                for member in ["outcome", "by", "at"] {
                    assert_eq!(
                        resolution[member], file["verdict"]["resolution"][member],
                        "{answer}"
                    );
                }
            }
        }
    }
    server.stop().await;
}
