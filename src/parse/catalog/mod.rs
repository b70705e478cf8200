//! The text formats that are known by themselves: what loggers, servers and systems write when nobody configures them.
//! In the order in which they are tried; a format that takes nearly anything stands behind those that know better.

mod applications;
mod programs;
mod systems;

use super::format::Joins;

/// A format made of layouts, which are tried in their order. Behind ` => ` stands the logger of all lines of a layout.
pub struct Described {
    pub name: &'static str,
    pub joins: Joins,
    pub layouts: &'static [&'static str],
}

const fn format(name: &'static str, joins: Joins, layouts: &'static [&'static str]) -> Described {
    Described { name, joins, layouts }
}

pub fn catalog() -> impl Iterator<Item = &'static Described> {
    [applications::APPLICATIONS, programs::PROGRAMS, systems::SYSTEMS].into_iter().flatten()
}
