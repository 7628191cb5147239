//! Opening the file: who may, who may not, and what a reader sees.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[tokio::test]
async fn the_files_are_readable_by_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    new(&store, "a", Outcome::Approve).await;
    for name in ["cases.db", "cases.db-wal", "cases.db-shm", "cases.db.lock"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

fn refusal(path: &Path) -> String {
    SqliteStore::open(SqliteSettings::new(path, key()))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_second_process_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.db");
    let store = open(&folder);
    let text = refusal(&path);
    assert!(
        text.contains("cases.db` is in use by another process"),
        "{text}"
    );
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(
        refusal(&link).contains("is in use"),
        "a link to the file is the same file"
    );
    drop(store);
    drop(SqliteStore::open(SqliteSettings::new(&link, key())).unwrap());
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let text = refusal(folder.path());
    assert!(
        text.contains("is not a file; name the database file itself"),
        "{text}"
    );
    let text = refusal(&folder.path().join("missing/cases.db"));
    assert!(text.contains("the folder of"), "{text}");
    assert!(text.contains("create it first"), "{text}");
    let dangling = folder.path().join("dangling.db");
    std::os::unix::fs::symlink(folder.path().join("nowhere/x.db"), &dangling).unwrap();
    assert!(refusal(&dangling).contains("dangling.db"));
    let text_file = folder.path().join("notes.txt");
    std::fs::write(
        &text_file,
        "not a database, only some text that is long enough ".repeat(20),
    )
    .unwrap();
    assert!(refusal(&text_file).contains("is not a database"));
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    assert!(refusal(&other).contains("is the database of another program"));
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder));
    let path = folder.path().join("cases.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let text = refusal(&path);
    assert!(
        text.contains("was written by a later version of countersign (schema 99)"),
        "{text}"
    );
}

#[tokio::test]
async fn a_reader_sees_what_the_writer_wrote_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.db");
    assert!(
        SqliteStore::open_for_reading(&path, None).is_err(),
        "there is nothing to read"
    );
    let store = open(&folder);
    let case = new(&store, "a", Outcome::Approve).await;
    let reader = SqliteStore::open_for_reading(&path, Some(key())).unwrap();
    assert_eq!(
        reader.case(case.asked.id).await.unwrap().unwrap().case,
        case
    );
    assert_eq!(reader.verify_log().await.unwrap().entries, 1);
    let refused = reader.commit(decided("b", Outcome::Approve), at(0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    let keyless = SqliteStore::open_for_reading(&path, None).unwrap();
    assert!(keyless.verify_log().await.is_err());
    drop(store);
    assert_eq!(
        keyless.counts().await.unwrap().due,
        1,
        "also when nobody writes"
    );
}

#[tokio::test]
async fn another_key_is_refused_to_write_and_reported_by_verify() {
    let folder = tempfile::tempdir().unwrap();
    new(&open(&folder), "a", Outcome::Approve).await;
    let path = folder.path().join("cases.db");
    let other = ChainKey::new(&[8; 32]);
    let refused = SqliteStore::open(SqliteSettings::new(&path, other.clone())).unwrap_err();
    assert!(
        refused.to_string().contains("does not fit the chain key"),
        "{refused}"
    );
    let reader = SqliteStore::open_for_reading(&path, Some(other)).unwrap();
    let faults = reader.verify_log().await.unwrap().faults;
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("was not written with this key")),
        "{faults:?}"
    );
}
