//! What agents ask for, whatever platform they ask by.

use fastrand::Rng;
use serde_json::{Value, json};

/// One request as an agent would make it.
#[derive(Debug, Clone)]
pub(in crate::cli::demo) struct Ask {
    pub(in crate::cli::demo) agent: &'static str,
    pub(in crate::cli::demo) action: &'static str,
    pub(in crate::cli::demo) context: Value,
    pub(in crate::cli::demo) title: &'static str,
}

impl Ask {
    /// Mostly harmless, sometimes not.
    pub(super) fn any(chance: &mut Rng) -> Ask {
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
                // More than the limit, since what is approved under it depends on the hour.
                context: json!({
                    "amount": chance.u32(250..900), "currency": "USD", "account_id": "acct_supplier_1", "country": "DE",
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

    /// A refund of so much that no rule approves it.
    pub(super) fn huge_refund(chance: &mut Rng) -> Self {
        refund(json!({ "amount": chance.u32(5_000..50_000), "customer_id": "cus_7" }))
    }

    /// A refund that nobody would look at twice.
    pub(super) fn small_refund() -> Self {
        refund(json!({ "amount": 5, "charged": 5, "customer_id": "cus_1" }))
    }
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
