//! All integration tests in one binary, so that they link once.

mod architecture;
mod daemon;
mod home;
mod hostile;
mod kill;
mod reference;
mod rotate;
mod rotate_differential;
mod seal;
