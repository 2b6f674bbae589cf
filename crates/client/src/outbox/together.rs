//! Several futures in one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Runs `futures` to their ends, `most` of them at once, so that one that hangs delays no other
/// (R17). Their results, in no order.
pub(super) async fn together<T>(
    most: usize,
    futures: impl IntoIterator<Item = impl Future<Output = T> + Send>,
) -> Vec<T> {
    let mut waiting = futures.into_iter();
    let mut running: Vec<Pin<Box<_>>> = Vec::new();
    let mut done = Vec::new();
    poll_fn(move |context| {
        loop {
            while running.len() < most.max(1)
                && let Some(next) = waiting.next()
            {
                running.push(Box::pin(next));
            }
            let before = done.len();
            running.retain_mut(|future| match future.as_mut().poll(context) {
                Poll::Ready(result) => {
                    done.push(result);
                    false
                }
                Poll::Pending => true,
            });
            if running.is_empty() && done.len() == before {
                return Poll::Ready(std::mem::take(&mut done));
            }
            // Whoever takes the place of one that has ended has to be asked once.
            if done.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn r17_so_many_at_once_and_every_one_to_its_end() {
        let (now, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |number: usize| {
            let (now, peak) = (&now, &peak);
            async move {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..number % 4 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                number
            }
        };
        let mut done = together(3, (0..20).map(work)).await;
        done.sort_unstable();
        assert_eq!(done, (0..20).collect::<Vec<_>>());
        assert_eq!(peak.load(Ordering::SeqCst), 3);
        assert!(together(3, (0..0).map(work)).await.is_empty());
    }
}
