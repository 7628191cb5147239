//! From somebody who clicked to the e-mail address that Slack vouches for.
//!
//! What must hold: only a full member of the one workspace that our app is installed in has an address here. Guests, bots,
//! people of other workspaces in a shared channel and whoever was deactivated have none; nor has anybody of whom Slack
//! does not say that they are none of these. It is asked anew at every click. An organisation's workspaces (Enterprise Grid) are
//! workspaces of their own: members of another one have no address either.

use serde_json::Value;

use crate::notify::slack::api::{SlackApi, SlackError};
use crate::notify::slack::choice::{Clicker, is_id, text};

/// Why Slack vouches for nobody. The message is for whoever clicked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMember {
    /// They belong elsewhere.
    #[error("only members of the workspace that countersign is installed in can vote from here")]
    Elsewhere,
    /// It is a bot or an app.
    #[error("bots cannot vote")]
    Bot,
    /// The account is deactivated.
    #[error("this account is deactivated")]
    Deactivated,
    /// A guest of the workspace.
    #[error("guests of the workspace cannot vote")]
    Guest,
    /// There is no address, or Slack says that it is not confirmed. Of most it says neither.
    #[error("Slack gives no confirmed e-mail address of yours")]
    NoAddress,
    /// Slack could not be asked.
    #[error("Slack could not be asked who you are")]
    Unasked(#[source] SlackError),
}

impl SlackApi {
    /// The e-mail address of `by`, if they are a full member of our workspace.
    pub async fn address_of(&self, by: &Clicker) -> Result<String, NoMember> {
        // It depends on the token, which may be exchanged, so it is not kept.
        let us = self
            .ask("auth.test", &[])
            .await
            .map_err(NoMember::Unasked)?;
        let ours = text(&us, "/team_id").filter(|id| is_id(id));
        let ours = ours.ok_or(NoMember::Elsewhere)?;
        if by
            .workspaces
            .iter()
            .any(|theirs| theirs.as_deref() != Some(ours))
        {
            return Err(NoMember::Elsewhere);
        }
        let answer = self.ask("users.info", &[("user", &by.user)]).await;
        let answer = answer.map_err(|error| match error.word() {
            "user_not_found" | "user_not_visible" => NoMember::Elsewhere,
            _ => NoMember::Unasked(error),
        })?;
        address(&answer, &by.user, ours)
    }
}

fn address(answer: &Value, user: &str, ours: &str) -> Result<String, NoMember> {
    let said = |key: &str| answer.pointer("/user").and_then(|user| user.get(key));
    let denied = |key: &str| said(key) == Some(&Value::Bool(false));
    let denied_or_unsaid = |key: &str| said(key).is_none() || denied(key);
    if said("id").and_then(Value::as_str) != Some(user)
        || said("team_id").and_then(Value::as_str) != Some(ours)
        || !denied_or_unsaid("is_stranger")
    {
        return Err(NoMember::Elsewhere);
    }
    if !denied("deleted") {
        return Err(NoMember::Deactivated);
    }
    if !(denied("is_bot") && denied_or_unsaid("is_workflow_bot")) || user == "USLACKBOT" {
        return Err(NoMember::Bot);
    }
    let belongs = denied("is_restricted") && denied("is_ultra_restricted");
    if !(belongs && denied_or_unsaid("is_invited_user")) {
        return Err(NoMember::Guest);
    }
    let unconfirmed = said("is_email_confirmed").is_some_and(|said| *said != Value::Bool(true));
    text(answer, "/user/profile/email")
        .map(str::trim)
        .filter(|email| !unconfirmed && email.contains('@'))
        .map(str::to_owned)
        .ok_or(NoMember::NoAddress)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The example of <https://docs.slack.dev/reference/methods/users.info>, shortened.
    fn member() -> Value {
        json!({ "ok": true, "user": {
            "id": "W012A3CDE", "team_id": "T012AB3C4", "name": "spengler", "deleted": false,
            "profile": { "email": "spengler@ghostbusters.example.com", "team": "T012AB3C4" },
            "is_admin": true, "is_owner": false, "is_primary_owner": false, "is_restricted": false,
            "is_ultra_restricted": false, "is_bot": false, "updated": 1_502_138_686, "is_app_user": false,
        } })
    }

    fn with(key: &str, value: Value) -> Result<String, NoMember> {
        let mut member = member();
        member["user"][key] = value;
        address(&member, "W012A3CDE", "T012AB3C4")
    }

    #[test]
    fn a_full_member_has_the_address_that_slack_vouches_for() {
        let address = address(&member(), "W012A3CDE", "T012AB3C4");
        assert_eq!(address.unwrap(), "spengler@ghostbusters.example.com");
    }

    #[test]
    fn nobody_else_has_one() {
        assert_eq!(with("deleted", json!(true)), Err(NoMember::Deactivated));
        assert_eq!(with("deleted", json!(null)), Err(NoMember::Deactivated));
        assert_eq!(with("is_bot", json!(true)), Err(NoMember::Bot));
        assert_eq!(with("is_bot", json!("false")), Err(NoMember::Bot));
        assert_eq!(with("is_restricted", json!(true)), Err(NoMember::Guest));
        assert_eq!(
            with("is_ultra_restricted", json!(true)),
            Err(NoMember::Guest)
        );
        assert_eq!(with("is_invited_user", json!(true)), Err(NoMember::Guest));
        assert_eq!(with("is_stranger", json!(true)), Err(NoMember::Elsewhere));
        assert_eq!(with("team_id", json!("T0EVIL")), Err(NoMember::Elsewhere));
        assert_eq!(with("id", json!("U0OTHER")), Err(NoMember::Elsewhere));
        assert_eq!(
            with("is_email_confirmed", json!(false)),
            Err(NoMember::NoAddress)
        );
        assert_eq!(with("profile", json!({})), Err(NoMember::NoAddress));
    }

    #[test]
    fn what_slack_does_not_say_counts_against_them() {
        for key in [
            "deleted",
            "is_bot",
            "is_restricted",
            "is_ultra_restricted",
            "team_id",
            "id",
            "profile",
        ] {
            let mut member = member();
            member["user"].as_object_mut().unwrap().remove(key);
            assert!(address(&member, "W012A3CDE", "T012AB3C4").is_err(), "{key}");
        }
    }
}
