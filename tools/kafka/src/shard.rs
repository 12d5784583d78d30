//! One shard: the producer that alone may write it, and where it stands.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    producer::BaseRecord,
};

use crate::{Error, Producer, Record, Settings, context::Quiet, producer::PATIENCE};

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

/// The producer of a shard.
pub struct Shard {
    producer: Producer,
    place: Place,
}

impl Shard {
    /// Takes the shard: whoever had it is fenced, and what they left open is undone. Answers where the shard stands.
    pub fn open(settings: &Settings, place: &Place) -> Result<(Self, Positions), Error> {
        let shard = Self {
            producer: Producer::open(settings, &place.transactional_id)?,
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
        self.producer.begin()?;
        self.producer.add(records)?;
        for (source, position) in positions {
            self.producer.send(
                BaseRecord::to(&self.place.positions)
                    .partition(self.place.shard)
                    .key(source.as_bytes())
                    .payload(position),
            )?;
        }
        self.producer.commit()
    }
}
