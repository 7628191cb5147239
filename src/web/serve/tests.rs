mod loopback;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::web::body::BodyLimits;
use loopback::{PATIENT, SOON, Server};

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = Server::with(PATIENT).await;
    let mut client = server.client().await;
    assert!(client.posts("one").await.ends_with("\r\n\r\none"));
    assert!(client.posts("two").await.ends_with("\r\n\r\ntwo"));
    client
        .says("GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert!(client.hears().await.starts_with("HTTP/1.1 404 "));
    client.says("GET /echo HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let refused = client.hears().await;
    assert!(
        refused.starts_with("HTTP/1.1 405 ") && refused.contains("\r\nallow: POST\r\n"),
        "{refused}"
    );
    assert!(
        refused.contains("\"code\":\"method_not_allowed\""),
        "{refused}"
    );
    drop(client);
    assert_eq!(server.stopped().await, [Ending::Finished]);
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_headers_is_closed() {
    let server = Server::with(ConnectionLimits {
        header_timeout: SOON,
        ..PATIENT
    })
    .await;
    let mut silent = server.client().await;
    let mut partial = server.client().await;
    partial
        .says("POST /echo HTTP/1.1\r\nhost: x\r\nx-slow: ")
        .await;
    assert_eq!(silent.hears_the_end().await, "");
    assert_eq!(partial.hears_the_end().await, "");
    assert_eq!(server.stopped().await, [Ending::HeaderTimeout; 2]);
}

#[tokio::test]
async fn trickling_the_headers_does_not_move_their_deadline() {
    let server = Server::with(ConnectionLimits {
        header_timeout: SOON,
        ..PATIENT
    })
    .await;
    let mut client = server.client().await;
    // The second request of a connection has the deadline too.
    client.posts("one").await;
    let (mut reading, mut writing) = client.0.split();
    let trickle = async {
        let mut beat = tokio::time::interval(SOON / 10);
        writing
            .write_all(b"POST /echo HTTP/1.1\r\nhost: ")
            .await
            .unwrap();
        while writing.write_all(b"x").await.is_ok() {
            beat.tick().await;
        }
    };
    let mut nothing = [0];
    tokio::select! {
        () = trickle => {}
        read = reading.read(&mut nothing) => assert_eq!(read.unwrap_or(0), 0),
    }
    assert_eq!(server.stopped().await, [Ending::HeaderTimeout]);
}

#[tokio::test]
async fn a_connection_that_idles_between_requests_is_closed() {
    let server = Server::with(ConnectionLimits {
        idle_timeout: SOON,
        ..PATIENT
    })
    .await;
    let mut client = server.client().await;
    client.posts("one").await;
    assert_eq!(client.hears_the_end().await, "");
    assert_eq!(server.stopped().await, [Ending::IdleTimeout]);
}

#[tokio::test]
async fn a_body_that_stays_away_is_408_and_the_connection_closes() {
    let server = Server::start(
        PATIENT,
        BodyLimits {
            bytes: 1024,
            timeout: SOON,
        },
    )
    .await;
    let mut client = server.client().await;
    client
        .says("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        .await;
    let heard = client.hears_the_end().await;
    assert!(
        heard.starts_with("HTTP/1.1 408 ") && heard.contains("\"code\":\"timeout\""),
        "{heard}"
    );
}

#[tokio::test]
async fn a_body_that_is_cut_off_never_reaches_a_handler() {
    let server = Server::with(PATIENT).await;
    let mut client = server.client().await;
    client
        .says("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        .await;
    client.0.shutdown().await.unwrap();
    let heard = client.hears_the_end().await;
    assert!(
        heard.is_empty() || heard.starts_with("HTTP/1.1 400 "),
        "{heard}"
    );
    let mut chunked = server.client().await;
    chunked
        .says("POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        .await;
    chunked.0.shutdown().await.unwrap();
    let heard = chunked.hears_the_end().await;
    assert!(
        heard.is_empty() || heard.starts_with("HTTP/1.1 400 "),
        "{heard}"
    );
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_413_before_it_is_sent() {
    let server = Server::with(PATIENT).await;
    let mut client = server.client().await;
    client.says("POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3000000\r\n\r\n").await;
    let heard = client.hears_the_end().await;
    assert!(
        heard.starts_with("HTTP/1.1 413 ") && heard.contains("\"code\":\"too_large\""),
        "{heard}"
    );
    // A body within the limit is asked for.
    let mut client = server.client().await;
    client
        .says("POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        .await;
    assert!(client.hears().await.starts_with("HTTP/1.1 100 "));
    client.says("ok").await;
    assert!(client.hears().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_client_that_sends_too_much_all_the_same_still_gets_to_read_the_413() {
    let server = Server::with(PATIENT).await;
    for head in ["content-length: 3000000", "transfer-encoding: chunked"] {
        let mut client = server.client().await;
        client
            .says(&format!("POST /echo HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n"))
            .await;
        for _ in 0..100 {
            // With chunks there is no end to it; the server may hang up once it has answered and waited a while.
            if client
                .0
                .write_all(format!("4000\r\n{}\r\n", "x".repeat(0x4000)).as_bytes())
                .await
                .is_err()
            {
                break;
            }
        }
        client.0.shutdown().await.unwrap();
        let heard = client.hears_the_end().await;
        assert!(heard.starts_with("HTTP/1.1 413 "), "{heard}");
    }
}

#[tokio::test]
async fn a_handler_that_panics_costs_a_500_and_not_the_connection() {
    let server = Server::with(PATIENT).await;
    let mut client = server.client().await;
    client.says("GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let heard = client.hears().await;
    assert!(
        heard.starts_with("HTTP/1.1 500 ") && heard.contains("application/problem+json"),
        "{heard}"
    );
    assert!(client.posts("alive").await.ends_with("alive"));
}

#[tokio::test]
async fn at_the_limit_whoever_keeps_us_waiting_longest_makes_place() {
    let server = Server::with(ConnectionLimits {
        connections: 3,
        ..PATIENT
    })
    .await;
    let mut idle = server.client().await;
    idle.posts("first in").await;
    let mut stuck = server.client().await;
    stuck
        .says("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        .await;
    let mut silent = server.client().await;
    let mut good = server.client().await;
    assert!(good.posts("hello").await.ends_with("hello"));
    let mut better = server.client().await;
    assert!(better.posts("hello").await.ends_with("hello"));
    assert_eq!(stuck.hears_the_end().await, "");
    assert_eq!(silent.hears_the_end().await, "");
    assert!(idle.posts("still here").await.ends_with("still here"));
}

#[tokio::test]
async fn where_everybody_is_being_served_a_newcomer_waits_its_turn() {
    let server = Server::with(ConnectionLimits {
        connections: 1,
        ..PATIENT
    })
    .await;
    let mut busy = server.client().await;
    busy.says("GET /hang HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await;
    server.entered.notified().await;
    let mut next = server.client().await;
    next.says("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi")
        .await;
    server.release.notify_one();
    assert!(busy.hears_the_end().await.ends_with("released"));
    assert!(next.hears().await.ends_with("hi"));
}

#[tokio::test]
async fn six_hundred_stuck_clients_do_not_hold_up_a_good_one_and_are_all_closed() {
    let limits = ConnectionLimits {
        connections: 500,
        header_timeout: SOON * 10,
        ..PATIENT
    };
    let server = Server::start(
        limits,
        BodyLimits {
            bytes: 1024,
            timeout: SOON * 10,
        },
    )
    .await;
    let mut stuck = Vec::new();
    for number in 0..600 {
        let mut client = server.client().await;
        match number % 3 {
            0 => {
                client
                    .says("POST /echo HTTP/1.1\r\nhost: x\r\nx-slow: ")
                    .await;
            }
            1 => {
                client
                    .says("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
                    .await;
            }
            _ => {}
        }
        stuck.push(client);
    }
    let mut kept = server.client().await;
    for _ in 0..100 {
        assert!(kept.posts("hello").await.ends_with("hello"));
        assert!(
            server
                .client()
                .await
                .posts("hello")
                .await
                .ends_with("hello")
        );
    }
    for client in &mut stuck {
        client.hears_the_end().await;
    }
    assert!(kept.posts("hello").await.ends_with("hello"));
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_closes_the_rest_and_lets_nobody_in() {
    let server = Server::with(PATIENT).await;
    let mut idle = server.client().await;
    idle.posts("one").await;
    let mut busy = server.client().await;
    busy.says("GET /hang HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.entered.notified().await;
    server.stop.cancel();
    assert_eq!(idle.hears_the_end().await, "");
    // The listener is gone before the busy one is done.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    server.release.notify_one();
    let heard = busy.hears_the_end().await;
    assert!(
        heard.contains("connection: close") && heard.ends_with("released"),
        "{heard}"
    );
    assert_eq!(server.stopped().await, [Ending::Finished; 2]);
}

#[tokio::test]
async fn a_stop_does_not_wait_longer_than_the_grace() {
    let server = Server::with(ConnectionLimits {
        grace: SOON,
        ..PATIENT
    })
    .await;
    let mut busy = server.client().await;
    busy.says("GET /hang HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.entered.notified().await;
    server.stopped().await;
    assert_eq!(busy.hears_the_end().await, "");
}
