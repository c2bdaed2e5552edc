//! [`record!`](crate::record!): the declaration of a record type. What it is made of is in `typed_record.rs`.

/// Declares a record type: tagged fields, which the collectors follow, then raw ones, which they do not.
///
/// The type is a type of handles like those of [`types`](crate::types). Its `new` takes the tagged fields in their order;
/// each field is a constant of the type for [`Scope::read`](crate::Scope::read) and [`Heap::write`](crate::Heap::write).
/// A tagged field is a type of handles (read as an `Option`), [`Any`](crate::record::Any) or [`Smi`](crate::record::Smi); a
/// raw field is an integer or a float. The names show in paths and in the census.
///
/// ```
/// use gcheap::{Heap, HeapOptions, types::JsString};
///
/// gcheap::record! {
///     /// An element of a list.
///     pub struct Node {
///         /// The element behind it.
///         next: Node,
///         label: JsString,
///     } raw {
///         visits: u32,
///         weight: f64,
///     }
/// }
///
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let label = scope.string("the last")?;
/// let last = Node::new(&mut scope, None, Some(label))?;
/// let first = Node::new(&mut scope, Some(last), None)?;
/// scope.write(last, Node::weight, 0.5)?;
/// scope.collect_garbage()?;
/// let behind = scope.read(first, Node::next)?.expect("it was given");
/// assert_eq!(scope.read(behind, Node::weight)?, 0.5);
/// assert_eq!(scope.path_to(last)?.expect("the first holds it").to_string(), "a handle of an open scope -> Node field next -> Node");
/// # Ok::<(), gcheap::Error>(())
/// ```
///
/// A field of another type does not compile:
///
/// ```compile_fail
/// gcheap::record! { struct One { a: gcheap::record::Smi } }
/// gcheap::record! { struct Two { a: gcheap::record::Smi } }
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let mut scope = heap.scope();
/// let one = One::new(&mut scope, 1).unwrap();
/// scope.read(one, Two::a).unwrap();
/// ```
///
/// Nor does a value of another type:
///
/// ```compile_fail
/// gcheap::record! { struct Named { name: gcheap::types::JsString } }
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let mut scope = heap.scope();
/// let array = scope.array(&[]).unwrap();
/// Named::new(&mut scope, Some(array)).unwrap();
/// ```
///
/// Nor a raw field that is no number:
///
/// ```compile_fail
/// gcheap::record! { struct Wrong {} raw { text: String } }
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let mut scope = heap.scope();
/// let wrong = Wrong::new(&mut scope).unwrap();
/// scope.read(wrong, Wrong::text).unwrap();
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)?
        }
        $(raw {
            $($(#[$raw_meta:meta])* $raw:ident: $raw_type:ty),* $(,)?
        })?
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        $vis enum $name {}

        impl $crate::Type for $name {
            const NAME: &'static str = stringify!($name);
            const KINDS: u64 = <$crate::types::Record as $crate::types::Type>::KINDS;
            fn record_key() -> Option<::core::any::TypeId> {
                Some(::core::any::TypeId::of::<$name>())
            }
        }

        const _: () = {
            // Where the fields lie, worked out by the compiler.
            #[allow(dead_code, non_snake_case, non_camel_case_types)]
            #[repr(C)]
            struct __TaggedFields {
                $($field: u64,)*
            }
            #[allow(dead_code, non_snake_case, non_camel_case_types)]
            #[repr(C)]
            struct __RawFields {
                $($($raw: $raw_type,)*)?
            }

            impl $crate::record::RecordLayout for $name {
                const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
                const RAW_BYTES: u64 = ::core::mem::size_of::<__RawFields>() as u64;
            }

            #[allow(non_upper_case_globals, dead_code)]
            impl $name {
                $(
                    #[doc = concat!("The tagged field `", stringify!($field), "`.")]
                    ///
                    $(#[$field_meta])*
                    $vis const $field: $crate::record::Field<$name, $type> =
                        $crate::record::Field::at(::core::mem::offset_of!(__TaggedFields, $field) / 8);
                )*
                $($(
                    #[doc = concat!("The raw field `", stringify!($raw), "`.")]
                    ///
                    $(#[$raw_meta])*
                    $vis const $raw: $crate::record::RawField<$name, $raw_type> =
                        $crate::record::RawField::at(::core::mem::offset_of!(__RawFields, $raw));
                )*)?

                /// A record with these tagged fields; raw ones are zero. Can collect.
                ///
                /// # Errors
                /// Out of memory, or a handle of another heap.
                #[allow(clippy::too_many_arguments, clippy::new_ret_no_self)]
                #[inline]
                $vis fn new<'s>(
                    scope: &mut $crate::Scope<'s>,
                    $($field: <$type as $crate::record::TaggedField>::Set<'_>),*
                ) -> Result<$crate::Local<'s, $name>, $crate::Error> {
                    scope.record_of::<$name>(&[$(<$type as $crate::record::TaggedField>::value($field)),*])
                }
            }
        };
    };
}
