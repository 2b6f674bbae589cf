//! A call that goes on when its caller is gone (R6).

use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// A call that is under way. Its owner sees to it that it is never dropped before its end.
pub(super) struct Call<T> {
    runtime: Handle,
    work: Work<T>,
}

enum Work<T> {
    /// Whoever waits does it.
    Here(Pin<Box<dyn Future<Output = T> + Send + Sync>>),
    OnTask(JoinHandle<T>),
    /// It was done, or cut off.
    Nothing,
}

impl<T: Send + 'static> Call<T> {
    /// One that whoever waits for it does, on whichever executor that is. Should the wait be dropped, a
    /// task does the rest; a wait that is neither polled nor dropped keeps it where it is. Not for what
    /// needs a runtime of tokio.
    pub(super) fn here(
        runtime: Handle,
        call: impl Future<Output = T> + Send + Sync + 'static,
    ) -> Self {
        Self { runtime, work: Work::Here(Box::pin(call)) }
    }

    /// One that a task of `runtime` does.
    pub(super) fn on_task(runtime: Handle, call: impl Future<Output = T> + Send + 'static) -> Self {
        let work = Work::OnTask(runtime.spawn(call));
        Self { runtime, work }
    }

    /// Waits for what it comes to; `None` when it was cut off: it panicked, or the runtime has ended.
    pub(super) fn wait(&mut self) -> impl Future<Output = Option<T>> + Send + '_ {
        Waiting(self)
    }
}

/// Dropped before the end, it leaves the call to a task.
struct Waiting<'a, T: Send + 'static>(&'a mut Call<T>);

impl<T: Send + 'static> Future for Waiting<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let call = &mut *self.0;
        match core::mem::replace(&mut call.work, Work::Nothing) {
            Work::Here(mut work) => {
                // As a task would: a seal that panics is no reason to lose what was to be sealed.
                match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
                    Ok(Poll::Ready(done)) => return Poll::Ready(Some(done)),
                    Ok(Poll::Pending) => call.work = Work::Here(work),
                    Err(_) => return Poll::Ready(None),
                }
            }
            Work::OnTask(mut task) => match Pin::new(&mut task).poll(context) {
                Poll::Ready(done) => return Poll::Ready(done.ok()),
                Poll::Pending => call.work = Work::OnTask(task),
            },
            Work::Nothing => return Poll::Ready(None),
        }
        Poll::Pending
    }
}

impl<T: Send + 'static> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        let work = core::mem::replace(&mut self.0.work, Work::Nothing);
        self.0.work = match work {
            Work::Here(call) => Work::OnTask(self.0.runtime.spawn(call)),
            other => other,
        };
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::poll_once;
    use tokio::sync::oneshot;

    use super::*;

    /// A call that ends with what it is told, and tells when it has.
    fn told() -> (oneshot::Sender<u8>, oneshot::Receiver<()>, Call<u8>) {
        let (tell, told) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let call = async move {
            let told = told.await.unwrap_or_default();
            let _ = ended.send(());
            told
        };
        (tell, end, Call::here(Handle::current(), call))
    }

    #[tokio::test]
    async fn r6_a_call_is_done_by_whoever_waits_and_else_by_a_task() {
        let (tell, mut end, mut call) = told();
        tell.send(7).expect("it waits");
        tokio::task::yield_now().await;
        assert!(end.try_recv().is_err(), "nobody does it");
        assert_eq!(call.wait().await, Some(7));
        let (tell, end, mut call) = told();
        // Whoever waited is gone, and nobody ever asks.
        let _ = poll_once(call.wait()).await;
        tell.send(7).expect("it goes on");
        end.await.expect("it has come to its end");
        assert_eq!(call.wait().await, Some(7), "who asks then is told");
        let (tell, _, mut call) = told();
        for _ in 0..3 {
            assert_eq!(poll_once(call.wait()).await, None);
        }
        tell.send(7).expect("it goes on");
        assert_eq!(call.wait().await, Some(7));
    }

    #[tokio::test]
    async fn r6_a_call_that_is_cut_off_has_come_to_nothing() {
        let cut_off = || async { panic!("of the test") };
        let runtime = Handle::current();
        for mut call in [
            Call::<()>::here(runtime.clone(), cut_off()),
            Call::<()>::on_task(runtime.clone(), cut_off()),
        ] {
            assert_eq!(call.wait().await, None);
            assert_eq!(call.wait().await, None);
        }
    }
}
