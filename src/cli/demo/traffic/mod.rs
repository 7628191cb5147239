//! The agents' day, on three platforms: mostly harmless, sometimes not, and now and then something that no honest platform
//! sends. The same seed gives the same traffic.

mod ask;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::platform::{Approval, Name, Signing, Webhook, agentwarden, sidclaw, tracemem};

pub(super) use ask::Ask;

/// One thing that happens at a platform.
#[derive(Debug, Clone, Default)]
pub(super) struct Delivery {
    /// The approval that it opens there, before anybody is told.
    pub(super) opens: Option<(Name, Approval)>,
    /// What we are told; nothing where it gets lost on the way.
    pub(super) webhook: Option<Webhook>,
    /// Whether somebody else overtakes the platform, with a webhook that says another thing of its approval.
    pub(super) lies: bool,
}

/// What agents, platforms and those who would pass for them do.
pub(super) struct Traffic {
    chance: Rng,
    number: u64,
    /// The last honest webhook, which its platform may send again.
    last: Option<Webhook>,
    /// What comes next, whatever else would.
    next: Option<Webhook>,
}

impl Traffic {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: Rng::with_seed(seed),
            number: 0,
            last: None,
            next: None,
        }
    }

    /// What happens next, as of `now`.
    pub(super) fn next(&mut self, now: Timestamp) -> Delivery {
        if let Some(webhook) = self.next.take() {
            return Delivery::of(webhook);
        }
        self.number += 1;
        match self.chance.u32(0..100) {
            0..=5 => match self.last.clone() {
                // The platform did not hear our acknowledgement and delivers again.
                Some(last) => Delivery::of(last),
                None => self.tracemem(now),
            },
            6..=9 => self.expired(now),
            10..=13 => self.forged(now),
            14..=15 => self.unsigned(now),
            16..=19 => self.malformed(),
            20..=73 => self.tracemem(now),
            74..=85 => self.agentwarden(now),
            86..=93 => self.sidclaw(now),
            94..=95 => self.overtaken(now),
            _ => self.lost(now),
        }
    }

    fn tracemem(&mut self, now: Timestamp) -> Delivery {
        let ask = Ask::any(&mut self.chance);
        let delivery = self.at_tracemem(&ask, now + SignedDuration::from_hours(1));
        self.last.clone_from(&delivery.webhook);
        delivery
    }

    fn sidclaw(&mut self, now: Timestamp) -> Delivery {
        let ask = Ask::any(&mut self.chance);
        let approval = sidclaw::approval(self.id(), &ask, now);
        let webhook = Webhook::new(Name::SidClaw, &sidclaw::requested(&approval, now));
        self.remembered(Name::SidClaw, approval, webhook)
    }

    fn agentwarden(&mut self, now: Timestamp) -> Delivery {
        let ask = Ask::any(&mut self.chance);
        let approval = agentwarden::approval(self.id(), &ask, now);
        let event = agentwarden::pending_approval(&approval, &ask.context, now);
        let webhook = Webhook::new(Name::AgentWarden, &event);
        self.remembered(Name::AgentWarden, approval, webhook)
    }

    /// Somebody who has learned the secret path is quicker than the platform: the right id, and a context that would be
    /// approved at once.
    fn overtaken(&mut self, now: Timestamp) -> Delivery {
        let ask = Ask::huge_refund(&mut self.chance);
        let approval = agentwarden::approval(self.id(), &ask, now);
        let lie = Ask::small_refund().context;
        let webhook = |context: &Value| {
            let event = agentwarden::pending_approval(&approval, context, now);
            Webhook::new(Name::AgentWarden, &event)
        };
        self.next = Some(webhook(&ask.context));
        Delivery {
            webhook: Some(webhook(&lie)),
            opens: Some((Name::AgentWarden, approval)),
            lies: true,
        }
    }

    /// The webhook never arrives.
    fn lost(&mut self, now: Timestamp) -> Delivery {
        let ask = Ask::any(&mut self.chance);
        let approval = agentwarden::approval(self.id(), &ask, now);
        Delivery {
            opens: Some((Name::AgentWarden, approval)),
            ..Delivery::default()
        }
    }

    /// It waited too long at the platform.
    fn expired(&mut self, now: Timestamp) -> Delivery {
        let ask = Ask::any(&mut self.chance);
        self.at_tracemem(&ask, now - SignedDuration::from_mins(1))
    }

    /// A real-looking request by somebody who does not know the secret.
    fn forged(&mut self, now: Timestamp) -> Delivery {
        let ask = Ask::small_refund();
        self.at_tracemem(&ask, now + SignedDuration::from_hours(1))
            .signed_by(Signing::Forger)
    }

    fn unsigned(&mut self, now: Timestamp) -> Delivery {
        let ask = Ask::any(&mut self.chance);
        self.at_tracemem(&ask, now + SignedDuration::from_hours(1))
            .signed_by(Signing::Nobody)
    }

    /// Bytes that two readers could read in two ways, or none could.
    fn malformed(&mut self) -> Delivery {
        let bodies = [
            r#"{"event": "approval.requested", "approval_id": "#,
            r#"{"event": "approval.requested", "approval_id": "appr_x", "token": "t", "context": {"amount": 5000, "amount": 5}}"#,
            r#"{"event": "approval.requested", "token": "t"}"#,
            r#"{"event": "approval.requested", "approval_id": "appr_y", "token": "t", "context": {"amount": 12345678901234567890.5}}"#,
        ];
        let body = self.chance.choice(bodies).unwrap_or_default().to_owned();
        Delivery::of(Webhook {
            from: Name::TraceMem,
            body,
            signing: Signing::Platform,
        })
    }

    fn at_tracemem(&mut self, ask: &Ask, expires_at: Timestamp) -> Delivery {
        let token = format!("tok_{:016x}{:04x}", self.chance.u64(..), self.number);
        let approval = tracemem::approval(self.number, token);
        let event = tracemem::requested(&approval, ask, expires_at);
        Delivery {
            webhook: Some(Webhook::new(Name::TraceMem, &event)),
            opens: Some((Name::TraceMem, approval)),
            lies: false,
        }
    }

    fn remembered(&mut self, at: Name, approval: Approval, webhook: Webhook) -> Delivery {
        self.last = Some(webhook.clone());
        Delivery {
            opens: Some((at, approval)),
            webhook: Some(webhook),
            lies: false,
        }
    }

    /// A UUID, as the platforms' ids are.
    fn id(&mut self) -> String {
        let bytes = self.chance.u128(..).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }
}

