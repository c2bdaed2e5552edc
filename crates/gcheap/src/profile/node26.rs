//! Node 26: V8 14.6.
//!
//! New space is committed page by page here, failed allocations check the limit late, and the ineffective rule waits for 95 %.
//!
//! The process starts with one page less than the baseline says: old space maps its twelfth page between the first
//! statement and the first scavenge. The baseline holds the later state, because every collection sees that one.

use super::{
    Baseline, BaselineSpace, CollectionRules, ExternalRules, GrowingRules, IneffectiveMoment, IneffectiveRules,
    InitialShrinking, KIB, LargeMemory, LimitBound, LimitRules, MIB, NewSpaceRules, ObjectSizes, PageRules,
    PretenuringRules, PretenuringThreshold, Profile, PromotionRoom, RecomputeMoment, ResizeMoment, SoftLimit,
    ThroughputModel, TracerRules, YoungSize,
};
use crate::event::SpaceName;
use crate::time::CostModel;
use crate::trace::Dialect;

/// Node 26.
///
/// ```
/// assert_eq!(gcheap::profile::NODE_26.node_major, 26);
/// ```
pub static NODE_26: Profile = Profile {
    node_major: 26,
    node_version: "26.10.0",
    v8_version: "14.6.202.34-node.34",
    dialect: Dialect::V8_14_6,
    spaces: &[
        SpaceName::ReadOnly,
        SpaceName::New,
        SpaceName::Old,
        SpaceName::Code,
        SpaceName::Shared,
        SpaceName::Trusted,
        SpaceName::SharedTrusted,
        SpaceName::NewLargeObject,
        SpaceName::LargeObject,
        SpaceName::CodeLargeObject,
        SpaceName::SharedLargeObject,
        SpaceName::SharedTrustedLargeObject,
        SpaceName::TrustedLargeObject,
    ],
    pages: PageRules { size: 256 * KIB, header: 16, os_page: 4 * KIB, max_regular_object: 128 * KIB },
    limits: LimitRules {
        default_max_semi_space: 32 * MIB,
        default_min_semi_space: MIB,
        young: YoungSize::FromMemory { divisor: 32, min: 2 * MIB },
        low_memory_old_generation: 256 * MIB,
        min_old_generation_from_memory: 256 * MIB,
        max_old_generation_from_memory: 2_048 * MIB,
        large_memory: LargeMemory::From15Gib,
        default_max_old_generation: 1_400 * MIB,
        max_initial_old_generation: 512 * MIB,
        growable_paged_spaces: 5,
        separate_min_semi_space: true,
        forgets_configured_initial: false,
        has_percentage_flag: true,
    },
    growing: GrowingRules {
        bound: LimitBound::MinimumLast,
        capacity_counts_usable_bytes: false,
        consumed_counts_waste: true,
        shrinking: InitialShrinking::UntilFirstFullCollection,
        configured_initial_is_kept: true,
        recompute: RecomputeMoment::AfterPause,
        shrinks_new_space_before_limits: true,
        embedder_factor: 1.1,
    },
    new_space: NewSpaceRules {
        resize: ResizeMoment::End,
        lazy_commit: true,
        full_collection_flips: true,
        expands_during_marking: true,
        promotion_room: PromotionRoom::UsableOfLarger,
        low_throughput: 1_000,
        page_promotion_percent: 70,
        copy_buffer: 32 * KIB,
        parked_buffer_min: 4 * KIB,
    },
    collection: CollectionRules {
        separate_gc_phases: true,
        overshot_marking_finalizes: false,
        overshoot_counts_young: true,
        soft_limit: SoftLimit::WhenMarkingIsInProgress,
        retry_ignores_soft_limit: true,
        late_limit_check: true,
        full_collections_after_young: 2,
        last_attempt_always_allocates: false,
        statistics_free_linear_areas: true,
        open_linear_areas_count_as_used: false,
        flushes_number_string_cache: false,
        bytecode_old_age: 6,
        memory_reducer_collections: 2,
        memory_reducer_start_delay_ms: 30_000,
    },
    ineffective: IneffectiveRules {
        min_share: 0.95,
        max_mutator_utilization: 0.4,
        consecutive: 4,
        moment: IneffectiveMoment::AfterRecording,
    },
    external: ExternalRules {
        soft_limit: 64 * MIB,
        interrupt_step: Some(128 * KIB),
        young_buffers: 64 * MIB,
        young_buffers_wait_for_marking: true,
    },
    pretenuring: PretenuringRules {
        threshold: PretenuringThreshold::AtMost(8 * MIB),
        min_created: 100,
        min_ratio: 0.85,
        counts_in_full_collections: false,
        reset_below_survival: 0.1,
        executions_until_optimized: 4_800,
        executions_until_reoptimized: 2_000,
    },
    tracer: TracerRules {
        throughput: ThroughputModel::Smoothed { half_life_ms: 100.0 },
        first_sample_counts: true,
        first_mark_compact_counts: true,
        steps_print_as_zero: false,
    },
    objects: ObjectSizes {
        js_array_buffer: 96,
        js_typed_array: 104,
        js_data_view: 88,
        js_proxy: 40,
        js_date: 96,
        js_date_value: 0,
        js_error: 544,
        max_fixed_array_length: 134_217_726,
        max_string_length: 536_870_888,
        max_on_heap_typed_array: 64,
        number_string_cache_entries: 8_192,
        number_string_cache_bytes: 131_088,
        buffer_pool: 64 * KIB,
    },
    baseline: Baseline {
        new: BaselineSpace { committed: 256 * KIB, used: 173_696 },
        old: BaselineSpace { committed: 3_145_728, used: 2_812_200 },
        code: BaselineSpace { committed: 262_144, used: 17_300 },
        code_live: 17_300,
        trusted: BaselineSpace { committed: 1_310_720, used: 989_796 },
        large_object: BaselineSpace { committed: 135_168, used: 131_088 },
        read_only_used: 1_617 * KIB,
        new_space_survival: 0.47,
        old_garbage: 104_000,
        external: 1_651_915,
        array_buffers: 137_651,
        rss: 42_000_000,
        start_ms: 17.0,
    },
    cost: CostModel::with_mutator(2.0),
};
