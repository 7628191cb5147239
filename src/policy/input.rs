//! Stand-in.
#[derive(Debug)]
#[allow(missing_docs, reason = "stand-in")]
pub struct Input(pub serde_json::Value);
#[allow(missing_docs, reason = "stand-in")]
impl Input {
    pub fn parse(text: &str) -> Result<Self, crate::json::Refused> {
        crate::json::parse(text.as_bytes()).map(Self)
    }
}
