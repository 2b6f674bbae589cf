//! The pages over facts that a test sets, in a browser and without one.

mod browser;
mod chromium;
mod routes;
mod shown;
