//! Histograms with explicit or exponential buckets, in two layers: what came since the last
//! collection, and what was collected before.

use super::finite::Finite;
use crate::config::settings::Histograms;

/// One histogram of one series.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    pub(super) new: Layer,
    pub(super) collected: Layer,
}

/// Observations of some time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) buckets: Buckets,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Buckets {
    Explicit { bounds: &'static [f64], counts: Box<[u64]> },
    Exponential { scale: i32, zero: u64, offset: i32, counts: Vec<u64> },
}

impl Buckets {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Explicit { bounds, .. } => bounds.len() + 1,
            Self::Exponential { counts, .. } => counts.len(),
        }
    }
}

impl Histogram {
    pub(super) fn new(shape: Histograms, bounds: &'static [f64]) -> Self {
        let layer = Layer::new(shape, bounds);
        Self { new: layer.clone(), collected: layer }
    }

    pub(super) fn record(&mut self, value: Finite) {
        self.new.record(value.get());
    }

    /// Moves what is new to what was collected; gives the new part, or everything.
    pub(super) fn collect(&mut self, delta: bool) -> Option<Layer> {
        if delta && self.new.count == 0 {
            return None;
        }
        let new = self.new.take();
        if delta {
            return Some(new);
        }
        self.collected.merge(&new);
        (self.collected.count > 0).then(|| self.collected.clone())
    }
}

impl Layer {
    fn new(shape: Histograms, bounds: &'static [f64]) -> Self {
        let buckets = match shape {
            Histograms::ExplicitBuckets => {
                Buckets::Explicit { bounds, counts: vec![0; bounds.len() + 1].into() }
            }
            Histograms::Base2Exponential => {
                Buckets::Exponential { scale: MAX_SCALE, zero: 0, offset: 0, counts: Vec::new() }
            }
        };
        Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, buckets }
    }

    /// Leaves this one empty, with its room.
    fn take(&mut self) -> Self {
        let taken = self.clone();
        *self = Self {
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            ..taken.clone()
        };
        match &mut self.buckets {
            Buckets::Explicit { counts, .. } => counts.fill(0),
            Buckets::Exponential { scale, zero, offset, counts } => {
                (*scale, *zero, *offset) = (MAX_SCALE, 0, 0);
                counts.clear();
            }
        }
        taken
    }

    fn record(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        match &mut self.buckets {
            Buckets::Explicit { bounds, counts } => {
                counts[bounds.partition_point(|bound| *bound < value)] += 1;
            }
            Buckets::Exponential { zero, .. } if value <= 0.0 => *zero += 1,
            Buckets::Exponential { scale, offset, counts, .. } => {
                add(scale, offset, counts, index(value, *scale), 1, *scale);
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        match (&mut self.buckets, &other.buckets) {
            (Buckets::Explicit { counts, .. }, Buckets::Explicit { counts: others, .. }) => {
                counts.iter_mut().zip(others).for_each(|(own, other)| *own += other);
            }
            (
                Buckets::Exponential { scale, zero, offset, counts },
                Buckets::Exponential { scale: from, zero: zeros, offset: first, counts: others },
            ) => {
                *zero += zeros;
                for (at, n) in others.iter().enumerate().filter(|(_, n)| **n > 0) {
                    add(scale, offset, counts, first + at as i32, *n, *from);
                }
            }
            // One store has histograms of one shape.
            _ => {}
        }
    }
}

/// The exponential bucket of a value: `base^index < value <= base^(index + 1)`.
fn index(value: f64, scale: i32) -> i32 {
    ((value.log2() * f64::from(scale).exp2()).ceil() as i32).saturating_sub(1)
}

/// Adds to a bucket of scale `from`, giving up resolution where there are too many buckets.
fn add(scale: &mut i32, offset: &mut i32, counts: &mut Vec<u64>, index: i32, n: u64, from: i32) {
    if counts.is_empty() {
        *scale = (*scale).min(from);
    }
    while *scale > from {
        halve(scale, offset, counts);
    }
    loop {
        let index = index >> (from - *scale);
        if counts.is_empty() {
            *offset = index;
            counts.push(n);
            return;
        }
        let low = (*offset).min(index);
        let high = (*offset + counts.len() as i32 - 1).max(index);
        if i64::from(high) - i64::from(low) < MAX_BUCKETS {
            if index < *offset {
                let room = (*offset - index) as usize;
                counts.splice(..0, std::iter::repeat_n(0, room));
                *offset = index;
            }
            let at = (index - *offset) as usize;
            if at >= counts.len() {
                counts.resize(at + 1, 0);
            }
            counts[at] += n;
            return;
        }
        halve(scale, offset, counts);
    }
}

fn halve(scale: &mut i32, offset: &mut i32, counts: &mut Vec<u64>) {
    *scale -= 1;
    let first = *offset >> 1;
    let mut halved = Vec::with_capacity(counts.len() / 2 + 1);
    for (at, n) in counts.iter().enumerate() {
        let to = (((*offset + at as i32) >> 1) - first) as usize;
        if to >= halved.len() {
            halved.resize(to + 1, 0);
        }
        halved[to] += n;
    }
    (*offset, *counts) = (first, halved);
}

const MAX_SCALE: i32 = 20;
/// The default of the specification.
const MAX_BUCKETS: i64 = 160;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Counter;

    fn finite(value: f64) -> Finite {
        Finite::of(value, &Counter::default()).expect("finite")
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_below() {
        let mut histogram = Histogram::new(Histograms::ExplicitBuckets, &[1.0, 4.0]);
        for value in [0.0, 1.0, 1.5, 4.0, 4.1] {
            histogram.record(finite(value));
        }
        let layer = histogram.collect(true).expect("observations");
        let Buckets::Explicit { counts, .. } = layer.buckets else { panic!("explicit") };
        assert_eq!(*counts, [2, 2, 1]);
        assert_eq!(histogram.collect(true), None);
    }

    #[test]
    fn exponential_buckets_hold_every_value() {
        let mut histogram = Histogram::new(Histograms::Base2Exponential, &[]);
        let values = [0.0, 1e-9, 0.001, 0.5, 1.0, 2.0, 3.0, 1e6];
        for round in 0..2 {
            values.iter().for_each(|value| histogram.record(finite(*value)));
            let layer = histogram.collect(false).expect("observations");
            let Buckets::Exponential { scale, zero, offset, counts } = &layer.buckets else {
                panic!("exponential")
            };
            assert_eq!(*zero + counts.iter().sum::<u64>(), layer.count);
            assert_eq!(layer.count, (round + 1) * values.len() as u64);
            assert!(counts.len() <= 160);
            for value in &values[1..] {
                let at = index(*value, *scale) - offset;
                assert!(counts[usize::try_from(at).expect("inside")] > 0, "{value}");
            }
        }
    }
}
