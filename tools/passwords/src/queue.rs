//! The bounded queue before the hashing threads: what does not fit is refused at once, what nobody waits for
//! is not done. A short queue is the point: an answer that comes after its caller gave up is work that was
//! stolen from somebody else.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::HashError;

/// A piece of work that somebody waits for.
pub(crate) trait Job {
    /// Whether the one who asked has gone away.
    fn is_abandoned(&self) -> bool;
}

/// What a thread goes on with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<J> {
    /// A job that somebody waits for.
    Job(J),
    /// There was none for as long as the thread wanted to wait.
    Idle,
    /// There will be none.
    Closed,
}

/// A queue of at most `capacity` jobs, shared by callers and threads.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    ready: Condvar,
    capacity: usize,
    workers: usize,
    /// Moving average of the time that one job takes, in microseconds.
    average_micros: AtomicU64,
}

struct State<J> {
    jobs: VecDeque<J>,
    /// Places that are kept for those who have something to do before they wait.
    kept: usize,
    closed: bool,
}

impl<J: Job> Queue<J> {
    /// An empty queue before so many threads. Until one was measured, a job is taken to last as long as
    /// `first_guess`.
    pub(crate) fn new(capacity: usize, workers: usize, first_guess: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                kept: 0,
                closed: false,
            }),
            ready: Condvar::new(),
            capacity,
            workers,
            average_micros: AtomicU64::new(micros(first_guess)),
        }
    }

    /// Puts a job at the end, or refuses it at once.
    pub(crate) fn admit(&self, job: J) -> Result<(), HashError> {
        let mut state = self.lock();
        self.make_room(&mut state)?;
        self.push(state, job);
        Ok(())
    }

    /// Keeps a place for a job that comes soon, or refuses it at once.
    pub(crate) fn keep_place(&self) -> Result<(), HashError> {
        let mut state = self.lock();
        self.make_room(&mut state)?;
        state.kept += 1;
        Ok(())
    }

    /// Gives a kept place up.
    pub(crate) fn give_place_up(&self) {
        let mut state = self.lock();
        state.kept = state.kept.saturating_sub(1);
    }

    /// Puts a job into a kept place.
    pub(crate) fn take_place(&self, job: J) -> Result<(), HashError> {
        let mut state = self.lock();
        state.kept = state.kept.saturating_sub(1);
        if state.closed {
            return Err(HashError::Stopped);
        }
        self.push(state, job);
        Ok(())
    }

    fn make_room(&self, state: &mut State<J>) -> Result<(), HashError> {
        if state.closed {
            return Err(HashError::Stopped);
        }
        if state.jobs.len() + state.kept >= self.capacity {
            // Those who hung up must not keep out those who are there.
            state.jobs.retain(|waiting| !waiting.is_abandoned());
        }
        let waiting = state.jobs.len() + state.kept;
        if waiting >= self.capacity {
            counter!("chancery_password_refused_total").increment(1);
            return Err(HashError::Overloaded {
                retry_after_seconds: self.seconds_to_work_off(waiting),
            });
        }
        Ok(())
    }

    fn push(&self, mut state: MutexGuard<'_, State<J>>, job: J) {
        state.jobs.push_back(job);
        report_depth(&state);
        drop(state);
        self.ready.notify_one();
    }

    /// The next job that somebody still waits for. Waits for one, if it is told how long, no longer than that.
    pub(crate) fn next(&self, patience: Option<Duration>) -> Next<J> {
        let mut state = self.lock();
        let mut waited = false;
        loop {
            if state.closed {
                return Next::Closed;
            }
            while let Some(job) = state.jobs.pop_front() {
                if !job.is_abandoned() {
                    report_depth(&state);
                    return Next::Job(job);
                }
            }
            report_depth(&state);
            if waited {
                return Next::Idle;
            }
            state = match patience {
                None => self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let woken = self.ready.wait_timeout(state, patience);
                    let (state, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                    waited = timeout.timed_out();
                    state
                }
            };
        }
    }

    /// Takes note of how long a job took.
    pub(crate) fn finished(&self, took: Duration) {
        histogram!("chancery_password_hash_seconds").record(took.as_secs_f64());
        // An eighth of the new value each time: steady against outliers, new within a dozen jobs. A lost
        // update does no harm.
        let average = self.average_micros.load(Ordering::Relaxed);
        self.average_micros
            .store(average - average / 8 + micros(took) / 8, Ordering::Relaxed);
    }

    /// Lets the threads go and drops what waits; whoever waits for it is told so.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.jobs.clear();
        report_depth(&state);
        drop(state);
        self.ready.notify_all();
    }

    /// How many jobs wait.
    pub(crate) fn depth(&self) -> usize {
        self.lock().jobs.len()
    }

    fn seconds_to_work_off(&self, jobs: usize) -> u64 {
        let rounds = jobs.div_ceil(self.workers.max(1)) as u64;
        rounds
            .saturating_mul(self.average_micros.load(Ordering::Relaxed))
            .div_ceil(1_000_000)
            .max(1)
    }

    /// A thread that panicked leaves the queue as it was: nothing in it is ever half done.
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report_depth<J>(state: &State<J>) {
    gauge!("chancery_password_queue_depth")
        .set(u32::try_from(state.jobs.len()).map_or(f64::INFINITY, f64::from));
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[derive(Clone)]
    struct Waiting(u32, Arc<AtomicBool>);

    impl Job for Waiting {
        fn is_abandoned(&self) -> bool {
            self.1.load(Ordering::SeqCst)
        }
    }

    fn job(number: u32) -> Waiting {
        Waiting(number, Arc::default())
    }

    fn queue(capacity: usize) -> Queue<Waiting> {
        Queue::new(capacity, 2, Duration::from_millis(300))
    }

    /// The number of the next job, which must be there.
    fn next(queue: &Queue<Waiting>) -> u32 {
        match queue.next(None) {
            Next::Job(Waiting(number, _)) => number,
            Next::Idle | Next::Closed => panic!("no job"),
        }
    }

    #[test]
    fn jobs_come_out_in_the_order_in_which_they_came() {
        let queue = queue(3);
        for number in 1..=3 {
            queue.admit(job(number)).unwrap();
        }
        assert_eq!([(); 3].map(|()| next(&queue)), [1, 2, 3]);
        assert_eq!(queue.depth(), 0);
    }

    #[test]
    fn a_job_too_many_is_refused_with_the_time_that_the_others_will_take() {
        let queue = queue(9);
        for number in 0..9 {
            queue.admit(job(number)).unwrap();
        }
        // Five rounds of two threads, 300 ms each.
        assert_eq!(
            queue.admit(job(9)),
            Err(HashError::Overloaded {
                retry_after_seconds: 2
            })
        );
        for _ in 0..100 {
            queue.finished(Duration::from_millis(20));
        }
        assert_eq!(
            queue.admit(job(9)),
            Err(HashError::Overloaded {
                retry_after_seconds: 1
            })
        );
        assert_eq!(queue.depth(), 9);
    }

    #[test]
    fn those_who_went_away_are_neither_served_nor_in_the_way() {
        let queue = queue(2);
        let (first, second) = (job(1), job(2));
        queue.admit(first.clone()).unwrap();
        queue.admit(second).unwrap();
        assert!(queue.admit(job(3)).is_err());
        first.1.store(true, Ordering::SeqCst);
        queue.admit(job(3)).unwrap();
        assert_eq!([(); 2].map(|()| next(&queue)), [2, 3]);
    }

    #[test]
    fn a_thread_that_waited_long_enough_is_told_so() {
        let queue = queue(2);
        let patience = Some(Duration::from_millis(1));
        assert!(matches!(queue.next(patience), Next::Idle));
        queue.admit(job(1)).unwrap();
        assert!(matches!(queue.next(patience), Next::Job(_)));
    }

    #[test]
    fn a_closed_queue_admits_nothing_and_lets_those_go_who_wait() {
        let queue = Arc::new(queue(2));
        let thread = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || matches!(queue.next(None), Next::Closed)
        });
        queue.close();
        assert!(thread.join().unwrap());
        assert_eq!(queue.admit(job(1)), Err(HashError::Stopped));
    }
}
