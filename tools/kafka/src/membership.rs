//! Which shards are this node's: the partitions of the topic of positions that a consumer group gives it.

use std::{collections::BTreeSet, time::Duration};

use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    topic_partition_list::TopicPartitionListElem,
};

use crate::{Error, Settings, context::Quiet};

/// A node's place in the group. Dropped, it leaves, and the others take its shards at once.
pub struct Membership {
    consumer: BaseConsumer<Quiet>,
}

impl Membership {
    /// Joins the group. It needs no broker yet.
    pub fn join(settings: &Settings, group: &str, positions: &str) -> Result<Self, Error> {
        let consumer: BaseConsumer<Quiet> = settings
            .consumer(group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("auto.offset.reset", "latest")
            .create_with_context(Quiet)?;
        consumer.subscribe(&[positions])?;
        Ok(Self { consumer })
    }

    /// Takes part for so long, and tells the shards that are this node's at the end of it. It has to be called again and again:
    /// whoever is silent for five minutes is taken for dead.
    pub fn shards(&self, wait: Duration) -> Result<BTreeSet<i32>, Error> {
        // Partitions are paused, so that nothing comes but errors: those that matter end in an empty assignment.
        if let Some(Err(error)) = self.consumer.poll(wait) {
            tracing::debug!(%error, "the group of publishers");
        }
        let assignment = self.consumer.assignment()?;
        if self.consumer.assignment_lost() {
            return Ok(BTreeSet::new());
        }
        Ok(assignment
            .elements()
            .iter()
            .map(TopicPartitionListElem::partition)
            .collect())
    }
}
