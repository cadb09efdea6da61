//! Runs each target over its seeds and some thousand inputs made of them, always the same ones: what `cargo test` can do
//! without a fuzzer. `TIDEGATE_FUZZ_RUNS` says how many.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tidegate_fuzz::{TARGETS, Target};

/// So many made inputs of each target.
const RUNS: usize = 20_000;
/// An input that takes longer is a failure.
const INPUT_TIME: Duration = Duration::from_secs(5);
/// The most bytes of a made input.
const INPUT_BYTES: usize = 4096;

#[test]
fn what_must_hold_holds_for_seeds_and_what_is_made_of_them() {
    let runs = std::env::var("TIDEGATE_FUZZ_RUNS");
    let runs = runs.map_or(RUNS, |runs| runs.parse().unwrap());
    let mut failed = Vec::new();
    std::thread::scope(|scope| {
        let started: Vec<_> = TARGETS
            .iter()
            .map(|target| scope.spawn(move || replay(target, runs)))
            .collect();
        for thread in started {
            failed.extend(thread.join().unwrap().err());
        }
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn each_target_has_seeds_and_a_fuzz_target() {
    for (name, _) in TARGETS {
        assert!(!seeds(name).is_empty(), "tests/fuzz/seeds/{name} is empty");
        let file = here().join(format!("libfuzzer/targets/{name}.rs"));
        let source = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            source.contains(&format!("tidegate_fuzz::{name}::run")),
            "{} does not run {name}",
            file.display()
        );
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = std::fs::read_dir(here().join("seeds").join(name));
    let mut files: Vec<PathBuf> = folder
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

fn replay((name, run): &Target, runs: usize) -> Result<(), String> {
    let seeds = seeds(name);
    for seed in &seeds {
        once(name, *run, seed)?;
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..runs {
        let input = made(&mut random, &seeds);
        once(name, *run, &input)?;
    }
    Ok(())
}

fn once(name: &str, run: fn(&[u8]), input: &[u8]) -> Result<(), String> {
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| run(input)));
    let what = match outcome {
        Err(_) => "panics; the reason stands above",
        Ok(()) if started.elapsed() > INPUT_TIME => "takes too long",
        Ok(()) => return Ok(()),
    };
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    std::fs::write(&file, input).unwrap();
    Err(format!(
        "{name} {what}. The input is in {}; once it is put into tests/fuzz/seeds/{name}, this test runs it first",
        file.display()
    ))
}

/// A seed, or two, with some changes.
fn made(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = match random.below(8) {
        0 => Vec::new(),
        _ => seeds[random.below(seeds.len())].clone(),
    };
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        match random.below(7) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = random.byte(),
            2 => drop(input.splice(at..at, (0..=random.below(8)).map(|_| random.byte()))),
            3 => drop(input.drain(at..(at + 1 + random.below(8)).min(input.len()).max(at))),
            4 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(32)).min(other.len());
                drop(input.splice(at..at, other[from..to].iter().copied()));
            }
            5 => {
                let number: u32 = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 256][random.below(6)];
                let bytes = number.to_le_bytes();
                for (byte, new) in input.iter_mut().skip(at).zip(bytes) {
                    *byte = new;
                }
            }
            _ => input.extend((0..random.below(64)).map(|_| random.byte())),
        }
    }
    input.truncate(INPUT_BYTES);
    input
}

/// Xorshift: the same numbers each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
