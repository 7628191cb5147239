//! Scripts and styles. They are part of the program, so that a machine without the Internet shows the same pages; the digest of
//! each is in its address, so that a browser may keep it for ever and never has an old one with a new page.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::web::problem::{self, Problem};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// Everything that pages load.
static ALL: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    [
        Asset::new("app", "css", STYLE, include_bytes!("assets/app.css")),
        Asset::new("app", "js", SCRIPT, include_bytes!("assets/app.js")),
        Asset::new("htmx", "js", SCRIPT, include_bytes!("assets/htmx.min.js")),
        Asset::new(
            "htmx-sse",
            "js",
            SCRIPT,
            include_bytes!("assets/htmx-sse.min.js"),
        ),
        Asset::new("icon", "svg", PICTURE, include_bytes!("assets/icon.svg")),
    ]
});

/// A file that pages load.
struct Asset {
    name: String,
    file: String,
    kind: &'static str,
    tag: String,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let digest = hex::encode(Sha256::digest(bytes));
        let short = digest.get(..16).unwrap_or(&digest);
        Self {
            name: format!("{stem}.{extension}"),
            file: format!("{stem}-{short}.{extension}"),
            kind,
            tag: format!("\"{digest}\""),
            bytes,
        }
    }
}

/// The address of the asset called `name`, for templates: `app.css`.
pub(in crate::web) fn address(name: &str) -> String {
    let found = ALL.iter().find(|asset| asset.name == name);
    format!("/assets/{}", found.map_or(name, |asset| &asset.file))
}

/// Anybody may have them: the page where one logs in needs them too.
pub(super) async fn show(
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(asset) = ALL.iter().find(|asset| asset.file == file) else {
        return Err(problem::nothing_here().await);
    };
    let known = headers.get_all(IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|tags| tags.to_str().ok());
    let mut response = if known.any(|tags| tags.contains(&asset.tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        asset.bytes.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    if let Ok(tag) = HeaderValue::from_str(&asset.tag) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}
