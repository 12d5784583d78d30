//! A transactional producer: what one transaction holds is seen by readers all at once, or not at all.

use std::time::{Duration, Instant};

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig},
    util::Timeout,
};

use crate::{Error, Settings, context::Quiet, is_fence};

/// How long an answer of the brokers may take before they are taken for away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
/// How long brokers keep a transaction open of which they hear nothing, in milliseconds: so long at most a dead node holds back readers,
/// where no other takes its place.
const TRANSACTION_MS: &str = "30000";

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    /// What was not delivered makes the commit fail.
    fn delivery(&self, _: &rdkafka::producer::DeliveryResult<'_>, (): ()) {}
}

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

/// The one producer of its `transactional.id`.
pub struct Producer {
    producer: BaseProducer<Quiet>,
}

impl Producer {
    /// Opens it: whoever had the same id is fenced, and what they left open is undone.
    pub fn open(settings: &Settings, transactional_id: &str) -> Result<Self, Error> {
        let producer: BaseProducer<Quiet> = settings
            .client()
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", TRANSACTION_MS)
            .set("message.timeout.ms", TRANSACTION_MS)
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", "2")
            // As much as a transaction may hold, and more: its bounds are the caller's.
            .set("queue.buffering.max.messages", "1000000")
            .create_with_context(Quiet)?;
        producer.init_transactions(PATIENCE)?;
        Ok(Self { producer })
    }

    /// Publishes records in one transaction. After an error it is of no more use, and nobody here knows whether it was committed.
    pub fn publish(&self, records: &[Record]) -> Result<(), Error> {
        self.begin()?;
        self.add(records)?;
        self.commit()
    }

    pub(crate) fn begin(&self) -> Result<(), Error> {
        Ok(self.producer.begin_transaction()?)
    }

    pub(crate) fn add(&self, records: &[Record]) -> Result<(), Error> {
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
        Ok(())
    }

    pub(crate) fn send(&self, record: BaseRecord<'_, [u8], Vec<u8>>) -> Result<(), Error> {
        self.producer.send(record).map_err(|(error, _)| error.into())
    }

    /// Waits until all is delivered, and commits.
    pub(crate) fn commit(&self) -> Result<(), Error> {
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

impl Drop for Producer {
    /// What is on its way is not waited for: whoever opens it again undoes it.
    fn drop(&mut self) {
        self.producer
            .purge(PurgeConfig::default().queue().inflight().non_blocking());
    }
}
