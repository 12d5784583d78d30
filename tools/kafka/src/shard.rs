//! One shard: the producer that alone may write it, and where it stands.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig},
    util::Timeout,
};

use crate::{Error, Settings, context::Quiet, is_fence};

/// How long an answer of the brokers may take before they are taken for away.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long brokers keep a transaction open of which they hear nothing, in milliseconds: so long at most a dead node holds back readers,
/// where no other takes its shard.
const TRANSACTION_MS: &str = "30000";

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    /// What was not delivered makes the commit fail.
    fn delivery(&self, _: &rdkafka::producer::DeliveryResult<'_>, (): ()) {}
}

/// Where a shard is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The compacted topic of positions; the shard's are in the partition of its number.
    pub positions: String,
    /// The shard's number.
    pub shard: i32,
    /// Its `transactional.id`, of which there is one for each shard for ever.
    pub transactional_id: String,
}

/// Where a shard stands in each of its sources; the meaning is the caller's.
pub type Positions = HashMap<String, Vec<u8>>;

/// One record on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// To which topic.
    pub topic: String,
    /// Records of one key go to one partition, in order; the partition is what Java's clients would choose as well (murmur2).
    pub key: Vec<u8>,
    /// Headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// The value.
    pub value: Vec<u8>,
    /// Milliseconds since 1970.
    pub time_ms: i64,
}

/// The producer of a shard.
pub struct Shard {
    producer: BaseProducer<Quiet>,
    place: Place,
}

impl Shard {
    /// Takes the shard: whoever had it is fenced, and what they left open is undone. Answers where the shard stands.
    pub fn open(settings: &Settings, place: &Place) -> Result<(Self, Positions), Error> {
        let producer: BaseProducer<Quiet> = settings
            .client()
            .set("transactional.id", &place.transactional_id)
            .set("transaction.timeout.ms", TRANSACTION_MS)
            .set("message.timeout.ms", TRANSACTION_MS)
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", "2")
            // As much as a transaction may hold, and more: its bounds are the caller's.
            .set("queue.buffering.max.messages", "1000000")
            .create_with_context(Quiet)?;
        producer.init_transactions(PATIENCE)?;
        let shard = Self {
            producer,
            place: place.clone(),
        };
        let positions = shard.positions(settings)?;
        Ok((shard, positions))
    }

    /// Reads the shard's partition of the topic of positions to its end.
    fn positions(&self, settings: &Settings) -> Result<Positions, Error> {
        let Place { positions, shard, .. } = &self.place;
        // It belongs to no group; the library wants a name all the same.
        let consumer: BaseConsumer<Quiet> = settings
            .consumer("none")
            .set("enable.partition.eof", "true")
            .create_with_context(Quiet)?;
        let mut partition = TopicPartitionList::new();
        partition.add_partition_offset(positions, *shard, Offset::Beginning)?;
        consumer.assign(&partition)?;
        let mut found = Positions::new();
        let mut heard = Instant::now();
        loop {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    let Some(key) = message.key() else { continue };
                    let source = String::from_utf8_lossy(key).into_owned();
                    match message.payload() {
                        Some(position) => found.insert(source, position.to_vec()),
                        None => found.remove(&source),
                    };
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(found),
                Some(Err(error)) if heard.elapsed() >= PATIENCE => return Err(error.into()),
                None if heard.elapsed() >= PATIENCE => {
                    return Err(Error::Away("the positions cannot be read".to_owned()));
                }
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Publishes records and the new positions, all of it or nothing. After an error the shard is of no more use: drop it and
    /// open it again, which also tells what became of this.
    pub fn publish(&self, records: &[Record], positions: &[(String, Vec<u8>)]) -> Result<(), Error> {
        self.producer.begin_transaction()?;
        for record in records {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in &record.headers {
                headers = headers.insert(Header {
                    key,
                    value: Some(value),
                });
            }
            self.send(
                BaseRecord::to(&record.topic)
                    .key(record.key.as_slice())
                    .payload(&record.value)
                    .timestamp(record.time_ms)
                    .headers(headers),
            )?;
        }
        for (source, position) in positions {
            self.send(
                BaseRecord::to(&self.place.positions)
                    .partition(self.place.shard)
                    .key(source.as_bytes())
                    .payload(position),
            )?;
        }
        self.commit()
    }

    fn send(&self, record: BaseRecord<'_, [u8], Vec<u8>>) -> Result<(), Error> {
        self.producer.send(record).map_err(|(error, _)| error.into())
    }

    /// Waits until all is delivered, and commits.
    fn commit(&self) -> Result<(), Error> {
        let started = Instant::now();
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Timeout::After(Duration::from_millis(1)));
            if let Some((code, reason)) = self.producer.client().fatal_error() {
                return Err(if is_fence(code) {
                    Error::Fenced
                } else {
                    Error::Away(reason)
                });
            }
            if started.elapsed() >= PATIENCE {
                return Err(Error::Away("nothing is taken".to_owned()));
            }
        }
        Ok(self.producer.commit_transaction(PATIENCE)?)
    }
}

impl Drop for Shard {
    /// What is on its way is not waited for: whoever opens the shard again undoes it.
    fn drop(&mut self) {
        self.producer
            .purge(PurgeConfig::default().queue().inflight().non_blocking());
    }
}
