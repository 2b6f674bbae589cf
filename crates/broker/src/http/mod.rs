//! The API: JSON over HTTP. `openapi.json` beside this file says all that it takes and answers.
#![allow(dead_code, reason = "the routes come with the engine")]
mod body;
mod cursor;
mod failed_keys;
mod gate;
mod params;
mod refusal;
mod timestamp;
