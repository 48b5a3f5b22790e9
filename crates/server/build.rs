//! Embeds the assets: the program needs no file beside it.

fn main() {
    memory_serve::load_directory("./assets");
}
