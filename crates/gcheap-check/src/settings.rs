//! The heap that a program runs on.

use crate::random::Random;
use crate::restless::Restless;
use gcheap::policy::{Flags, Policy, V8Policy};
use gcheap::profile::Profile;
use gcheap::time::CostModel;
use gcheap::{BackendKind, HeapOptions};

/// The heap that a program runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Node major.
    pub node: u32,
    /// `--max-old-space-size`, MB.
    pub max_old_space_mb: u64,
    /// `--max-semi-space-size`, MB.
    pub max_semi_space_mb: u64,
    /// Start with what a fresh Node holds.
    pub baseline: bool,
    /// Use the portable backend.
    pub portable: bool,
    /// Decide by chance, with this seed, instead of as V8.
    pub restless: Option<u64>,
    /// Verify after every collection.
    pub verify: bool,
    /// Compare heap and model completely after every this many operations, besides where the program says so; 0 for never.
    pub compare_every: u64,
    /// A nursery of so many bytes in place of V8's semi-spaces.
    pub nursery: Option<u64>,
    /// The program makes nothing that has a collection of a nursery look at it (weak objects, array buffers, allocation sites,
    /// stress), so that nurseries are handed over whole.
    pub plain: bool,
}

impl Settings {
    /// Settings that vary with the seed over all profiles, backends and small limits.
    ///
    /// ```
    /// use gcheap::profile::Profile;
    /// assert!(Profile::for_node(gcheap_check::Settings::from_seed(3).node).is_some());
    /// ```
    pub fn from_seed(seed: u64) -> Settings {
        let mut random = Random::new(seed ^ 0x0bad_cafe);
        let mut settings = Settings {
            node: random.pick(&[10, 12, 18, 20, 22, 24, 26]),
            max_old_space_mb: random.pick(&[4, 6, 8, 12, 16, 24, 32, 64]),
            max_semi_space_mb: random.pick(&[1, 1, 2, 4]),
            baseline: random.below(3) == 0,
            portable: random.below(3) == 0,
            restless: (random.below(2) == 0).then_some(seed),
            // A walk over the heap after every collection costs more than all the rest.
            verify: random.below(4) == 0,
            compare_every: 0,
            nursery: (random.below(4) == 0).then(|| random.pick(&[1, 256 << 10, 1 << 20, 4 << 20])),
            plain: false,
        };
        settings.plain = settings.nursery.is_some() && random.below(2) == 0;
        settings
    }

    /// The options of the heap; `policy` instead of the settings' own, if there is one.
    ///
    /// # Errors
    /// There is no profile for the Node major.
    pub(crate) fn options(&self, policy: Option<Box<dyn Policy>>) -> Result<HeapOptions, String> {
        let profile = Profile::for_node(self.node).ok_or_else(|| format!("no profile for Node {}", self.node))?;
        Ok(HeapOptions {
            profile,
            flags: Flags {
                max_old_space_size_mb: Some(self.max_old_space_mb),
                max_semi_space_size_mb: Some(self.max_semi_space_mb),
                ..Flags::default()
            },
            baseline: self.baseline,
            nursery: self.nursery,
            backend: if self.portable { BackendKind::Portable } else { BackendKind::default() },
            verify: self.verify,
            prefault: true,
            // Markers so slow that the program changes much under them.
            cost: self.restless.map(|_| CostModel { concurrent_marking_ns_per_byte: 40.0, ..CostModel::REFERENCE }),
            policy: match (policy, self.restless) {
                (Some(policy), _) => policy,
                (None, Some(seed)) => Box::new(Restless::new(seed)),
                (None, None) => Box::new(V8Policy),
            },
            ..HeapOptions::default()
        })
    }
}
