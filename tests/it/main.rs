//! All integration tests in one binary, so that they link once.

mod architecture;
mod compress;
mod cut;
mod daemon;
mod differential;
mod formats;
mod fuzz;
mod home;
mod hostile;
mod kill;
mod reference;
mod rotate;
mod seal;
mod ship;
mod workflows;
