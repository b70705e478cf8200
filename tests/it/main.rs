//! All integration tests in one binary, so that they link once.

mod architecture;
mod home;
mod kill;
mod rotate;
mod rotate_differential;
