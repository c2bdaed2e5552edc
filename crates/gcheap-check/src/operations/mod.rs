//! The operations, an area a file. Each does the same to heap and model, and checks what the call itself gives back.

mod arrays;
mod buffers;
mod collections;
mod control;
mod literals;
mod objects;
pub(crate) mod phases;
mod stretches;
mod strings;
mod weak;

use crate::failure::{Done, Stop};
use crate::harness::Turn;
use crate::operation::{Action, Operation};
use crate::world::{Pair, World};
use gcheap::Scope;

impl World<'_> {
    /// Does one operation in a scope of its own.
    pub(crate) fn execute<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        use Action::*;
        if self.harness.settings().plain && is_watched(operation.action) {
            return Ok(());
        }
        match operation.action {
            Object | SetProperty | AddProperty | Number | Closure | Promise | Record | SetField | WriteRaw => {
                self.objects(turn, locals, operation)
            }
            Array | ArrayWithLength | LargeArray | ArrayOfDoubles | ArrayPush | ArrayPushMany | Hoard | ArraySet
            | PunchHoles | ArrayTruncate | ArrayClear => self.arrays(turn, locals, operation),
            Text | LongText | Concat | Substring | Flatten | NumberToString => self.strings(turn, locals, operation),
            Map | MapSet | MapSetMany | MapDelete | MapDeleteMany | Set | SetAdd | SetDelete => {
                self.collections(turn, locals, operation)
            }
            WeakMap | WeakMapSet | WeakMapChain | WeakMapDelete | WeakRef | Deref | Registry | Register
            | Unregister | TakeFinalization | WeakHandle => self.weak(turn, locals, operation),
            ArrayBuffer | TypedArray | WriteBuffer | View => self.buffers(turn, locals, operation),
            Garbage | DropRoot | CopyRoot | EndJob | Minor | Major | LastResort | Advance | Stress | RefusePages
            | RefuseBackingStores | AddNearLimit | RemoveNearLimit => self.control(turn, locals, operation),
            StartMarking | MarkBytes | FinishMarking | Evacuate | SweepPage | ForceCompaction | ForcePromotion
            | FillNewSpace | FillOldSpace | RefuseDuring => self.phases(turn, operation),
            Table | TableSet | Stretch => self.stretches(turn, locals, operation),
            Literals => self.literals(turn, locals, operation),
            Compare => self.compare(turn, locals),
            Custom(index) => {
                let harness = self.harness;
                let Some(custom) = harness.operation_at(index) else {
                    return Err(Stop::wrong(format!("there is no operation {index} of the user")));
                };
                self.coverage.custom_operations += 1;
                custom.run(&mut Turn { world: self, scope: turn, locals }, operation.numbers)
            }
            // They need the scope of the program itself.
            OpenScope | CloseScope | OpenLocal | OpenVariable | SetVariable => Ok(()),
        }
    }
}

/// What makes a collection of the nursery look at it: something waits for the death of a young object.
fn is_watched(action: Action) -> bool {
    use Action::*;
    matches!(
        action,
        WeakMap
            | WeakMapSet
            | WeakMapChain
            | WeakMapDelete
            | WeakRef
            | Deref
            | Registry
            | Register
            | Unregister
            | TakeFinalization
            | WeakHandle
            | ArrayBuffer
            | TypedArray
            | WriteBuffer
            | View
            | Stress
    )
}
