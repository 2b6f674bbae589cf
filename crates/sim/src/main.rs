//! Breaks renewals on purpose.
#![allow(clippy::print_stdout, reason = "a command")]
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |n: usize| args.get(n).map(String::as_str).unwrap_or_default();
    match arg(0) {
        "ex" => {
            let mut runs = 0u64;
            let mut bad = 0;
            let mut kinds = std::collections::BTreeMap::new();
            for (i, case) in unlapse_sim::exhaustive::cases(None).iter().enumerate() {
                if !arg(1).is_empty() && arg(1) != "all" && !case.name().contains(arg(1)) {
                    continue;
                }
                let mut first = true;
                case.run(|struck, outcome| {
                    runs += 1;
                    if !outcome.violations.is_empty() {
                        bad += 1;
                        *kinds
                            .entry((
                                outcome.violations[0].invariant,
                                case.name().split(',').next().unwrap().to_string(),
                            ))
                            .or_insert(0) += 1;
                        if first {
                            println!(
                                "{i} {} [{struck}]: {} {} at {:?}",
                                case.name(),
                                outcome.violations[0].invariant,
                                outcome.violations[0].what,
                                outcome.violations[0].at
                            );
                            first = false;
                        }
                    }
                    true
                });
            }
            println!("{runs} runs, {bad} bad {kinds:#?}");
        }
        "seeds" => {
            let n: u64 = arg(2).parse().unwrap();
            let from: u64 = arg(1).parse().unwrap();
            let mut bad = 0;
            let mut steps = 0;
            let mut kinds = std::collections::BTreeMap::new();
            for seed in from..from + n {
                let outcome =
                    unlapse_sim::run(&unlapse_sim::random::setup(seed, None), seed, false);
                steps += outcome.steps;
                if outcome.steps > 20000 {
                    println!("{} {} steps {:?}", outcome.name, outcome.steps, outcome.faults);
                }
                if !outcome.violations.is_empty() {
                    bad += 1;
                    let v = &outcome.violations[0];
                    let e = kinds.entry(v.invariant).or_insert((0, String::new()));
                    e.0 += 1;
                    if e.1.is_empty() {
                        e.1 = format!("{}: {} at {:?}", outcome.name, v.what, v.at);
                    }
                }
            }
            println!("{n} seeds, {steps} steps, {bad} bad {kinds:#?}");
        }
        "seed" => {
            let seed: u64 = arg(1).parse().unwrap();
            let outcome = unlapse_sim::run(&unlapse_sim::random::setup(seed, None), seed, true);
            for e in &outcome.entries {
                println!(
                    "{:>9.3} {:>8} {:>5} {}",
                    e.at.as_secs_f64(),
                    e.who.to_string(),
                    e.step,
                    e.what
                );
            }
            println!(
                "{} {:x} {:#?} {:?}",
                outcome.name, outcome.hash, outcome.violations, outcome.lost
            );
        }
        "case" => {
            let cases = unlapse_sim::exhaustive::cases(None);
            let case = &cases[arg(1).parse::<usize>().unwrap()];
            let fault = arg(3).to_string();
            let step = arg(2).parse().unwrap_or(0);
            let mut done = false;
            case.run(|struck, _| {
                if !done
                    && (step == 0 && struck.0.is_empty()
                        || struck.0.len() == 1
                            && struck.0[0].0 == step
                            && format!("{:?}", struck.0[0].1).contains(&fault))
                {
                    done = true;
                    let o = case.replay(&struck.0, true);
                    for e in &o.entries {
                        println!(
                            "{:>9.3} {:>8} {:>5} {}",
                            e.at.as_secs_f64(),
                            e.who.to_string(),
                            e.step,
                            e.what
                        );
                    }
                    println!("{} {:#?}", o.name, o.violations);
                }
                !done
            });
        }
        _ => {}
    }
}
