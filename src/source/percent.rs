//! Text as an address holds it.

/// `text` with every byte but the unreserved of RFC 3986 as `%` and two digits, so that nothing in it can end or begin
/// a part of an address.
pub(super) fn encode(text: &str) -> String {
    encode_with(text, |byte| format!("%{byte:02X}"))
}

/// The same, each byte that must be escaped written by `digits`.
pub(super) fn encode_with(text: &str, digits: fn(u8) -> String) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if unreserved(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&digits(byte));
        }
    }
    encoded
}
