mod hosts;
mod refused;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::source::client::Class;

/// A look-up that says what it is told, in this order and the last for ever, and keeps what it was asked.
struct Names {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn saying(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parsed).collect()),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        answer.ok_or_else(|| io::Error::other("no such name"))
    }
}

/// A server on loopback that counts who comes, and points everybody to where credentials are.
struct Door {
    port: u16,
    address: IpAddr,
    came: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl Door {
    async fn open(address: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let came = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&came);
        let mut server = JoinSet::new();
        server.spawn(async move {
            // Nobody is sent away, so that a connection could be used again.
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let _read = stream.read(&mut request).await;
                let answer = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\n\
                    content-length: 0\r\n\r\n";
                let _written = stream.write_all(answer).await;
                open.push(stream);
            }
        });
        Self {
            port,
            address: address.parse().unwrap(),
            came,
            _server: server,
        }
    }

    /// How many came. Connections are accepted in their order, so that none is still on its way after our own.
    async fn came(&self) -> usize {
        let mut stream = TcpStream::connect((self.address, self.port)).await.unwrap();
        stream.write_all(b"?").await.unwrap();
        let _answered = stream.read(&mut [0; 64]).await.unwrap();
        self.came.fetch_sub(1, Ordering::SeqCst) - 1
    }
}

fn calling(hosts: &[&str], names: &Arc<Names>) -> CallbackClient {
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        total: Duration::from_secs(5),
    };
    let names: Arc<dyn Resolve> = Arc::<Names>::clone(names);
    CallbackClient::new(CallbackHosts::parse(hosts).unwrap(), timeouts, names).unwrap()
}

async fn call(client: &CallbackClient, raw: &str) -> Result<StatusCode, NoResponse> {
    let to = client.check(raw).map_err(NoResponse::Refused)?;
    let outgoing = Outgoing {
        method: Method::PATCH,
        to,
        headers: HeaderMap::new(),
        body: None,
        largest: 1024,
    };
    client.send(outgoing).await.map(|response| response.status)
}

async fn refusal(client: &CallbackClient, raw: &str) -> RefusedCallback {
    match call(client, raw).await {
        Err(NoResponse::Refused(refused)) => refused,
        other => panic!("`{raw}`: {other:?}"),
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let door = Door::open("127.0.0.1").await;
    let names = Names::saying(&[&["127.0.0.1"]]);
    let client = calling(&["localhost", "169.254.169.254"], &names);
    let to = client
        .check(&format!("http://localhost:{}/run", door.port))
        .unwrap();
    let outgoing = Outgoing {
        method: Method::POST,
        to,
        headers: HeaderMap::new(),
        body: None,
        largest: 1024,
    };
    let response = client.send(outgoing).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
    assert_eq!(response.class(), Class::Never);
    assert_eq!(door.came().await, 1);
    assert_eq!(names.asked(), ["localhost"]);
}

#[tokio::test]
async fn a_listed_address_is_called_at_any_port_and_never_looked_up() {
    let door = Door::open("127.0.0.1").await;
    let names = Names::saying(&[]);
    let listed = calling(&["127.0.0.1"], &names);
    for host in ["127.0.0.1", "127.1", "0x7f000001", "2130706433"] {
        let reached = call(&listed, &format!("http://{host}:{}/run", door.port)).await;
        assert_eq!(reached.unwrap(), StatusCode::FOUND, "{host}");
    }
    let range = calling(&["127.0.0.0/8"], &names);
    let reached = call(&range, &format!("http://127.0.0.1:{}/", door.port)).await;
    assert_eq!(reached.unwrap(), StatusCode::FOUND);
    assert_eq!(door.came().await, 5);
    assert_eq!(names.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_name_is_looked_up_without_the_dot_at_its_end_and_in_lower_case() {
    let door = Door::open("127.0.0.1").await;
    let names = Names::saying(&[&["127.0.0.1"]]);
    let client = calling(&["Executor.Internal."], &names);
    let reached = call(
        &client,
        &format!("http://EXECUTOR.internal.:{}/", door.port),
    )
    .await;
    assert_eq!(reached.unwrap(), StatusCode::FOUND);
    assert_eq!(names.asked(), ["executor.internal"]);
}

#[tokio::test]
async fn a_name_that_is_bound_anew_is_judged_anew_and_one_call_looks_it_up_once() {
    let listed = Door::open("127.0.0.2").await;
    let unlisted = Door::open("127.0.0.1").await;
    let names = Names::saying(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let client = calling(&["app.terraform.io", "127.0.0.2"], &names);
    let url = format!("http://app.terraform.io:{}/", listed.port);
    assert_eq!(call(&client, &url).await.unwrap(), StatusCode::FOUND);
    assert_eq!(names.asked(), ["app.terraform.io"]);
    assert_eq!(
        refusal(&client, &url).await,
        RefusedCallback::Address {
            host: "app.terraform.io".to_owned(),
            address: "127.0.0.1".parse().unwrap(),
            unfit: Unfit::Loopback,
        }
    );
    assert_eq!(names.asked().len(), 2);
    assert_eq!((listed.came().await, unlisted.came().await), (1, 0));
}

#[tokio::test]
async fn a_name_that_is_not_found_may_be_found_later() {
    for names in [Names::saying(&[]), Names::saying(&[&[]])] {
        let client = calling(&["app.terraform.io"], &names);
        let lost = call(&client, "https://app.terraform.io/")
            .await
            .unwrap_err();
        let NoResponse::Lost { error, reach } = lost else {
            panic!("{lost:?}")
        };
        assert!(
            error.starts_with("cannot connect to `app.terraform.io`: "),
            "{error}"
        );
        assert_eq!(reach, crate::source::Reach::NotReached);
    }
}
