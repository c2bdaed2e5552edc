//! Time as an input: the clock of a heap and the cost model that drives it.
//!
//! A heap never asks the operating system what time it is. It asks a [`Clock`] and, after each piece of work, tells the
//! clock how long a [`CostModel`] says that work takes. With a [`VirtualClock`] everything that V8 decides by time
//! (mutator utilisation, throughputs, the end of concurrent marking) is then reproducible on any machine. A
//! [`RealClock`] can be put in its place. This module touches no heap and no policy; what always holds is that a
//! clock never goes backwards.

mod clock;
mod cost;

pub use clock::{Clock, RealClock, VirtualClock, ms_to_ns, ns_to_ms};
pub use cost::{CostModel, MarkCompactWork};
