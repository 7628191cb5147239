//! What it costs to prove who sent a body.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark may panic; the panic is the report"
)]

use std::convert::Infallible;
use std::hint::black_box;

use bytes::Bytes;
use countersign::secret::Secret;
use countersign::signature::{
    Algorithm, Check, Delivery, Encoding, HmacScheme, SignedText, Verifier,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::HeaderName;

fn verify(criterion: &mut Criterion) {
    let scheme = HmacScheme {
        header: HeaderName::from_static("x-tracemem-signature"),
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        prefix: "sha256=".to_owned(),
        signed: SignedText::parse("{body}").unwrap(),
        timestamp_header: None,
        id_header: None,
        tolerance: countersign::signature::DEFAULT_TOLERANCE,
        secrets: vec!["outgoing-secret-of-the-integration".to_owned()],
    };
    let verifier = Verifier::new(vec![Check::Hmac(scheme.check().unwrap())]);
    let read = |secret: &String| Ok::<_, Infallible>(Secret::new(secret.clone()));
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut group = criterion.benchmark_group("verify");
    for kibibytes in [1, 2, 4] {
        let body = Bytes::from(vec![b'x'; kibibytes * 1024]);
        let headers = verifier.sign(&body, "id", now, read).unwrap().headers;
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("HMAC-SHA256 of {kibibytes} KiB"), |bencher| {
            bencher.iter(|| {
                let delivery = Delivery {
                    headers: headers.clone(),
                    body: body.clone(),
                    path_secret: None,
                };
                black_box(verifier.verify(delivery, now, read).is_ok())
            });
        });
    }
}

criterion_group!(benches, verify);
criterion_main!(benches);
