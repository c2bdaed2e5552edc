//! The `membench` program: everything it does is in the library beside it.

fn main() {
    membench::run::main(std::env::args_os()).leave()
}
