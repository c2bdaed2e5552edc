//! Policies that answer nonsense or panic, and profiles that cannot be: the heap stays valid, or there is none.

use gcheap::event::{Collector, CollectorReason, Event};
use gcheap::policy::*;
use gcheap::profile::{NODE_10, NODE_24, Profile};
use gcheap::{Compaction, Error, ErrorKind, GcKind, Heap, HeapOptions, Placement, Scope};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Mutex;

/// Panics at one question, counted over all of them, and answers as V8 before and after. Without a message: the hook is not called.
#[derive(Clone, Debug)]
struct Panics {
    asked: Rc<Cell<u64>>,
    at: u64,
}

impl Panics {
    fn ask(&self) {
        self.asked.set(self.asked.get() + 1);
        if self.asked.get() == self.at {
            resume_unwind(Box::new("the policy"));
        }
    }
}

macro_rules! ask_first {
    ($($name:ident($($input:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Policy for Panics {
            $(fn $name(&self, $($input: $type),*) -> $result {
                self.ask();
                V8Policy.$name($($input),*)
            })*

            // Both are asked of every page: evacuation has to happen for a panic to do harm.
            fn evacuation_candidates(&self, pages: &[PageFill], _: u64, _: &CompactionThresholds) -> Vec<u32> {
                self.ask();
                pages.iter().skip(1).map(|fill| fill.page).collect()
            }

            fn promote_page(&self, inputs: &PagePromotionInputs) -> bool {
                self.ask();
                inputs.can_expand && inputs.live % 16 == 0
            }
        }
    };
}

ask_first! {
    recompute_limits(inputs: &RecomputeInputs, profile: &Profile) -> gcheap::event::LimitUpdate;
    start_of_marking(inputs: &StartOfMarkingInputs) -> MarkingLimit;
    select_collector(inputs: &SelectCollectorInputs, profile: &Profile) -> (Collector, CollectorReason);
    may_expand(inputs: &CanExpandInputs, bytes: u64) -> bool;
    should_expand(inputs: &ShouldExpandInputs, profile: &Profile) -> bool;
    check_ineffective(inputs: &IneffectiveInputs, rules: &gcheap::profile::IneffectiveRules) -> Ineffective;
    check_hard_limit(inputs: &HardLimitInputs) -> HardLimit;
    resize_new_space(inputs: &NewSpaceResizeInputs) -> NewSpaceResize;
    compaction_thresholds(inputs: &CompactionInputs) -> CompactionThresholds;
}

gcheap::record! {
    struct Numbered {
        next: Numbered,
        number: gcheap::record::Smi,
    } raw {
        same: u64,
    }
}

/// Makes lists, of which most survive, and collects in both ways; some lists are let go.
fn round<'s>(scope: &mut Scope<'s>, round: i32) -> Result<(), Error> {
    let mut turn = scope.scope();
    let table = turn.table::<Numbered>(Placement::Old, 40)?;
    for list in 0..40 {
        let mut head = None;
        for element in 0..60 {
            let number = round * 10_000 + list as i32 * 100 + element;
            let fresh = Numbered::new(&mut turn, head, number)?;
            turn.write(fresh, Numbered::same, number as u64)?;
            head = Some(fresh);
        }
        turn.table_set(table, list, head)?;
    }
    turn.collect(if round % 3 == 2 { GcKind::Major } else { GcKind::Minor })?;
    for list in 0..40 {
        let mut at = turn.table_get(table, list)?;
        let mut element = 60;
        while let Some(record) = at {
            element -= 1;
            let number = turn.read(record, Numbered::number)?;
            assert_eq!(number, round * 10_000 + list as i32 * 100 + element);
            assert_eq!(turn.read(record, Numbered::same)?, number as u64, "one handle, one object");
            at = turn.read(record, Numbered::next)?;
        }
        assert_eq!(element, 0);
    }
    Ok(())
}

fn options(policy: Box<dyn Policy>, nursery: Option<u64>) -> HeapOptions {
    HeapOptions { policy, nursery, ..HeapOptions::for_tests() }
}

#[test]
fn a_policy_that_panics_leaves_a_valid_heap_and_every_handle_its_object() {
    for nursery in [None, Some(256 << 10)] {
        let run = |at: u64| {
            let asked = Rc::new(Cell::new(0));
            let mut heap = Heap::new(options(Box::new(Panics { asked: Rc::clone(&asked), at }), nursery)).unwrap();
            heap.force_compaction(Compaction::Policy);
            let mut scope = heap.scope();
            let kept = scope.table::<Numbered>(Placement::Young, 1000).unwrap();
            for place in 0..1000 {
                let mut turn = scope.scope();
                let record = Numbered::new(&mut turn, None, place as i32).unwrap();
                turn.table_set(kept, place, Some(record)).unwrap();
            }
            let mut panicked = false;
            for number in 0..6 {
                panicked |= match catch_unwind(AssertUnwindSafe(|| round(&mut scope, number))) {
                    Ok(done) => {
                        done.unwrap();
                        false
                    }
                    Err(panic) => {
                        assert!(panic.is::<&str>() && panic.downcast_ref() == Some(&"the policy"), "question {at}");
                        true
                    }
                };
                scope.verify().unwrap_or_else(|error| panic!("question {at}, {nursery:?}: {error}"));
            }
            for place in 0..1000 {
                let record = scope.table_get(kept, place).unwrap().unwrap();
                assert_eq!(scope.read(record, Numbered::number).unwrap(), place as i32, "question {at}");
            }
            (asked.get(), panicked)
        };
        let (questions, _) = run(u64::MAX);
        assert!(questions > 30, "{questions}");
        for at in 1..=questions {
            assert!(run(at).1, "question {at} of {questions} was asked");
        }
    }
}

/// Chooses pages that it was not asked about, and each that it was twice.
#[derive(Debug)]
struct Nonsense;

impl Policy for Nonsense {
    fn evacuation_candidates(&self, pages: &[PageFill], _: u64, _: &CompactionThresholds) -> Vec<u32> {
        let known = pages.iter().map(|fill| fill.page);
        known.clone().chain(known.rev()).chain(0..200).chain([1 << 14, u32::MAX]).collect()
    }
}

#[test]
fn pages_that_a_policy_was_not_asked_about_are_not_evacuated() {
    for nursery in [None, Some(256 << 10)] {
        let mut heap = Heap::new(options(Box::new(Nonsense), nursery)).unwrap();
        let mut scope = heap.scope();
        let large = scope.array_with_length(Placement::Old, 40_000).unwrap();
        for number in 0..9 {
            round(&mut scope, number).unwrap();
            scope.verify().unwrap();
        }
        assert!(scope.evacuated_pages() > 0);
        assert_eq!(scope.array_length(large).unwrap(), 40_000);
    }
}

/// Wants a new space that cannot be.
#[derive(Debug)]
struct Sizes(NewSpaceResize);

impl Policy for Sizes {
    fn resize_new_space(&self, _: &NewSpaceResizeInputs) -> NewSpaceResize {
        self.0
    }
}

#[test]
fn a_new_space_of_an_impossible_size_is_none() {
    for profile in [&NODE_10, &NODE_24] {
        for bytes in [0, 1, (1 << 18) - 1, 1 << 19, u64::MAX / 2, u64::MAX] {
            for size in [NewSpaceResize::Grow(bytes), NewSpaceResize::Shrink(bytes)] {
                let options = HeapOptions { profile, ..options(Box::new(Sizes(size)), None) };
                let mut heap = Heap::new(options).unwrap();
                let mut scope = heap.scope();
                for number in 0..4 {
                    // It may be out of memory, if it wants it all for its new space.
                    let _ = round(&mut scope, number);
                    scope.verify().unwrap_or_else(|error| panic!("{size:?}: {error}"));
                }
                let statistics = scope.statistics();
                assert!(statistics.total_heap_size < 200 << 20, "{size:?}: {statistics:?}");
            }
        }
    }
}

#[test]
fn a_listener_that_panics_leaves_a_valid_heap() {
    for at in 1.. {
        let told = Rc::new(Cell::new(0));
        let mut heap = Heap::new(HeapOptions { nursery: Some(256 << 10), ..HeapOptions::for_tests() }).unwrap();
        let counts = Rc::clone(&told);
        heap.subscribe(move |_: &Event| {
            counts.set(counts.get() + 1);
            if counts.get() == at {
                resume_unwind(Box::new(()));
            }
        });
        let mut scope = heap.scope();
        for number in 0..6 {
            if let Ok(done) = catch_unwind(AssertUnwindSafe(|| round(&mut scope, number))) {
                done.unwrap();
            }
            scope.verify().unwrap();
        }
        if told.get() < at {
            assert!(at > 6, "{at} events");
            break;
        }
    }
}

#[test]
fn a_callback_near_the_limit_that_panics_is_asked_again() {
    for profile in [&NODE_10, &NODE_24] {
        let flags = Flags { max_old_space_size_mb: Some(8), max_semi_space_size_mb: Some(1), ..Flags::default() };
        let mut heap = Heap::new(HeapOptions { profile, flags, verify: false, ..HeapOptions::for_tests() }).unwrap();
        let asked = Rc::new(Cell::new(0));
        let counts = Rc::clone(&asked);
        heap.add_near_heap_limit_callback(move |current, _| {
            counts.set(counts.get() + 1);
            if counts.get() == 1 {
                resume_unwind(Box::new(()));
            }
            if counts.get() == 2 { current + (8 << 20) } else { current }
        });
        let mut scope = heap.scope();
        let list = scope.array(&[]).unwrap();
        let mut panics = 0;
        let error = loop {
            let pushed = catch_unwind(AssertUnwindSafe(|| {
                let mut turn = scope.scope();
                let piece = turn.array_with_length(Placement::Young, 1000)?;
                turn.array_push(list, piece.into())
            }));
            match pushed {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => break error,
                Err(_) => panics += 1,
            }
            assert!(scope.array_length(list).unwrap() < 3000, "there is no limit any more");
        };
        assert!(error.out_of_memory().is_some(), "{error}");
        assert!(panics == 1 && asked.get() >= 3, "{panics}, {}", asked.get());
        assert!(scope.array_length(list).unwrap() > 1400, "the second answer raised the limit");
        scope.verify().unwrap();
    }
}

#[test]
fn a_profile_of_pages_or_objects_that_cannot_be_makes_no_heap() {
    let with = |change: fn(&mut Profile)| {
        let mut profile = NODE_24;
        change(&mut profile);
        // A static knows them, so that a search for leaks finds only others.
        static PROFILES: Mutex<Vec<&'static Profile>> = Mutex::new(Vec::new());
        let profile: &'static Profile = Box::leak(Box::new(profile));
        PROFILES.lock().unwrap().push(profile);
        (profile, Heap::new(HeapOptions { profile, ..HeapOptions::for_tests() }))
    };
    let cases: [fn(&mut Profile); 31] = [
        |profile| profile.pages.size = 0,
        |profile| profile.pages.size = 100_000,
        |profile| profile.pages.size = 1 << 12,
        |profile| profile.pages.size = 1 << 60,
        |profile| profile.pages.header = 0,
        |profile| profile.pages.header = 12,
        |profile| profile.pages.header = 1 << 18,
        |profile| profile.pages.header = u64::MAX,
        // Objects of 16 KiB are taken for regular ones without a question.
        |profile| profile.pages.max_regular_object = 8 << 10,
        |profile| profile.pages.max_regular_object = 1 << 18,
        |profile| profile.pages.max_regular_object = u64::MAX,
        |profile| profile.objects.js_array_buffer = 0,
        |profile| profile.objects.js_array_buffer = u64::MAX,
        |profile| profile.objects.js_typed_array = 8,
        |profile| profile.objects.js_typed_array = 100,
        |profile| profile.objects.max_fixed_array_length = u64::MAX,
        |profile| profile.new_space.copy_buffer = 0,
        |profile| profile.objects.string_padding = 4,
        |profile| profile.objects.string_padding = 1 << 23,
        |profile| profile.objects.string_padding = u64::MAX - 7,
        |profile| profile.objects.context_padding = 4,
        |profile| profile.objects.context_padding = u64::MAX - 7,
        |profile| profile.objects.number_string_cache_entries = 0,
        |profile| profile.objects.number_string_cache_entries = 256,
        |profile| profile.objects.number_string_cache_entries = 1000,
        |profile| profile.objects.number_string_cache_entries = 1 << 26,
        |profile| profile.objects.number_string_cache_entries = 1 << 63,
        |profile| profile.baseline.old.used = 1 << 40,
        |profile| profile.baseline.trusted.used = u64::MAX,
        |profile| profile.baseline.code.used = u64::MAX,
        |profile| profile.baseline.new.used = u64::MAX,
    ];
    for (number, change) in cases.into_iter().enumerate() {
        let (profile, heap) = with(change);
        let error = heap.err().unwrap_or_else(|| panic!("case {number}: {:?} {:?}", profile.pages, profile.objects));
        assert!(matches!(error.kind(), ErrorKind::Profile { .. }), "case {number}: {error}");
    }
    let (_, heap) = with(|profile| profile.pages.size = 1 << 19);
    heap.unwrap().collect_garbage().unwrap();
}

#[test]
fn a_profile_that_starts_with_less_than_the_number_string_cache_makes_a_heap() {
    static SMALL: Profile = {
        let mut profile = NODE_24;
        profile.objects.number_string_cache_starts_small = true;
        (profile.baseline.old.used, profile.baseline.old_garbage) = (4000, 0);
        profile
    };
    let mut heap = Heap::new(HeapOptions { profile: &SMALL, baseline: true, ..HeapOptions::for_tests() }).unwrap();
    let mut scope = heap.scope();
    let text = scope.number_to_string(7).unwrap();
    assert_eq!(scope.string_value(text).unwrap(), "7");
    scope.verify().unwrap();
}
