//! Which generation is served at the start: the one that the pointer names if today's code can query it, else one that is
//! built before anything is answered, by one node while the others wait.

use std::sync::Arc;

use crate::{
    generation::{Generation, Setup},
    home::Shelf,
    reads::{ReadError, TURN},
    store::GenerationRow,
};

/// Deletes all that is neither served nor pointed to, nor open on any node.
pub async fn tidy(shelf: &dyn Shelf, served: u64) {
    let (Ok(Some(current)), Ok(numbers)) = (shelf.current().await, shelf.numbers().await) else {
        return;
    };
    for number in numbers {
        if ![served, current].contains(&number) {
            shelf.remove(number).await;
        }
    }
}

/// The generation to serve, followed from now on; and whether today's code built it.
pub async fn find_or_build(shelf: &dyn Shelf, setup: &Arc<Setup>) -> Result<(Generation, bool), ReadError> {
    let mut told = false;
    loop {
        if let Some(found) = existing(shelf, setup).await? {
            return Ok(found);
        }
        let turn = if setup.follow { shelf.turn().await? } else { None };
        if turn.is_some() {
            // Another may have built it just before.
            if let Some(found) = existing(shelf, setup).await? {
                return Ok(found);
            }
            if let Some(built) = first(shelf, setup).await? {
                return Ok((built, true));
            }
            continue;
        }
        if !std::mem::replace(&mut told, true) {
            tracing::info!("waiting until a node with the worker role has built the read models");
        }
        tokio::time::sleep(TURN).await;
    }
}

/// The generation that was served last, if it can be queried, followed from now on; and whether today's code built it.
async fn existing(shelf: &dyn Shelf, setup: &Arc<Setup>) -> Result<Option<(Generation, bool)>, ReadError> {
    let Some(number) = shelf.current().await? else {
        return Ok(None);
    };
    let today = setup.built_by();
    let opened = async {
        let opened = open(shelf, number).await?;
        let Some((generation, built_by)) = opened else {
            return Ok(None);
        };
        if built_by.shape != today.shape {
            generation.store.close().await;
            return Ok(None);
        }
        generation.follow(setup, setup.follow).await?;
        Ok(Some((generation, built_by.fingerprint == today.fingerprint)))
    };
    match opened.await {
        // A file that cannot be opened is damaged; a database that does not answer will.
        Err(error) if !shelf.is_shared() => {
            tracing::warn!(%error, "the read models cannot be opened: building new ones");
            Ok(None)
        }
        outcome => outcome,
    }
}

/// Opens a generation that is pointed to, if it is still there, and says what built it.
pub async fn open(shelf: &dyn Shelf, number: u64) -> Result<Option<(Generation, GenerationRow)>, ReadError> {
    let generation = Generation::open(shelf, number).await?;
    // From here on nobody deletes it, but somebody may have done so.
    if shelf.current().await? == Some(number)
        && let Some(built_by) = generation.store.built_by().await?
    {
        return Ok(Some((generation, built_by)));
    }
    generation.store.close().await;
    Ok(None)
}

/// A generation where none can be served: built before anything is answered. One that was begun is gone on with. `None` where
/// another node, who found the turn free, has built a later one.
async fn first(shelf: &dyn Shelf, setup: &Arc<Setup>) -> Result<Option<Generation>, ReadError> {
    let generation = match begun(shelf, setup).await? {
        Some(generation) => generation,
        None => Generation::make(shelf, setup).await?,
    };
    generation.follow(setup, true).await?;
    // Without an old one, what is stopped is as good as it gets: it is told, and goes on when it can.
    loop {
        let _ = generation.catch_up(None, false).await;
        if generation.finish(setup).await? {
            break;
        }
    }
    if shelf.point_to(generation.number).await? {
        return Ok(Some(generation));
    }
    generation.discard(shelf).await;
    Ok(None)
}

/// An unfinished generation, if today's code began it.
async fn begun(shelf: &dyn Shelf, setup: &Setup) -> Result<Option<Generation>, ReadError> {
    let current = shelf.current().await?;
    let last = shelf.numbers().await?.last().copied();
    // Where other nodes are, what the pointer does not name may be theirs. What lies behind it is never served.
    let is_ours = current.is_none() || !shelf.is_shared();
    let pointer = shelf.pointer().await?;
    let Some(begun) = last.filter(|last| is_ours && Some(*last) > pointer) else {
        return Ok(None);
    };
    let Ok(generation) = Generation::open(shelf, begun).await else {
        return Ok(None);
    };
    if generation.store.built_by().await == Ok(Some(setup.built_by())) {
        generation.store.hurry().await?;
        return Ok(Some(generation));
    }
    generation.store.close().await;
    Ok(None)
}
