mod agents;
mod deliveries;

use serde_json::{Value, json};

use crate::store::Store as _;
use crate::web::tests::house::House;

fn event(id: &str, context: &Value) -> Value {
    json!({
        "event": "approval.requested", "approval_id": id, "decision_id": "TMEM_1", "token": "tok-en",
        "intent": "refund", "agent": "billing-bot", "context": context,
    })
}

fn refund(id: &str, amount: u32) -> Value {
    json!({"id": id, "action": "refund", "context": {"amount": amount, "customer": "x"}})
}

#[tokio::test]
async fn what_cannot_be_stored_is_503_and_can_be_sent_again() {
    let house = House::open().await;
    house.store.close().await;
    let refused = house.asks("b-token", &refund("r", 1)).await;
    refused.is(503, "unavailable");
    assert_eq!(refused.headers["retry-after"], "1");
    house
        .delivers(&event("appr_1", &json!({})))
        .await
        .is(503, "unavailable");
}
