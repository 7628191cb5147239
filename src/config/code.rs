//! The codes of a config's mistakes. They are stable, and listed in `docs/configuration.md`.

/// The file cannot be read.
pub const UNREADABLE: &str = "C000";
/// The text is not YAML, or more of YAML than is read.
pub const SYNTAX: &str = "C001";
/// A key is written twice.
pub const DUPLICATE_KEY: &str = "C002";
/// A key that means nothing here.
pub const UNKNOWN_KEY: &str = "C003";
/// A key that must be there is not.
pub const MISSING_KEY: &str = "C004";
/// A value of the wrong kind, or out of bounds.
pub const BAD_VALUE: &str = "C005";
/// `${NAME}` or `{env: NAME}` with nothing behind it.
pub const ENVIRONMENT: &str = "C006";
/// Both `x` and `x_file`.
pub const BOTH_TWINS: &str = "C007";
/// Known, but not supported by this version.
pub const UNSUPPORTED: &str = "C008";
/// A sender nobody verifies, where that could approve something.
pub const UNVERIFIED: &str = "C010";
/// Open to the network without a proof of who asks.
pub const EXPOSED: &str = "C011";
/// Two of what there may be one of.
pub const DUPLICATE: &str = "C012";
/// Two listeners on one address.
pub const SAME_ADDRESS: &str = "C013";
/// Approvals could not be sent.
pub const NO_CREDENTIAL: &str = "C014";
/// A team that is not there.
pub const UNKNOWN_TEAM: &str = "C015";
/// Teams that would ask each other for ever.
pub const CIRCLE: &str = "C016";
/// A team that is told by what is not set up.
pub const NO_CHANNEL: &str = "C017";
/// Mail that others could read.
pub const CLEAR_MAIL: &str = "C018";
/// A secret that can be guessed.
pub const SHORT_SECRET: &str = "C020";
/// A credential that has expired or soon will.
pub const EXPIRY: &str = "C021";
/// Nobody can vote.
pub const NO_OPERATORS: &str = "C022";
/// A secret that cannot be read now.
pub const SECRET_UNREADABLE: &str = "C023";
/// A credential that would cross the network in the clear.
pub const CLEAR_TEXT: &str = "C024";
/// Nothing can ask.
pub const NO_SOURCES: &str = "C025";
/// Requests whose content nothing proves.
pub const UNSIGNED: &str = "C026";
/// A call that any stranger could make.
pub const NO_AUTH: &str = "C027";
/// People who are needed and cannot be there.
pub const NOBODY: &str = "C028";
/// Something that is written and never counts.
pub const NEVER_COUNTS: &str = "C029";
/// Links that lead only where this machine can go.
pub const NO_URL: &str = "C030";
/// One secret for two purposes.
pub const SHARED_SECRET: &str = "C031";
/// A name that nobody has.
pub const UNKNOWN_PERSON: &str = "C032";