impl Delivery {
    fn of(webhook: Webhook) -> Self {
        Self {
            webhook: Some(webhook),
            ..Self::default()
        }
    }

    /// The same by somebody else, of an approval that there is not.
    fn signed_by(self, signing: Signing) -> Self {
        let webhook = self.webhook.map(|webhook| Webhook { signing, ..webhook });
        Self {
            webhook,
            opens: None,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-01T12:00:00Z".parse().unwrap()
    }

    fn deliveries(seed: u64, count: usize) -> Vec<Delivery> {
        let mut traffic = Traffic::new(seed);
        (0..count).map(|_| traffic.next(now())).collect()
    }

    fn bodies(seed: u64) -> Vec<Option<String>> {
        let body = |delivery: Delivery| delivery.webhook.map(|webhook| webhook.body);
        deliveries(seed, 100).into_iter().map(body).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_traffic() {
        assert_eq!(bodies(1), bodies(1));
        assert_ne!(bodies(1), bodies(2));
    }

    #[test]
    fn two_hundred_deliveries_hold_every_kind() {
        let all = deliveries(1, 200);
        let webhooks = || all.iter().filter_map(|delivery| delivery.webhook.as_ref());
        for signing in [Signing::Platform, Signing::Forger, Signing::Nobody] {
            assert!(webhooks().any(|webhook| webhook.signing == signing));
        }
        for platform in Name::ALL {
            assert!(webhooks().any(|webhook| webhook.from == platform));
        }
        assert!(webhooks().any(|webhook| serde_json::from_str::<Value>(&webhook.body).is_err()));
        assert!(all.iter().any(|delivery| delivery.webhook.is_none()));
        assert!(all.iter().any(|delivery| delivery.lies));
    }

    #[test]
    fn most_of_it_comes_from_tracemem() {
        let all = deliveries(1, 1_000);
        let from = |name| {
            let webhooks = all.iter().filter_map(|delivery| delivery.webhook.as_ref());
            webhooks.filter(|webhook| webhook.from == name).count()
        };
        assert!(from(Name::TraceMem) > 600, "{}", from(Name::TraceMem));
        assert!(from(Name::AgentWarden) > from(Name::SidClaw));
        assert!(from(Name::SidClaw) > 50);
    }
}
