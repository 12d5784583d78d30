//! After a crash or a failover the server may be another: transactions may be counted from earlier, and the log may lack what
//! it held. The first is seen at once; the second is refused for good.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_an_earlier_transaction_moves_is_seen_on_a_new_connection() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mark = case.log.heads(Mark::default()).await.unwrap().mark;
    case.proxy.close();
    let mut raw = case.raw().await;
    // As the transactions of a server are that was restored to an earlier count.
    sqlx::raw_sql("UPDATE chancery_log.stream SET seq = 3, xid = '3'")
        .execute(&mut raw)
        .await
        .unwrap();
    case.proxy.open();
    let begun = Instant::now();
    loop {
        if let Ok(moved) = case.log.heads(mark).await
            && moved.as_of > begun
        {
            assert_eq!(moved.heads.len(), 1);
            assert_eq!((moved.heads[0].stream, moved.heads[0].seq), (case.stream, 3));
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_went_back_is_refused_for_good() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    case.proxy.close();
    let mut raw = case.raw().await;
    sqlx::raw_sql("UPDATE chancery_log.stream SET seq = 1")
        .execute(&mut raw)
        .await
        .unwrap();
    case.proxy.open();
    let verdict = case.commit(full(case.stream, 2)).await;
    assert!(
        matches!(&verdict, Verdict::Unavailable(text) if text.contains("went back")),
        "{verdict:?}"
    );
    // Also if it should come forward again: what was told of it in the meantime is not known.
    sqlx::raw_sql("UPDATE chancery_log.stream SET seq = 2")
        .execute(&mut raw)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let refused = |error: LogError| matches!(&error, LogError::Refused(text) if text.contains("restarted"));
    assert!(refused(case.log.heads(Mark::default()).await.unwrap_err()));
    assert!(refused(case.log.read(case.stream, 0, 10).await.unwrap_err()));
    assert!(refused(case.log.health().await.unwrap_err()));
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_landed_in_doubt_is_known_when_it_is_answered() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    case.proxy.cut_next(Cut::AfterCommit);
    case.committed(full(case.stream, 2)).await;
    assert!(case.proxy.has_cut());
    assert_eq!(case.log.heads.seq(case.stream), 4);
    case.log.close().await;
}

#[tokio::test]
async fn no_password_shows() {
    let database: Database = "postgres://a:hunter2@127.0.0.1:1/none".parse().unwrap();
    for way in [
        schema::Way::of_appender(&database),
        schema::Way::of_watcher(&database),
    ] {
        assert_eq!(format!("{way:?}"), "Way(127.0.0.1:1)");
    }
    assert!(!format!("{:?}", schema::pool(&database)).contains("hunter2"));
}
