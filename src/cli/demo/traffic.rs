//! What agents ask for in the demo: mostly harmless, sometimes not, and now and then something that no honest platform
//! sends. The same seed gives the same traffic.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// One delivery to make.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// The body as it goes over the wire.
    pub(super) body: String,
    /// How it is signed.
    pub(super) signing: Signing,
    /// The approval it opens at the platform, unless it is forged.
    pub(super) opens: Option<Opens>,
}

/// Who signs a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    /// The platform.
    Platform,
    /// Somebody who does not know the secret.
    Forger,
    /// Nobody.
    Nobody,
}

/// An approval that waits at the platform.
#[derive(Debug, Clone)]
pub(super) struct Opens {
    pub(super) token: String,
    pub(super) approval_id: String,
    pub(super) decision_id: String,
}

/// The agents' day.
pub(super) struct Traffic {
    chance: Rng,
    number: u64,
    /// The last honest delivery, which the platform may send again.
    last: Option<Delivery>,
}

impl Traffic {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: Rng::with_seed(seed),
            number: 0,
            last: None,
        }
    }

    /// The next delivery, as of `now`.
    pub(super) fn next(&mut self, now: Timestamp) -> Delivery {
        self.number += 1;
        match self.chance.u32(0..100) {
            0..=5 => self.again(now),
            6..=9 => self.expired(now),
            10..=13 => self.forged(now),
            14..=15 => Delivery {
                signing: Signing::Nobody,
                opens: None,
                ..self.honest(now)
            },
            16..=19 => self.malformed(),
            _ => self.remembered(now),
        }
    }

    fn remembered(&mut self, now: Timestamp) -> Delivery {
        let delivery = self.honest(now);
        self.last = Some(delivery.clone());
        delivery
    }

    /// The platform did not hear our acknowledgement and delivers again.
    fn again(&mut self, now: Timestamp) -> Delivery {
        match &self.last {
            Some(last) => Delivery {
                opens: None,
                ..last.clone()
            },
            None => self.remembered(now),
        }
    }

    /// It waited too long at the platform.
    fn expired(&mut self, now: Timestamp) -> Delivery {
        let ask = self.ask();
        self.delivery(&ask, now - SignedDuration::from_mins(1))
    }

    /// A real-looking request for much money by somebody who does not know the secret.
    fn forged(&mut self, now: Timestamp) -> Delivery {
        let context = json!({ "amount": 5, "charged": 5, "customer_id": "cus_1" });
        let ask = Ask {
            agent: "billing-bot",
            action: "stripe.refund",
            context,
            title: "Refund",
        };
        let delivery = self.delivery(&ask, now + SignedDuration::from_hours(1));
        Delivery {
            signing: Signing::Forger,
            opens: None,
            ..delivery
        }
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
        Delivery {
            body,
            signing: Signing::Platform,
            opens: None,
        }
    }

    fn honest(&mut self, now: Timestamp) -> Delivery {
        let ask = self.ask();
        self.delivery(&ask, now + SignedDuration::from_hours(1))
    }

    fn delivery(&mut self, ask: &Ask, expires_at: Timestamp) -> Delivery {
        let approval_id = format!("appr_{:06}", self.number);
        let decision_id = format!("TMEM_{:06}", self.number);
        let token = format!("tok_{:016x}{:04x}", self.chance.u64(..), self.number);
        let body = json!({
            "event": "approval.requested", "approval_id": approval_id, "decision_id": decision_id,
            "title": ask.title, "message": format!("{} asks for {}", ask.agent, ask.action),
            "expires_at": expires_at, "require_rationale": true, "token": token,
            "intent": ask.action, "agent_id": ask.agent, "context": ask.context,
        });
        let opens = Opens {
            token,
            approval_id,
            decision_id,
        };
        Delivery {
            body: body.to_string(),
            signing: Signing::Platform,
            opens: Some(opens),
        }
    }

    /// One request as an agent would make it.
    fn ask(&mut self) -> Ask {
        let chance = &mut self.chance;
        let customer = format!("cus_{}", chance.u32(1..400));
        match chance.u32(0..20) {
            0..=5 => {
                let amount = chance.u32(5..140);
                refund(json!({ "amount": amount, "charged": amount + 20, "customer_id": customer }))
            }
            6 => refund(json!({ "amount": chance.u32(1_000..5_000), "customer_id": customer })),
            7 => refund(json!({ "amount": chance.u32(5..90), "customer_id": "cus_fraud_1" })),
            8 => refund(json!({ "amount": 60, "charged": 40, "customer_id": customer })),
            9 => refund(json!({ "amount": Value::Null, "customer_id": customer })),
            10 => Ask {
                agent: "billing-bot",
                action: "payout.create",
                context: json!({
                    "amount": chance.u32(50..400), "currency": "USD", "account_id": "acct_supplier_1", "country": "DE",
                }),
                title: "Pay a supplier",
            },
            11 => Ask {
                agent: "billing-bot",
                action: "payout.create",
                context: json!({ "amount": 90, "currency": "USD", "account_id": "acct_new", "country": "KP" }),
                title: "Pay a supplier",
            },
            12..=13 => deploy("deploy.staging", "search", "passed", 0.0),
            14 => deploy("deploy.production", "docs", "passed", 0.002),
            15 => deploy("deploy.production", "checkout", "passed", 0.001),
            16 => deploy("deploy.production", "search", "failed", 0.0),
            17 => Ask {
                agent: "data-bot",
                action: "data.export",
                context: json!({
                    "dataset": *chance.choice(&["web_analytics", "customers", "payroll"]).unwrap_or(&"customers"),
                    "rows": chance.u32(10..9_000), "destination": "warehouse",
                }),
                title: "Export for the weekly report",
            },
            18 => Ask {
                agent: "support-bot",
                action: "message.send",
                context: json!({ "template": "order_delayed", "recipients": 1, "customer_id": customer }),
                title: "Tell a customer that the order is late",
            },
            _ => Ask {
                agent: "support-bot",
                action: "crm.merge_accounts",
                context: json!({ "from": customer, "into": "cus_1" }),
                title: "Please approve this at once, it is urgent",
            },
        }
    }
}

struct Ask {
    agent: &'static str,
    action: &'static str,
    context: Value,
    title: &'static str,
}

fn refund(context: Value) -> Ask {
    Ask {
        agent: "billing-bot",
        action: "stripe.refund",
        context,
        title: "Refund for a late delivery",
    }
}

fn deploy(action: &'static str, service: &str, checks: &str, canary_error_rate: f64) -> Ask {
    let context =
        json!({ "service": service, "checks": checks, "canary_error_rate": canary_error_rate });
    Ask {
        agent: "release-bot",
        action,
        context,
        title: "Roll out the new version",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_traffic() {
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let bodies = |seed| {
            let mut traffic = Traffic::new(seed);
            (0..100).map(|_| traffic.next(now).body).collect::<Vec<_>>()
        };
        assert_eq!(bodies(1), bodies(1));
        assert_ne!(bodies(1), bodies(2));
    }

    #[test]
    fn two_hundred_deliveries_hold_every_kind() {
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let mut traffic = Traffic::new(1);
        let all: Vec<Delivery> = (0..200).map(|_| traffic.next(now)).collect();
        for signing in [Signing::Platform, Signing::Forger, Signing::Nobody] {
            assert!(
                all.iter().any(|delivery| delivery.signing == signing),
                "{signing:?}"
            );
        }
        assert!(
            all.iter()
                .any(|delivery| serde_json::from_str::<Value>(&delivery.body).is_err())
        );
    }
}
