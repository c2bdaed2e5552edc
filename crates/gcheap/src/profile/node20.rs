//! Node 20: V8 11.3.
//!
//! Its habits that later versions lost: an open linear area counts as used as a whole, limits add usable bytes only, and the
//! first mark-compact has no mutator utilisation.

use super::{
    Baseline, BaselineSpace, CollectionRules, ExternalRules, GrowingRules, IneffectiveMoment, IneffectiveRules,
    InitialShrinking, KIB, LargeMemory, LimitBound, LimitRules, MIB, NewSpaceRules, ObjectSizes, PageRules,
    PretenuringRules, PretenuringThreshold, Profile, PromotionRoom, RecomputeMoment, ResizeMoment, SoftLimit,
    ThroughputModel, TracerRules, YoungSize,
};
use crate::event::SpaceName;
use crate::time::CostModel;
use crate::trace::Dialect;

/// Node 20.
///
/// ```
/// assert_eq!(gcheap::profile::NODE_20.node_major, 20);
/// ```
pub static NODE_20: Profile = Profile {
    node_major: 20,
    node_version: "20.20.2",
    v8_version: "11.3.244.8-node.38",
    dialect: Dialect::V8_11_3,
    spaces: &[
        SpaceName::ReadOnly,
        SpaceName::New,
        SpaceName::Old,
        SpaceName::Code,
        SpaceName::Shared,
        SpaceName::NewLargeObject,
        SpaceName::LargeObject,
        SpaceName::CodeLargeObject,
        SpaceName::SharedLargeObject,
    ],
    pages: PageRules { size: 256 * KIB, header: 4_424, os_page: 4 * KIB, max_regular_object: 128 * KIB },
    limits: LimitRules {
        default_max_semi_space: 16 * MIB,
        default_min_semi_space: MIB,
        young: YoungSize::FromOldGeneration { ratio: 128, low_memory_ratio: 256 },
        low_memory_old_generation: 256 * MIB,
        min_old_generation_from_memory: 256 * MIB,
        max_old_generation_from_memory: 2_048 * MIB,
        large_memory: LargeMemory::From16GibRounded,
        default_max_old_generation: 1_400 * MIB,
        max_initial_old_generation: 512 * MIB,
        growable_paged_spaces: 3,
        separate_min_semi_space: false,
        forgets_configured_initial: false,
        has_percentage_flag: false,
    },
    growing: GrowingRules {
        bound: LimitBound::HalfwayLast,
        capacity_counts_usable_bytes: true,
        consumed_counts_waste: false,
        shrinking: InitialShrinking::UntilItWouldGrow,
        configured_initial_is_kept: false,
        recompute: RecomputeMoment::InsidePause,
        shrinks_new_space_before_limits: false,
        embedder_factor: 0.0,
    },
    new_space: NewSpaceRules {
        resize: ResizeMoment::Start,
        lazy_commit: false,
        full_collection_flips: false,
        expands_during_marking: false,
        promotion_room: PromotionRoom::UsableCapacity,
        low_throughput: 1_000,
        page_promotion_percent: 70,
        copy_buffer: 32 * KIB,
        parked_buffer_min: 4 * KIB,
    },
    collection: CollectionRules {
        separate_gc_phases: false,
        overshot_marking_finalizes: true,
        overshoot_counts_young: false,
        soft_limit: SoftLimit::WhenMarkingIsComplete,
        retry_ignores_soft_limit: false,
        late_limit_check: false,
        full_collections_after_young: 0,
        last_attempt_always_allocates: true,
        statistics_free_linear_areas: false,
        open_linear_areas_count_as_used: true,
        flushes_number_string_cache: true,
        bytecode_old_age: 5,
        memory_reducer_collections: 3,
        memory_reducer_start_delay_ms: 8_000,
    },
    ineffective: IneffectiveRules {
        min_share: 0.8,
        max_mutator_utilization: 0.4,
        consecutive: 4,
        moment: IneffectiveMoment::BeforeRecordingFatalInPause,
    },
    external: ExternalRules {
        soft_limit: 64 * MIB,
        interrupt_step: None,
        young_buffers: 32 * MIB,
        young_buffers_wait_for_marking: false,
    },
    pretenuring: PretenuringRules {
        threshold: PretenuringThreshold::Maximum,
        min_created: 100,
        min_ratio: 0.85,
        counts_in_full_collections: true,
        reset_below_survival: 0.1,
        executions_until_optimized: 18_000,
        executions_until_reoptimized: 40_000,
    },
    tracer: TracerRules {
        throughput: ThroughputModel::Window { window_ms: 5_000.0 },
        first_sample_counts: false,
        first_mark_compact_counts: false,
        steps_print_as_zero: false,
    },
    objects: ObjectSizes {
        js_array_buffer: 88,
        js_typed_array: 96,
        js_data_view: 80,
        js_proxy: 32,
        js_date: 96,
        js_date_value: 16,
        js_error: 650,
        max_fixed_array_length: 134_217_725,
        max_string_length: 536_870_888,
        max_on_heap_typed_array: 64,
        number_string_cache_entries: 16_384,
        number_string_cache_bytes: 262_160,
        buffer_pool: 8 * KIB,
    },
    baseline: Baseline {
        new: BaselineSpace { committed: MIB, used: 110_360 },
        old: BaselineSpace { committed: 2_588_672, used: 2_535_600 },
        code: BaselineSpace { committed: 262_144, used: 245_712 },
        code_live: 11_264,
        trusted: BaselineSpace { committed: 0, used: 0 },
        large_object: BaselineSpace { committed: 270_336, used: 262_160 },
        read_only_used: 48 * KIB,
        new_space_survival: 0.57,
        old_garbage: 230_000,
        external: 1_124_126,
        array_buffers: 10_511,
        rss: 40_800_000,
        start_ms: 15.5,
    },
    cost: CostModel::with_mutator(2.18),
};
