//! How often a second, by the processor time of one thread.

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use unlapse_bench_report::Samples;

use crate::contender::Contender;

/// Samples of each, taken in turns, so that a noisy moment hits all of them.
pub(crate) const ROUNDS: usize = 21;
/// Time that one sample takes, about.
const SAMPLE: Duration = Duration::from_millis(40);

/// What was found of one contender, a value a round.
#[derive(Default)]
pub(crate) struct Rates {
    /// Verifications a second.
    pub(crate) rate: Samples,
    /// That, in parts of what the first contender did in the same round.
    pub(crate) share: Samples,
}

/// Verifications a second of each.
pub(crate) fn in_turns<const N: usize>(contenders: &[Box<dyn Contender>; N]) -> Result<[Rates; N]> {
    let mut times = [1; N];
    for (contender, times) in contenders.iter().zip(&mut times) {
        ensure!(contender.refuses_another(), "a forged token was accepted");
        // So many that a sample is long enough; warm by then.
        while timed(&**contender, *times)? < SAMPLE {
            *times *= 2;
        }
    }
    let mut found = std::array::from_fn(|_| Rates::default());
    for round in 0..ROUNDS {
        let mut rates = [0.0; N];
        for offset in 0..N {
            let which = (round + offset) % N;
            let spent = timed(&*contenders[which], times[which])?;
            rates[which] = f64::from(times[which]) / spent.as_secs_f64();
        }
        for (found, rate) in found.iter_mut().zip(rates) {
            found.rate.push(rate);
            found.share.push(rate / rates[0]);
        }
    }
    Ok(found)
}

fn timed(contender: &dyn Contender, times: u32) -> Result<Duration> {
    let start = own_time()?;
    contender.verify(times)?;
    Ok(own_time()?.saturating_sub(start))
}

/// This thread's own time: what others do to the processor meanwhile does not count.
fn own_time() -> Result<Duration> {
    Ok(Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))?)
}
