//! What is in Kafka, as any consumer sees it that reads what is committed.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::Headers,
};
use serde_json::Value;

/// One record.
#[derive(Clone, Debug)]
pub struct Published {
    /// In which partition.
    pub partition: i32,
    /// The key.
    pub key: String,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The value, as it is.
    pub text: String,
}

impl Published {
    /// A header that has to be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    /// A header that is a number.
    #[track_caller]
    pub fn number(&self, name: &str) -> u64 {
        self.header(name).parse().expect("a number")
    }

    /// The stream and the seq, which name an event.
    #[track_caller]
    pub fn place(&self) -> (String, u64) {
        let stream = format!("{}/{}", self.header("ce_realmid"), self.header("ce_lane"));
        (stream, self.number("ce_seq"))
    }

    /// The value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }
}

/// All of a topic, partition by partition in order, to the end that it has now; nothing of a topic that is not there.
///
/// # Panics
/// If the broker does not answer within a minute.
pub fn published(broker: &str, topic: &str) -> Vec<Published> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .expect("a consumer");
    let minute = Duration::from_mins(1);
    let metadata = consumer.fetch_metadata(Some(topic), minute).expect("metadata");
    let partitions = metadata.topics()[0].partitions();
    let mut all = TopicPartitionList::new();
    for partition in partitions {
        all.add_partition_offset(topic, partition.id(), Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&all).expect("an assignment");
    let (mut found, mut ended, started) = (Vec::new(), 0, Instant::now());
    while ended < partitions.len() {
        assert!(started.elapsed() < minute, "{topic} has no end");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let text =
                    |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
                let headers = message.headers().into_iter().flat_map(Headers::iter);
                found.push(Published {
                    partition: message.partition(),
                    key: text(message.key()),
                    headers: headers
                        .map(|header| (header.key.to_owned(), text(header.value)))
                        .collect(),
                    text: text(message.payload()),
                });
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(_)) | None => {}
        }
    }
    found
}
