//! Reading a realm's range: both lanes together in the order of time, so that keys which have events of both are in order, too.

use std::collections::{BTreeMap, VecDeque};

use events::{
    envelope::Recorded,
    event::Event,
    log::{Log, LogError},
    subject::Stream,
    topics::Topic,
};
use kafka::Record;

use super::range::Seqs;
use crate::{
    position::{Halt, Position},
    records::records,
};

/// So many events of a stream are read at once.
const READ: usize = 1_000;

/// A stream, and what was read of it and not yet given.
struct Reading {
    stream: Stream,
    /// The seq up to which it was read, and the one at which it ends.
    at: u64,
    last: u64,
    /// Knows the seq before in the live topic, so that chains are the same.
    position: Position,
    waiting: VecDeque<Recorded>,
}

/// What is read of one realm.
pub(super) struct Realm {
    topic: Topic,
    readings: Vec<Reading>,
}

impl Realm {
    /// Begins before the first event of each stream.
    pub async fn begin(log: &dyn Log, ranges: &[(Stream, Seqs)], topic: Topic) -> Result<Self, LogError> {
        let mut readings = Vec::with_capacity(ranges.len());
        for (stream, Seqs { first, last }) in ranges {
            let previous = previous(log, *stream, *first, topic).await?;
            readings.push(Reading {
                stream: *stream,
                at: first - 1,
                last: *last,
                position: Position {
                    last: BTreeMap::from([(topic.as_str().to_owned(), previous)]),
                    ..Position::default()
                },
                waiting: VecDeque::new(),
            });
        }
        Ok(Self { topic, readings })
    }

    /// Takes up to so many events, and answers how many (0 at the end) and the records of those that are in the topic, which are to go
    /// to another.
    pub async fn next(
        &mut self,
        log: &dyn Log,
        public_url: &str,
        to: &str,
        limit: usize,
    ) -> Result<(u64, Vec<Record>), (Stream, Halt)> {
        let live = self.topic.to_string();
        let (mut taken, mut made) = (0, Vec::new());
        while taken < limit as u64 {
            for reading in &mut self.readings {
                reading.fill(log).await.map_err(|halt| (reading.stream, halt))?;
            }
            let next = self
                .readings
                .iter_mut()
                .filter(|reading| !reading.waiting.is_empty())
                .min_by_key(|reading| reading.waiting.front().map(|recorded| recorded.entry.time));
            let Some(reading) = next else { break };
            let Some(recorded) = reading.waiting.pop_front() else {
                break;
            };
            let of_event = records(public_url, &recorded, &mut reading.position)
                .map_err(|halt| (reading.stream, halt))?;
            taken += 1;
            made.extend(
                of_event
                    .into_iter()
                    .filter(|record| record.topic == live)
                    .map(|record| Record {
                        topic: to.to_owned(),
                        ..record
                    }),
            );
        }
        Ok((taken, made))
    }
}

impl Reading {
    async fn fill(&mut self, log: &dyn Log) -> Result<(), Halt> {
        if !self.waiting.is_empty() || self.at >= self.last {
            return Ok(());
        }
        let mut read = log.read(self.stream, self.at, READ).await.map_err(Halt::Log)?;
        read.retain(|recorded| recorded.entry.seq <= self.last);
        // Past what was pruned, or to the end.
        self.at = read.last().map_or(self.last, |recorded| recorded.entry.seq);
        self.waiting.extend(read);
        Ok(())
    }
}

/// The seq of the stream's last event in a topic before this one; 0 if there is none.
async fn previous(log: &dyn Log, stream: Stream, first: u64, topic: Topic) -> Result<u64, LogError> {
    let is_in = |recorded: &&Recorded| {
        Event::topics_of(&recorded.entry.event_type).is_ok_and(|mut topics| topics.any(|of| of == topic))
    };
    let mut before = first;
    while before > 1 {
        let after = (before - 1).saturating_sub(READ as u64);
        let read = log.read(stream, after, READ).await?;
        let mut earlier = read.iter().filter(|recorded| recorded.entry.seq < before);
        if let Some(found) = earlier.rfind(is_in) {
            return Ok(found.entry.seq);
        }
        before = after + 1;
    }
    Ok(0)
}
