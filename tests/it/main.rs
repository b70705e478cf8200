//! All integration tests in one binary, so that they link once.

mod alarms;
mod alerts;
mod architecture;
mod archive;
mod compress;
mod cut;
mod daemon;
mod differential;
mod elastic;
mod encoding;
mod formats;
mod fuzz;
mod home;
mod hostile;
mod http;
mod kill;
mod mail;
mod metrics;
mod parse;
mod prometheus;
mod receive;
mod reference;
mod rotate;
mod seal;
mod ship;
mod workflows;
