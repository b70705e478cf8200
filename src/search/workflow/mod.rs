//! Workflows, from the entries that name them. [`Life`] remembers what matters of one, whatever the order in which its
//! entries come; `course` finds its attempts and phases; [`Workflow`] tells it. Rates of failure count [`Endings`].

mod course;
mod endings;
mod event;
mod kept;
mod life;
mod list;
mod one;
#[cfg(test)]
mod tests;
mod told;

pub use list::{List, ListRequest, Sort, workflows};
pub use one::{One, workflow};
pub use told::{Clock, Outcome, Workflow};

pub(super) use endings::Endings;
pub use event::{ENDINGS, Ending, Event, Facts};
use life::Life;
