//! Metrics on their way to the destinations: a signal whose items are collected by a clock.

mod clock;
mod collector;
mod otlp;
mod point;
mod signal;

pub(super) use collector::Metrics;
