//! Where and when something was measured.

use std::fs;
use std::thread;

/// One line: the date, the processor, its cores as this process may use them, the kernel.
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().as_deref().and_then(model);
    let cpu = cpu.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: String = kernel.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let date = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("Measured {date} on {cpu}, {cores} cores, {} {kernel}.", std::env::consts::OS)
}

/// The first processor's name, and its clock where the kernel tells.
fn model(cpuinfo: &str) -> Option<String> {
    let value = |key: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let name = value("model name")?;
    let clock = value("cpu MHz").and_then(|mhz| mhz.parse::<f64>().ok());
    Some(match clock {
        Some(mhz) => format!("{name} at {:.1} GHz", mhz / 1000.0),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_with_its_clock() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC\ncpu MHz\t\t: 2000.000\n";
        assert_eq!(model(text).as_deref(), Some("AMD EPYC at 2.0 GHz"));
        assert_eq!(model("Features : fp"), None);
    }
}
