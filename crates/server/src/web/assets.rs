//! Style sheet, script and icon: embedded, served under names that change with their content.

use std::sync::OnceLock;

use axum::Router;
use memory_serve::{CacheControl, Manifest, MemoryServe};

const PREFIX: &str = "/assets";

fn files() -> MemoryServe {
    memory_serve::load!().index_file(None).enable_hashed_routes(true).cache_control(CacheControl::Medium)
}

/// The address of an asset, which changes when the asset does.
pub fn path(name: &str) -> String {
    static MANIFEST: OnceLock<Manifest> = OnceLock::new();
    let manifest = MANIFEST.get_or_init(|| files().manifest());
    let plain = format!("/{name}");
    format!("{PREFIX}{}", manifest.get(&plain).unwrap_or(&plain))
}

/// The addresses of the assets.
pub fn routes() -> Router {
    Router::new().nest(PREFIX, files().into_router())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_with_the_content() {
        for name in ["app.css", "app.js", "icon.svg"] {
            let (stem, extension) = name.split_once('.').unwrap();
            let path = path(name);
            assert!(path.starts_with(&format!("/assets/{stem}.")) && path.ends_with(extension), "{path}");
            assert_ne!(path, format!("/assets/{name}"));
        }
    }
}
