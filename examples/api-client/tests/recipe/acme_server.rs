//! Acme's server: orders behind tokens.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use unlapse_example_stage::Stage;
use unlapse_example_stage::axum::{Json, Router, routing::get};

/// Acme, with one order.
pub(crate) fn acme() -> Stage {
    let orders = Arc::new(Mutex::new(vec![json!({ "id": 1, "item": "anvil" })]));
    let all = Arc::clone(&orders);
    let list = || async move { Json(all.lock().unwrap_or_else(PoisonError::into_inner).clone()) };
    let place = |Json(order): Json<Value>| async move {
        let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
        let order = json!({ "id": orders.len() + 1, "item": order["item"] });
        orders.push(order.clone());
        Json(order)
    };
    Stage::builder().api(Router::new().route("/orders", get(list).post(place))).start()
}
