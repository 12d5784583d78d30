//! Topics are made where they are missing, and left as they are where they are not.

use std::{future::Future, pin::pin, sync::Arc, task, thread, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::Client,
    types::RDKafkaErrorCode,
};

use crate::{Error, Settings, context::Quiet};

/// How long brokers may take to make topics.
const MAKING: Duration = Duration::from_secs(30);

/// A topic as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// On how many brokers each is kept.
    pub replication: i32,
    /// Whether only the last record of each key is kept.
    pub compacted: bool,
}

/// Makes what is missing. Answers how many partitions each has in fact, in the order of `topics`: of one that was there before,
/// it may be another number than asked for.
pub fn ensure(settings: &Settings, topics: &[Topic]) -> Result<Vec<i32>, Error> {
    let admin: AdminClient<Quiet> = settings.client().create_with_context(Quiet)?;
    let wanted: Vec<_> = topics
        .iter()
        .map(|topic| {
            let replication = TopicReplication::Fixed(topic.replication);
            let new = NewTopic::new(&topic.name, topic.partitions, replication);
            if topic.compacted {
                new.set("cleanup.policy", "compact")
            } else {
                new
            }
        })
        .collect();
    let options = AdminOptions::new()
        .operation_timeout(Some(MAKING))
        .request_timeout(Some(MAKING));
    for made in wait(admin.create_topics(&wanted, &options))? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(Error::Refused(format!("topic {topic}: {code}"))),
        }
    }
    topics
        .iter()
        .map(|topic| partitions(admin.inner(), &topic.name))
        .collect()
}

/// How many partitions a topic has; a new one is known everywhere only after a moment.
fn partitions(client: &Client<Quiet>, name: &str) -> Result<i32, Error> {
    for _ in 0..50 {
        let metadata = client.fetch_metadata(Some(name), MAKING)?;
        let found = metadata.topics().iter().find(|topic| topic.name() == name);
        if let Some(topic) = found
            && topic.error().is_none()
            && !topic.partitions().is_empty()
        {
            return i32::try_from(topic.partitions().len())
                .map_err(|_| Error::Refused(format!("topic {name} has too many partitions")));
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(Error::Away(format!("topic {name} does not appear")))
}

/// Whether nothing was ever written to a topic that is there.
pub fn is_empty(settings: &Settings, topic: &str) -> Result<bool, Error> {
    let admin: AdminClient<Quiet> = settings.client().create_with_context(Quiet)?;
    for partition in 0..partitions(admin.inner(), topic)? {
        if end(admin.inner(), topic, partition)? > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where a partition ends; one of a new topic has a leader that knows so only after a moment.
fn end(client: &Client<Quiet>, topic: &str, partition: i32) -> Result<i64, Error> {
    for _ in 0..50 {
        match client.fetch_watermarks(topic, partition, MAKING) {
            Ok((_, end)) => return Ok(end),
            Err(error) => match error.rdkafka_error_code() {
                Some(
                    RDKafkaErrorCode::NotLeaderForPartition
                    | RDKafkaErrorCode::LeaderNotAvailable
                    | RDKafkaErrorCode::UnknownTopicOrPartition,
                ) => thread::sleep(Duration::from_millis(100)),
                _ => return Err(error.into()),
            },
        }
    }
    Err(Error::Away(format!(
        "partition {partition} of {topic} has no leader"
    )))
}

/// Waits for a future on this thread; librdkafka finishes it from a thread of its own.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = task::Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = task::Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            task::Poll::Ready(output) => return output,
            task::Poll::Pending => thread::park(),
        }
    }
}
