//! Makes the folder of the built web client where it is missing: the program builds without Node,
//! and its page then says how to get the real one.

use std::fs;
use std::path::Path;

const PLACEHOLDER: &str = "<!doctype html><meta charset=utf-8><title>Bastide</title>\
<p>This program was built without its web client. Run <code>make web</code>, then build again.</p>\n";

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    println!("cargo::rerun-if-changed={}", folder.display());
    if !folder.join("index.html").exists() {
        let made =
            fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join("index.html"), PLACEHOLDER));
        if let Err(error) = made {
            println!("cargo::error=cannot write {}: {error}", folder.display());
        }
    }
}
