/// The name of an error's type as `error.type` wants it: without its parameters, and `_OTHER` for
/// an error behind a `dyn`, whose type nobody knows.
pub(crate) fn error_type_of<E: ?Sized>() -> String {
    let name = std::any::type_name::<E>();
    let name = name.split('<').next().unwrap_or(name);
    if name.is_empty() || name.starts_with("dyn ") || name.starts_with("alloc::boxed::Box") {
        "_OTHER".to_owned()
    } else {
        name.to_owned()
    }
}
